"""Lays certifi's bundle of roots out as `shared/roots.py` says, for the artifact.

A file of `by-name` has the hash of its root's subject as its name, as `openssl rehash` writes it:
the first four bytes of the SHA-1 of the subject in a canonical form, in which its letters are small
and its spaces single.

https://docs.openssl.org/3.0/man1/openssl-rehash/
https://github.com/openssl/openssl/blob/openssl-3.0/crypto/x509/x_name.c (x509_name_canon)
"""

import hashlib
import re
import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from shared.roots import BY_NAME, FOLDER, OF_AWS

AWS_ROOTS = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services G2",
}
"""By the SHA-256 of the certificate: https://www.amazontrust.com/repository/."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----\n", re.DOTALL)
_SEQUENCE, _SET, _VERSION = 0x30, 0x31, 0xA0
_UTF8 = 0x0C
_LONG = 0x80  # of a length: that it is written in so many bytes
# UTF8String, PrintableString, T61String, IA5String, VisibleString, and those of wider characters.
_TEXTS = {
    _UTF8: "utf-8",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1A: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_SPACES = re.compile(rb"[ \t\n\v\f\r]+")


def lay(bundle: Path, target: Path) -> None:
    """Writes both forms of a bundle into `target`/roots.

    Raises:
        ValueError: a root of AWS is not in the bundle, or something in it is no certificate.
    """
    roots = _PEM.findall(bundle.read_text("utf-8"))
    by_name = target / FOLDER / BY_NAME
    by_name.mkdir(parents=True)
    found: dict[str, str] = {}
    same: Counter[str] = Counter()
    for pem in roots:
        der = ssl.PEM_cert_to_DER_cert(pem)
        found[hashlib.sha256(der).hexdigest()] = pem
        name = subject_hash(der)
        (by_name / f"{name}.{same[name]}").write_text(pem, encoding="ascii")
        same[name] += 1
    missing = [name for digest, name in AWS_ROOTS.items() if digest not in found]
    if missing:
        message = f"{bundle} lacks {', '.join(missing)}, which AWS's servers are signed by"
        raise ValueError(message)
    aws = "".join(found[digest] for digest in AWS_ROOTS)
    (target / FOLDER / OF_AWS).write_text(aws, encoding="ascii")


def subject_hash(der: bytes) -> str:
    """As `openssl x509 -subject_hash` prints it.

    Raises:
        ValueError: it is no certificate.
    """
    digest = hashlib.sha1(_canonical(_subject(der)), usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _subject(der: bytes) -> bytes:
    """The RDNs of the subject: https://www.rfc-editor.org/rfc/rfc5280#section-4.1."""
    [(_, certificate)] = _values(der)
    _, signed = next(_values(certificate))
    fields = [(tag, value) for tag, value in _values(signed) if tag != _VERSION]
    _serial, _algorithm, _issuer, _validity, (tag, subject), *_ = fields
    if tag != _SEQUENCE:
        raise ValueError("a certificate has its subject elsewhere")
    return subject


def _canonical(subject: bytes) -> bytes:
    return b"".join(
        _made(
            _SET,
            b"".join(
                sorted(_made(_SEQUENCE, _attribute(attribute)) for _, attribute in _values(rdn))
            ),
        )
        for _, rdn in _values(subject)
    )


def _attribute(attribute: bytes) -> bytes:
    (kind, oid), (tag, value) = _values(attribute)
    if tag in _TEXTS:
        text = value.decode(_TEXTS[tag]).encode()
        # Only the letters and the spaces of ASCII, as bytes know no others.
        tag, value = _UTF8, _SPACES.sub(b" ", text).strip(b" ").lower()
    return _made(kind, oid) + _made(tag, value)


def _values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that stand one after the other, each with its tag."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & _LONG:
            size = length - _LONG
            length, at = int.from_bytes(der[at : at + size]), at + size
        if at + length > len(der):
            raise ValueError("a certificate ends in the middle")
        yield tag, der[at : at + length]
        at += length


def _made(tag: int, value: bytes) -> bytes:
    length = len(value)
    if length < _LONG:
        return bytes((tag, length)) + value
    size = (length.bit_length() + 7) // 8
    return bytes((tag, _LONG | size)) + length.to_bytes(size) + value
