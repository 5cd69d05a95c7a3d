# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_certificate_store and win_certificate_info, done in Python on a ``Machine``.

As on Windows: every certificate of a PKCS#12 file goes into the store, not the first alone; an imported key stays
in its container when its certificate is removed; Windows Server 2016 opens PKCS#12 with Triple DES and SHA-1 only, and
says of a file with newer algorithms that the password is wrong.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID
from windows.machine import Fail, HeldCertificate, Machine

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

Result = dict[str, Any]

#: The stores that every Windows has; win_certificate_store opens no other, win_certificate_info makes an empty one.
STORES = ("AddressBook", "AuthRoot", "CA", "Disallowed", "My", "Root", "Trust", "TrustedPeople", "TrustedPublisher")
WRONG_PASSWORD = "The specified network password is not correct.\r\n"
NO_SUCH_OBJECT = "Cannot find the requested object.\r\n"
NOT_EXPORTABLE = "Key not valid for use in specified state.\r\n"

_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SHA256 = bytes.fromhex("0609608648016503040201")
_WORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "G",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.TITLE: "T",
}


@dataclass(frozen=True)
class _Loaded:
    certificate: x509.Certificate
    friendly_name: str = ""
    key: CertificateIssuerPrivateKeyTypes | None = None


def win_certificate_store(machine: Machine, arguments: Result, check: bool) -> Result:
    """Import, export or remove certificates."""
    state, path, thumbprint = arguments["state"], arguments["path"], arguments["thumbprint"]
    if state == "absent" and path is None and thumbprint is None:
        raise Fail("state is absent but any of the following are missing: path, thumbprint")
    if state == "exported" and (path is None or thumbprint is None):
        raise Fail("state is exported but all of the following are missing: path, thumbprint")
    if state == "present" and path is None:
        raise Fail("state is present but all of the following are missing: path")
    store = _store(arguments)
    if state == "absent":
        return _remove(machine, store, arguments, check)
    if state == "exported":
        return _export(machine, store, arguments, check)
    return _import(machine, store, arguments, check)


def _store(arguments: Result) -> str:
    if arguments["store_type"] != "system":
        raise Fail("the double has no stores of services")
    location, name = arguments["store_location"], arguments["store_name"]
    if location not in ("CurrentUser", "LocalMachine"):
        raise Fail(f"value of store_location must be one of: CurrentUser, LocalMachine. Got no match for: {location}")
    name = "CA" if name == "CertificateAuthority" else name
    known = next((store for store in STORES if store.lower() == name.lower()), None)
    if known is None:
        reason = "The system cannot find the file specified, Win32ErrorCode 2 - 0x00000002"
        raise Fail(f"unable to find store '{name}': (CertOpenStore failed ({reason}))")
    return f"{location}\\{known}"


def _import(machine: Machine, store: str, arguments: Result, check: bool) -> Result:
    changed, thumbprints = False, []
    for loaded in _load(machine, arguments):
        der = loaded.certificate.public_bytes(serialization.Encoding.DER)
        mark = thumbprint_of(loaded.certificate)
        thumbprints.append(mark)
        there = [held for held in machine.certificates(store) if held.thumbprint == mark]
        if there and (loaded.key is None or there[0].key is not None):
            continue
        changed = True
        if check:
            continue
        key = None
        if loaded.key is not None:
            key = loaded.key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        machine.moment()
        machine.add_certificate(
            store,
            der,
            friendly_name=loaded.friendly_name,
            key=key,
            exportable=arguments["key_exportable"],
            storage=arguments["key_storage"],
        )
        machine.moment()
    return {"changed": changed, "thumbprints": thumbprints}


def _remove(machine: Machine, store: str, arguments: Result, check: bool) -> Result:
    if arguments["path"] is not None:
        marks = [thumbprint_of(loaded.certificate) for loaded in _load(machine, arguments)]
    else:
        marks = [arguments["thumbprint"]]
    changed = False
    for mark in marks:
        if any(held.thumbprint == mark.upper() for held in machine.certificates(store)):
            changed = True
            if not check:
                machine.moment()
                machine.remove_certificate(store, mark.upper())
                machine.moment()
    return {"changed": changed, "thumbprints": marks}


def _export(machine: Machine, store: str, arguments: Result, check: bool) -> Result:
    path, mark, kind = arguments["path"], arguments["thumbprint"], arguments["file_type"]
    there = machine.real(path)
    if there.is_dir():
        raise Fail(f"Cannot export cert to path '{path}' as it is a directory")
    if there.is_file() and _kind(machine, arguments) == kind:
        loaded = list(_load(machine, arguments))
        if len(loaded) == 1 and thumbprint_of(loaded[0].certificate) == mark.upper():
            return {"changed": False, "thumbprints": [mark]}
    found = [held for held in machine.certificates(store) if held.thumbprint == mark.upper()]
    if len(found) != 1:
        raise Fail(f"Found {len(found)} certs when only expecting 1")
    if there.exists():
        # Check mode or not: so does the real one.
        machine.remove(path)
    content, told = _exported(found[0], kind, arguments["password"])
    if not check:
        machine.write(path, content)
    return {"changed": True, "thumbprints": [mark], **told}


def _exported(held: HeldCertificate, kind: str, password: str | None) -> tuple[bytes, Result]:
    certificate = x509.load_der_x509_certificate(held.der)
    if kind == "der":
        return held.der, {}
    if kind == "pem":
        text = base64.encodebytes(held.der).decode().replace("\n", "")
        lines = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
        return f"-----BEGIN CERTIFICATE-----\r\n{lines}\r\n-----END CERTIFICATE-----".encode(), {}
    if held.key is not None and not held.exportable:
        reason = f'Exception calling "Export" with "2" argument(s): "{NOT_EXPORTABLE}"'
        raise Fail(f"Failed to export certificate as bytes: {reason}")
    key: Any = None if held.key is None else serialization.load_der_private_key(held.key, None)
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())
            .build(password.encode())
        )
    name = held.friendly_name.encode() or None
    content = pkcs12.serialize_key_and_certificates(name, key, certificate, None, protection)
    return content, {"key_exported": False, **({} if key is None else {"key_exportable": held.exportable})}


def _kind(machine: Machine, arguments: Result) -> str:
    content = machine.read(arguments["path"])
    try:
        loaded = list(_load(machine, arguments))
    except Fail:
        return "pkcs12"
    if content.startswith(b"-----BEGIN CERTIFICATE-----"):
        return "pem"
    if content.startswith(b"-----BEGIN PKCS7-----"):
        return "pkcs7-ascii"
    if len(loaded) > 1:
        return "pkcs7-binary"
    is_pfx = loaded[0].key is not None or arguments["path"].endswith((".pfx", ".p12"))
    return "pkcs12" if is_pfx else "der"


def _load(machine: Machine, arguments: Result) -> Iterator[_Loaded]:
    """Load what is in a file, as X509Certificate2Collection.Import does; each key gets a container that stays."""
    path = arguments["path"]
    if not machine.real(path).is_file():
        raise Fail(f"File at '{path}' either does not exist or is not a file")
    try:
        content = machine.read(path)
    except Fail:
        raise _cannot_load("The system cannot open the device or file specified.\r\n") from None
    loaded = _parse(content, arguments["password"], newer=machine.opens_newer_pkcs12)
    for entry in loaded:
        if entry.key is not None:
            machine.add_key_container(entry.friendly_name)
            machine.add_passphrase(arguments["password"] or "")
    yield from loaded


def _parse(content: bytes, password: str | None, *, newer: bool) -> list[_Loaded]:
    if content.startswith(b"-----BEGIN CERTIFICATE-----"):
        return [_Loaded(x509.load_pem_x509_certificate(content))]
    try:
        return [_Loaded(x509.load_der_x509_certificate(content))]
    except ValueError:
        pass
    try:
        pem = content.startswith(b"-----BEGIN PKCS7-----")
        load = pkcs7.load_pem_pkcs7_certificates if pem else pkcs7.load_der_pkcs7_certificates
        return [_Loaded(certificate) for certificate in load(content)]
    except ValueError:
        pass
    # PFX ::= SEQUENCE { version INTEGER {v3(3)}, ...
    if b"\x02\x01\x03" not in content[:8]:
        raise _cannot_load(NO_SUCH_OBJECT)
    if not newer and uses_newer_algorithms(content):
        raise _cannot_load(WRONG_PASSWORD)
    passphrase = password.encode() if password else None
    try:
        key: Any
        key, certificate, others = pkcs12.load_key_and_certificates(content, passphrase)
    except ValueError:
        raise _cannot_load(WRONG_PASSWORD) from None
    found = [_Loaded(other) for other in others]
    if certificate is not None:
        found.append(_Loaded(certificate, _friendly_name(content, passphrase, certificate), key))
    return found


def uses_newer_algorithms(content: bytes) -> bool:
    """Say whether a PKCS#12 file is too new for Windows Server 2016: encrypted with PBES2, or sealed with SHA-256."""
    return _PBES2 in content or _SHA256 in content[-100:]


def _friendly_name(content: bytes, passphrase: bytes | None, certificate: Any) -> str:
    if hasattr(pkcs12, "load_pkcs12"):
        entry = pkcs12.load_pkcs12(content, passphrase).cert
        return ((entry.friendly_name if entry else None) or b"").decode()
    # Before cryptography 36 only OpenSSL tells it.
    from cryptography.hazmat.backends.openssl.backend import backend

    library: Any = backend
    length = library._ffi.new("int *")
    alias = library._lib.X509_alias_get0(certificate._x509, length)
    return "" if alias == library._ffi.NULL else bytes(library._ffi.buffer(alias, length[0])).decode()


def _cannot_load(reason: str) -> Fail:
    return Fail(f'Failed to load cert from file: Exception calling "Import" with "3" argument(s): "{reason}"')


def win_certificate_info(machine: Machine, arguments: Result, _check: bool) -> Result:
    """Tell what is in a store."""
    held = machine.certificates(f"{arguments['store_location']}\\{arguments['store_name']}")
    if arguments["thumbprint"] is not None:
        held = [entry for entry in held if entry.thumbprint == arguments["thumbprint"].upper()]
    told = sorted((_info(entry) for entry in held), key=lambda info: str(info["thumbprint"]))
    return {"exists": bool(told), "certificates": told}


def _info(held: HeldCertificate) -> Result:
    certificate = x509.load_der_x509_certificate(held.der)
    serial = f"{certificate.serial_number:X}"
    names = [_simple_name(certificate.subject)]
    info: Result = {
        "archived": False,
        "friendly_name": held.friendly_name,
        "has_private_key": held.key is not None,
        "issued_by": _simple_name(certificate.issuer),
        "issued_to": names[0],
        "issuer": _name(certificate.issuer),
        "public_key": base64.b64encode(_public_key_bits(certificate)).decode(),
        "raw": base64.b64encode(held.der).decode(),
        "serial_number": serial.zfill(len(serial) + len(serial) % 2),
        "signature_algorithm": _signature(certificate),
        "subject": _name(certificate.subject),
        "thumbprint": held.thumbprint,
        "version": certificate.version.value + 1,
        "dns_names": names,
        "extensions": [],
        **_times(certificate),
    }
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints):
            # The type of the length is not one that can be missing.
            info.update(is_ca=value.ca, path_length_constraint=value.path_length or 0)
        elif isinstance(value, x509.SubjectKeyIdentifier):
            info["ski"] = value.digest.hex().upper()
        elif isinstance(value, x509.SubjectAlternativeName):
            names.extend(value.get_values_for_type(x509.DNSName))
        # The oldest cryptography that runs here does not tell it.
        octets = value.public_bytes() if hasattr(value, "public_bytes") else b""
        info["extensions"].append({"critical": extension.critical, "field": None, "value": octets.hex(" ")})
    return info


def _times(certificate: x509.Certificate) -> Result:
    def told(when: datetime, name: str) -> Result:
        return {name: when.timestamp(), f"{name}_iso8601": when.strftime("%Y-%m-%dT%H:%M:%SZ")}

    read = Certificate(certificate.public_bytes(serialization.Encoding.DER))
    return {**told(read.not_before, "valid_from"), **told(read.not_after, "valid_to")}


def _name(name: x509.Name) -> str:
    """A name as .NET writes it: the last attribute first."""
    parts = [attribute for rdn in reversed(list(name.rdns)) for attribute in rdn]
    return ", ".join(f"{_WORDS.get(part.oid, f'OID.{part.oid.dotted_string}')}={part.value!s}" for part in parts)


def _simple_name(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(oid):
            return str(attribute.value)
    return ""


def _public_key_bits(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    formats = serialization.PublicFormat
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, formats.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, formats.UncompressedPoint)
    return key.public_bytes(serialization.Encoding.Raw, formats.Raw)


def _signature(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    kind = "ECDSA" if "ecdsa" in str(certificate.signature_algorithm_oid) else "RSA"
    return f"{algorithm.name if algorithm else ''}{kind}"


def thumbprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-1 of a certificate as Windows writes it."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()
