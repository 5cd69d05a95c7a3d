# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double's certificate stores: as the real modules and Windows are."""

from __future__ import annotations

import base64
import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID
from windows.certificate_modules import thumbprint_of
from windows.machine import Machine
from windows.windows_modules import run_module

FOLDER = "C:\\ProgramData\\x"
PFX = f"{FOLDER}\\a.pfx"
MY, ROOT, CA = "LocalMachine\\My", "LocalMachine\\Root", "LocalMachine\\CA"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A self-signed certificate."""
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(START)
        .not_valid_after(START + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )


KEY = ec.generate_private_key(ec.SECP256R1())
LEAF, OTHER = certificate("leaf", KEY), certificate("other", ec.generate_private_key(ec.SECP256R1()))


def pfx(password: str, *, newer: bool = False) -> bytes:
    """A PKCS#12 file with a key, its certificate and another one."""
    builder = serialization.PrivateFormat.PKCS12.encryption_builder()
    builder = builder.key_cert_algorithm(
        pkcs12.PBES.PBESv2SHA256AndAES256CBC if newer else pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
    ).hmac_hash(hashes.SHA256() if newer else hashes.SHA1())
    return pkcs12.serialize_key_and_certificates(b"our name", KEY, LEAF, [OTHER], builder.build(password.encode()))


class Modules:
    """Runs the modules on a machine."""

    def __init__(self, machine: Machine, collection: Path) -> None:
        self._machine, self._collection = machine, collection
        machine.make_folder(FOLDER)

    def store(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run win_certificate_store."""
        given = {**arguments, "_ansible_check_mode": check}
        return run_module(self._machine, self._collection, "win_certificate_store", given)

    def info(self, **arguments: Any) -> dict[str, Any]:
        """Run win_certificate_info."""
        return run_module(self._machine, self._collection, "win_certificate_info", arguments)


@pytest.fixture
def modules(machine: Machine, real_collection: Path) -> Modules:
    """The modules on a new machine."""
    return Modules(machine, real_collection)


def test_all_of_a_pkcs12_file_goes_into_the_store(machine: Machine, modules: Modules) -> None:
    machine.write(PFX, pfx("secret"))
    arguments = {"path": PFX, "password": "secret", "key_exportable": False, "key_storage": "machine"}
    assert modules.store(check=True, **arguments)["changed"]
    assert machine.certificates(MY) == []
    result = modules.store(**arguments)
    assert result["changed"]
    assert set(result["thumbprints"]) == {thumbprint_of(LEAF), thumbprint_of(OTHER)}
    held = {entry.thumbprint: entry for entry in machine.certificates(MY)}
    leaf = held[thumbprint_of(LEAF)]
    assert (leaf.friendly_name, leaf.exportable, leaf.storage) == ("our name", False, "machine")
    assert leaf.key is not None
    assert held[thumbprint_of(OTHER)].key is None
    assert not modules.store(**arguments)["changed"]
    # Each load of a key leaves a container on Windows, that in check mode too.
    assert len(machine.key_containers) == 3
    assert machine.key_containers[0] == "our name"


@pytest.mark.parametrize("newer", [False, True])
def test_a_wrong_password_and_newer_algorithms_have_the_words_of_windows(machine, modules, newer: bool) -> None:
    machine.write(PFX, pfx("secret", newer=newer))
    result = modules.store(path=PFX, password="secret" if newer else "wrong")
    assert result["msg"].startswith('Failed to load cert from file: Exception calling "Import" with "3" argument(s): "')
    assert "The specified network password is not correct." in result["msg"]
    machine.opens_newer_pkcs12 = True
    assert bool(modules.store(path=PFX, password="secret").get("failed")) is False


def test_a_key_joins_a_certificate_that_was_there_without_one(machine: Machine, modules: Modules) -> None:
    machine.add_certificate(MY, LEAF.public_bytes(serialization.Encoding.DER))
    machine.write(PFX, pfx("secret"))
    assert modules.store(path=PFX, password="secret")["changed"]
    assert [entry.key is not None for entry in machine.certificates(MY) if entry.thumbprint == thumbprint_of(LEAF)]


def test_certificates_alone_come_as_der_pem_or_pkcs7(machine: Machine, modules: Modules) -> None:
    for name, content, count in (
        ("a.cer", LEAF.public_bytes(serialization.Encoding.DER), 1),
        # .NET reads the first of several.
        ("a.pem", b"".join(cert.public_bytes(serialization.Encoding.PEM) for cert in (OTHER, LEAF)), 1),
        ("a.p7b", pkcs7.serialize_certificates([LEAF, OTHER], serialization.Encoding.DER), 2),
    ):
        machine.write(f"{FOLDER}\\{name}", content)
        result = modules.store(path=f"{FOLDER}\\{name}", store_name="CertificateAuthority")
        assert len(result["thumbprints"]) == count
    assert len(machine.certificates(CA)) == 2
    assert modules.info(store_name="CertificateAuthority")["certificates"] == []  # a store of that very name
    machine.write(f"{FOLDER}\\a.cer", b"x")
    assert "Cannot find the requested object." in modules.store(path=f"{FOLDER}\\a.cer")["msg"]
    assert "does not exist or is not a file" in modules.store(path=f"{FOLDER}\\no.cer")["msg"]


def test_a_certificate_is_exported_and_its_key_only_when_it_may_be(machine: Machine, modules: Modules) -> None:
    machine.write(PFX, pfx("secret"))
    modules.store(path=PFX, password="secret", key_exportable=False)
    mark, path = thumbprint_of(LEAF), f"{FOLDER}\\out"
    export = {"state": "exported", "path": path, "thumbprint": mark.lower()}
    assert modules.store(**export)["changed"]
    assert machine.read(path) == LEAF.public_bytes(serialization.Encoding.DER)
    assert not modules.store(**export)["changed"]
    assert modules.store(**export, file_type="pem")["changed"]
    assert x509.load_pem_x509_certificate(machine.read(path)) == LEAF
    refused = modules.store(**export, file_type="pkcs12", password="new")
    assert "Key not valid for use in specified state." in refused["msg"]
    machine.remove_certificate(MY, mark)
    assert modules.store(**{**export, "path": f"{path}2"})["msg"] == "Found 0 certs when only expecting 1"
    modules.store(path=PFX, password="secret", key_exportable=True)
    assert modules.store(**export, file_type="pkcs12", password="new")["changed"]
    assert pkcs12.load_pkcs12(machine.read(path), b"new").key is not None


def test_a_certificate_is_removed_by_thumbprint_in_any_case(machine: Machine, modules: Modules) -> None:
    machine.add_certificate(MY, LEAF.public_bytes(serialization.Encoding.DER))
    absent = {"state": "absent", "thumbprint": thumbprint_of(LEAF).lower()}
    assert modules.store(check=True, **absent)["changed"]
    assert len(machine.certificates("localmachine\\MY")) == 1
    assert modules.store(**absent)["changed"]
    assert not modules.store(**absent)["changed"]


def test_what_is_told_of_a_certificate(machine: Machine, modules: Modules) -> None:
    machine.add_certificate(ROOT, LEAF.public_bytes(serialization.Encoding.DER), friendly_name="ours")
    machine.add_certificate(ROOT, OTHER.public_bytes(serialization.Encoding.DER))
    assert len(modules.info(store_name="root")["certificates"]) == 2
    (told,) = modules.info(store_name="Root", thumbprint=thumbprint_of(LEAF).lower())["certificates"]
    assert told["friendly_name"] == "ours"
    assert told["subject"] == "CN=leaf, O=Example"
    assert told["serial_number"] == "0ABC"
    assert told["valid_to_iso8601"] == "2027-01-01T00:00:00Z"
    assert told["valid_to"] == 1798761600.0
    assert told["dns_names"] == ["leaf", "a.example"]
    assert base64.b64decode(told["raw"]) == LEAF.public_bytes(serialization.Encoding.DER)
    assert told["has_private_key"] is False
    assert modules.info() == {"changed": False, "exists": False, "certificates": []}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": PFX, "store_name": "Nowhere"}, "unable to find store 'Nowhere'"),
        ({"path": PFX, "store_location": "Machine"}, "value of store_location must be one of"),
        ({"state": "absent"}, "any of the following are missing: path, thumbprint"),
        ({"state": "exported", "path": PFX}, "all of the following are missing"),
        ({}, "state is present but all of the following are missing: path"),
        ({"path": PFX, "key_storage": "tpm"}, "value of key_storage must be one of"),
    ],
)
def test_what_the_real_module_of_the_store_refuses(modules: Modules, arguments: dict[str, Any], words: str) -> None:
    assert words in modules.store(**arguments)["msg"]


def test_a_key_is_in_no_file_of_the_drive_and_in_no_repr(machine: Machine, modules: Modules) -> None:
    machine.write(PFX, pfx("secret"))
    modules.store(path=PFX, password="secret")
    (held,) = [entry for entry in machine.certificates(MY) if entry.key]
    assert held.key is not None
    assert repr(held.key) not in repr(held)
    files = [path.read_bytes() for path in (machine.folder / "C").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert held.key not in files[0]
