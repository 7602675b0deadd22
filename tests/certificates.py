"""Certificates of an authority that is made for a test, and that nobody else trusts."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Authority:
    """Signs certificates of servers.

    Attributes:
        pem: its own certificate, for those who shall trust it.
    """

    def __init__(self, name: str = "Authority of a test") -> None:
        # As Amazon's and most others: RSA, which a client verifies quickest.
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A test"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        own = (
            self._unsigned(self._name, self._key, now - _DAY, now + 2 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = own.public_bytes(serialization.Encoding.PEM).decode()

    def certificate(self, file: Path, *, host: str = "127.0.0.1", expired: bool = False) -> Path:
        """A server's certificate with its key, written to `file`.

        Args:
            file: where to.
            host: an address, or a name.
            expired: whether it was good until an hour ago.
        """
        now = datetime.now(UTC)
        until = now - timedelta(hours=1) if expired else now + _DAY
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        known_as: x509.GeneralName = (
            x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        )
        made = (
            self._unsigned(name, key, now - 2 * _DAY, until)
            .add_extension(x509.SubjectAlternativeName([known_as]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file

    def _unsigned(
        self, name: x509.Name, key: rsa.RSAPrivateKey, since: datetime, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
        )
