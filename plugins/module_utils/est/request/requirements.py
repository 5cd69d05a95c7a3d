# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server can ask of a certificate request, as values and in words (RFC 7030 section 4.5.2, RFC 9908)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from ..._names.attributes import ATTRIBUTE_NAMES
from ..._value import Value, field
from ..asn1.der import BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, Element, read
from ..base.errors import ParseError
from ..base.text import printable
from ..x509.fields import SUBJECT_ALTERNATIVE_NAME
from ..x509.names import fill_in_type, read_general_name, read_string, split_general_names
from .csr import (
    CHALLENGE_NAMES,
    CHALLENGE_PASSWORD,
    CHANGE_SUBJECT_NAME,
    EST_IDENTITY_LINKING,
    EXTENSION_REQUEST,
    OTP_CHALLENGE,
)

if TYPE_CHECKING:
    from .attributes import CsrAttributes

# ----------------------------------------------------------------------------------------------------------------------
# One small type for each kind of requirement.

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"

#: The curves that a key can be made on, as ``keys.CURVES`` calls them.
CURVE_NAMES: Dict[str, str] = {
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
}
#: Key algorithms, and the type as in ``keys.KEY_TYPES`` (RFC 8410, RFC 9881).
KEY_ALGORITHMS: Dict[str, str] = {
    RSA_ENCRYPTION: "rsa",
    EC_PUBLIC_KEY: "ec",
    "1.3.101.112": "ed25519",
    "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
    "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
    "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
}


class RequiredKey(Value):
    """A kind of key (RFC 9908 sections 3.2 and 3.4).

    :param algorithm: object identifier of the key's algorithm.
    :param curve: object identifier of the curve of an EC key; ``None`` for any.
    :param bits: length of an RSA modulus; ``None`` for any.
    """

    algorithm: str
    curve: Optional[str] = None
    bits: Optional[int] = None


class RequiredExtension(Value):
    """An X.509 extension (RFC 9908 sections 3.2 and 3.4).

    :param oid: dotted.
    :param critical: the flag as the server gives it; ``None`` where it gives none.
    :param value: the DER inside ``extnValue``; ``None`` where the client has to supply it.
    """

    oid: str
    critical: Optional[bool]
    value: Optional[bytes] = field(repr=False)


class RequiredSubjectAttribute(Value):
    """An attribute of the subject (RFC 9908 section 3.4).

    :param oid: dotted.
    :param value: the value to use, a string type in DER; ``None`` where the client has to fill it in.
    """

    oid: str
    value: Optional[bytes] = field(repr=False)


#: One RDN; nearly always of one attribute.
RequiredRdn = Tuple[RequiredSubjectAttribute, ...]


class RawAttribute(Value):
    """An element of the answer of a server as it came: a bare object identifier, or an attribute with values.

    :param oid: dotted.
    :param values: each the DER of one value; empty for a bare object identifier.
    """

    oid: str
    values: Tuple[bytes, ...] = field(default=(), repr=False)


# ----------------------------------------------------------------------------------------------------------------------
# Names of object identifiers, for whoever reads what a server asks for.

#: Named curves (RFC 5480 section 2.1.1.1, RFC 5639): those of this client and those of other keys.
CURVES: Dict[str, str] = {
    **CURVE_NAMES,
    "1.2.840.10045.3.1.1": "P-192",
    "1.3.132.0.33": "P-224",
    "1.3.132.0.10": "secp256k1",
    "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
    "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
    "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
}

_OTHERS: Dict[str, str] = {
    # keys and signatures
    "1.2.840.113549.1.1.1": "rsaEncryption",
    "1.2.840.10045.2.1": "ecPublicKey",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
    # attributes of a request
    **CHALLENGE_NAMES,
    EXTENSION_REQUEST: "extensionRequest",
    CHANGE_SUBJECT_NAME: "changeSubjectName",
    "1.2.840.113549.1.9.16.2.61": "certificationRequestInfoTemplate",
    "1.2.840.113549.1.9.16.2.62": "extensionReqTemplate",
    "1.2.840.113549.1.9.15": "smimeCapabilities",
    "1.2.840.113549.1.9.20": "friendlyName",
    "1.2.840.113549.1.9.16.2.37": "decryptKeyIdentifier",
    "1.2.840.113549.1.9.16.2.54": "asymmetricDecryptKeyIdentifier",
    "1.3.6.1.1.1.1.22": "macAddress",
    "0.9.2342.19200300.100.1.5": "favouriteDrink",
    # extensions
    "2.5.29.9": "subjectDirectoryAttributes",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.37": "extKeyUsage",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "1.3.6.1.5.5.7.1.24": "tlsfeature",
    "1.3.6.1.4.1.311.20.2": "certificateTemplateName",
    "1.3.6.1.4.1.311.21.7": "certificateTemplate",
    "1.3.6.1.4.1.311.25.2": "szOID_NTDS_CA_SECURITY_EXT",
    # purposes of a key
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
    # other names
    "1.3.6.1.4.1.311.20.2.3": "userPrincipalName",
    "1.3.6.1.5.5.7.8.4": "hardwareModuleName",
    "1.3.6.1.5.5.7.8.10": "AcpNodeName",
}

_NAMES: Dict[str, str] = {**ATTRIBUTE_NAMES, **CURVES, **_OTHERS}


def oid_name(oid: str) -> str:
    """The name of an object identifier, or the dotted form where none is known."""
    return _NAMES.get(oid, oid)


def describe_oid(oid: str) -> str:
    """Name and dotted form, ``keyUsage (2.5.29.15)``, or the dotted form alone."""
    name = _NAMES.get(oid)
    return f"{name} ({oid})" if name else oid


# ----------------------------------------------------------------------------------------------------------------------

_LIMIT = 300
_KEY_USAGE, _BASIC_CONSTRAINTS, _EXTENDED_KEY_USAGE = "2.5.29.15", "2.5.29.19", "2.5.29.37"
#: The bits of KeyUsage in their order (RFC 5280 section 4.2.1.3).
_KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
_CLIENT_FILLS_IN = "a value that the client fills in"


def describe(attributes: CsrAttributes) -> List[Dict[str, str]]:
    """The requirements of a server as plain data, in the order in which a person would want to know them.

    :return: for each ``kind`` (``key``, ``signature``, ``proof of possession``, ``challenge``, ``subject``,
        ``extension``, ``ignored``), ``oid``, ``name`` (the OID where it has none) and ``words``. The texts can be
        shown as they are: one line without control characters, of limited length.
    """
    lines = [_line("key", key.algorithm, describe_key(key)) for key in attributes.keys]
    for oid in attributes.signature_algorithms:
        lines.append(_line("signature", oid, f"the request is signed with {oid_name(oid)}"))
    for oid in attributes.challenges:
        lines.append(_challenge(oid))
    if attributes.subject is not None:
        lines.extend(_subject_attribute(single) for rdn in attributes.subject for single in rdn)
    for oid in attributes.subject_attributes:
        lines.append(_line("subject", oid, f"{oid_name(oid)} in the subject, with {_CLIENT_FILLS_IN}"))
    lines.extend(_extension(extension) for extension in attributes.extensions)
    for raw in attributes.ignored:
        values = f"with {len(raw.values)} value(s)" if raw.values else "without a value"
        lines.append(_line("ignored", raw.oid, f"{oid_name(raw.oid)} {values}, which this client does not use"))
    return lines


def describe_key(key: RequiredKey) -> str:
    """A kind of key in words, such as ``EC P-384``, ``RSA 3072`` or ``any RSA key``."""
    if key.algorithm == EC_PUBLIC_KEY:
        return f"EC {oid_name(key.curve)}" if key.curve is not None else "any EC key"
    if key.algorithm == RSA_ENCRYPTION:
        return f"RSA {key.bits}" if key.bits is not None else "any RSA key"
    return oid_name(key.algorithm)


def _line(kind: str, oid: str, words: str) -> Dict[str, str]:
    return {"kind": kind, "oid": oid, "name": oid_name(oid), "words": printable(words, _LIMIT)}


def _challenge(oid: str) -> Dict[str, str]:
    if oid in (CHALLENGE_PASSWORD, EST_IDENTITY_LINKING):
        words = f"proof of possession: {oid_name(oid)} links the request to the TLS session that carries it"
        return _line("proof_of_possession", oid, words)
    what = "a one-time password" if oid == OTP_CHALLENGE else "a password to revoke the certificate with"
    return _line("challenge", oid, f"{oid_name(oid)}: {what}")


def _subject_attribute(single: RequiredSubjectAttribute) -> Dict[str, str]:
    value = f"the value {read_string(single.value)!r}" if single.value is not None else _CLIENT_FILLS_IN
    return _line("subject", single.oid, f"{oid_name(single.oid)} in the subject, with {value}")


def _extension(extension: RequiredExtension) -> Dict[str, str]:
    critical = ", critical" if extension.critical else ""
    value = describe_extension(extension.oid, extension.value) if extension.value is not None else _CLIENT_FILLS_IN
    return _line("extension", extension.oid, f"the extension {oid_name(extension.oid)}{critical}, with {value}")


def describe_extension(oid: str, value: bytes) -> str:
    """The value of an extension in words; in hexadecimal where there are no words for it, or where it is damaged."""
    reader: Optional[Callable[[bytes], str]] = _EXTENSION_READERS.get(oid)
    if reader is not None:
        try:
            return reader(value)
        except ParseError:
            pass  # shown in hexadecimal below
    return f"the value {value.hex().upper() or '(empty)'}"


def _key_usage(value: bytes) -> str:
    bits = read(value).expect(BIT_STRING, "a KeyUsage").value[1:]
    names = [name for place, name in enumerate(_KEY_USAGES) if bits[place // 8 : place // 8 + 1] and _bit(bits, place)]
    return ", ".join(names) or "no usage"


def _bit(bits: bytes, place: int) -> bool:
    return bool(bits[place // 8] & (0x80 >> place % 8))


def _extended_key_usage(value: bytes) -> str:
    purposes = read(value).expect(SEQUENCE, "an ExtKeyUsage").children()
    return ", ".join(oid_name(purpose.expect(OBJECT_IDENTIFIER, "a purpose").oid()) for purpose in purposes)


def _basic_constraints(value: bytes) -> str:
    first = next(read(value).expect(SEQUENCE, "a BasicConstraints").children(), None)
    return "CA: true" if first is not None and first.is_universal(1) and first.value != b"\0" else "CA: false"


def _general_names(value: bytes) -> str:
    return ", ".join(_general_name(entry) for entry in split_general_names(value))


def _general_name(entry: Element) -> str:
    kind = fill_in_type(entry)
    if kind is not None:
        return f"{kind}:{_CLIENT_FILLS_IN}"
    name = read_general_name(entry)
    other_name, _space, oid = name.type.partition(" ")
    if other_name == "otherName":
        return f"{oid_name(oid)}:{read_string(bytes.fromhex(name.value))}"
    return str(name)


_EXTENSION_READERS: Dict[str, Callable[[bytes], str]] = {
    SUBJECT_ALTERNATIVE_NAME: _general_names,
    _KEY_USAGE: _key_usage,
    _EXTENDED_KEY_USAGE: _extended_key_usage,
    _BASIC_CONSTRAINTS: _basic_constraints,
}
