"""The two forms of certifi's bundle that the artifact has."""

import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import certifi
import pytest

from local import roots
from local.build import artifact
from shared.roots import BY_NAME, FOLDER, OF_AWS
from tests.certificates import Authority

BUNDLE = Path(certifi.where())


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("artifact")
    roots.lay(BUNDLE, target)
    return target / FOLDER


def trusted(file: Path) -> set[bytes]:
    context = ssl.create_default_context(cafile=str(file))
    return set(context.get_ca_certs(binary_form=True))


def test_aws_roots_are_those_that_amazon_lists(laid: Path) -> None:
    found: Any = ssl.create_default_context(cafile=str(laid / OF_AWS)).get_ca_certs()
    names = [dict(pair for rdn in root["subject"] for pair in rdn)["commonName"] for root in found]
    assert sorted(names) == [
        *(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)),
        "Starfield Services Root Certificate Authority - G2",
    ]
    assert trusted(laid / OF_AWS) < trusted(BUNDLE)


def test_a_root_that_is_missing_fails_the_build(tmp_path: Path) -> None:
    some = re.sub(
        "# Label: .Amazon Root CA 3.*?END CERTIFICATE-----\n", "", text(), flags=re.DOTALL
    )
    assert some != text()
    (tmp_path / "bundle.pem").write_text(some)
    with pytest.raises(ValueError, match="lacks Amazon Root CA 3, which"):
        roots.lay(tmp_path / "bundle.pem", tmp_path)


def test_by_name_has_the_whole_bundle_and_no_more(laid: Path) -> None:
    files = list((laid / BY_NAME).iterdir())
    found = {ssl.PEM_cert_to_DER_cert(file.read_text()) for file in files}
    assert len(files) == len(found)
    assert found == trusted(BUNDLE)


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl to compare with")
def test_names_are_those_of_openssl(laid: Path) -> None:
    for file in (laid / BY_NAME).iterdir():
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert file.name == f"{said.strip()}.0"


def test_roots_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    """As a successor does, which has the name of its predecessor and another key."""
    both = [Authority("Ünïcode  and SPACES ").pem, Authority("ünïcode and spaces").pem]
    (tmp_path / "bundle.pem").write_text(text() + "".join(both))
    roots.lay(tmp_path / "bundle.pem", tmp_path)
    files = sorted((tmp_path / FOLDER / BY_NAME).glob("*"))
    assert len(files) == text().count("BEGIN CERT") + 2
    second = {file.stem for file in files if file.suffix == ".1"}
    kept = [file.read_text() for file in files if file.stem in second]
    # OpenSSL folds the letters of ASCII only, so these differ.
    assert kept == []
    (tmp_path / "bundle.pem").write_text(text() + Authority("A b").pem + Authority("a  B ").pem)
    shutil.rmtree(tmp_path / FOLDER)
    roots.lay(tmp_path / "bundle.pem", tmp_path)
    assert len(list((tmp_path / FOLDER / BY_NAME).glob("*.1"))) == 1


@pytest.mark.parametrize("wrong", [b"", b"\x30\x03\x02\x01", b"\x30\x82"])
def test_what_is_no_certificate_fails(wrong: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        roots.subject_hash(wrong)


def test_the_artifact_has_both() -> None:
    shipped = artifact()
    by_name = shipped / FOLDER / BY_NAME
    bundle = (shipped / "certifi" / "cacert.pem").read_text()
    assert len(list(by_name.iterdir())) == bundle.count("BEGIN CERT") > 100
    assert (shipped / FOLDER / OF_AWS).read_text().count("BEGIN CERT") == len(roots.AWS_ROOTS)


def text() -> str:
    return BUNDLE.read_text("utf-8")
