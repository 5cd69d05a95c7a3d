# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server asks of certificate requests, in words (RFC 7030 section 4.5.2, RFC 9908)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from .csr_parts import CHALLENGE_PASSWORD, EST_IDENTITY_LINKING, OTP_CHALLENGE, SUBJECT_ALTERNATIVE_NAME
from .csr_requirements import EC_PUBLIC_KEY, RSA_ENCRYPTION, RequiredExtension, RequiredKey, RequiredSubjectAttribute
from .der import BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, Element, read
from .encoded_names_reader import fill_in_type, read_general_name, read_string, split_general_names
from .errors import ParseError
from .object_identifier_names import name_of
from .plain_text import printable

if TYPE_CHECKING:
    from .csr_attributes import CsrAttributes

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
    """The wishes of a server as plain data, in the order in which a person would want to know them.

    :return: for each ``kind`` (``key``, ``signature``, ``proof of possession``, ``challenge``, ``subject``,
        ``extension``, ``ignored``), ``oid``, ``name`` (the OID where it has none) and ``words``. The texts are fit to
        be shown: one line, without control characters, of limited length.
    """
    lines = [_line("key", key.algorithm, key_words(key)) for key in attributes.keys]
    for oid in attributes.signature_algorithms:
        lines.append(_line("signature", oid, f"the request is signed with {name_of(oid)}"))
    for oid in attributes.challenges:
        lines.append(_challenge(oid))
    if attributes.subject is not None:
        lines.extend(_subject_attribute(single) for rdn in attributes.subject for single in rdn)
    for oid in attributes.subject_attributes:
        lines.append(_line("subject", oid, f"{name_of(oid)} in the subject, with {_CLIENT_FILLS_IN}"))
    lines.extend(_extension(extension) for extension in attributes.extensions)
    for raw in attributes.ignored:
        values = f"with {len(raw.values)} value(s)" if raw.values else "without a value"
        lines.append(_line("ignored", raw.oid, f"{name_of(raw.oid)} {values}, which this client does not use"))
    return lines


def key_words(key: RequiredKey) -> str:
    """A kind of key in words, such as ``EC P-384``, ``RSA 3072`` or ``any RSA key``."""
    if key.algorithm == EC_PUBLIC_KEY:
        return f"EC {name_of(key.curve)}" if key.curve is not None else "any EC key"
    if key.algorithm == RSA_ENCRYPTION:
        return f"RSA {key.bits}" if key.bits is not None else "any RSA key"
    return name_of(key.algorithm)


def _line(kind: str, oid: str, words: str) -> Dict[str, str]:
    return {"kind": kind, "oid": oid, "name": name_of(oid), "words": printable(words, _LIMIT)}


def _challenge(oid: str) -> Dict[str, str]:
    if oid in (CHALLENGE_PASSWORD, EST_IDENTITY_LINKING):
        words = f"proof of possession: {name_of(oid)} links the request to the TLS session that carries it"
        return _line("proof of possession", oid, words)
    what = "a one-time password" if oid == OTP_CHALLENGE else "a password to revoke the certificate with"
    return _line("challenge", oid, f"{name_of(oid)}: {what}")


def _subject_attribute(single: RequiredSubjectAttribute) -> Dict[str, str]:
    value = f"the value {read_string(single.value)!r}" if single.value is not None else _CLIENT_FILLS_IN
    return _line("subject", single.oid, f"{name_of(single.oid)} in the subject, with {value}")


def _extension(extension: RequiredExtension) -> Dict[str, str]:
    critical = ", critical" if extension.critical else ""
    value = extension_words(extension.oid, extension.value) if extension.value is not None else _CLIENT_FILLS_IN
    return _line("extension", extension.oid, f"the extension {name_of(extension.oid)}{critical}, with {value}")


def extension_words(oid: str, value: bytes) -> str:
    """The value of an extension in words; hexadecimal where there are none, or where it is damaged."""
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
    return ", ".join(name_of(purpose.expect(OBJECT_IDENTIFIER, "a purpose").oid()) for purpose in purposes)


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
        return f"{name_of(oid)}:{read_string(bytes.fromhex(name.value))}"
    return str(name)


_EXTENSION_READERS: Dict[str, Callable[[bytes], str]] = {
    SUBJECT_ALTERNATIVE_NAME: _general_names,
    _KEY_USAGE: _key_usage,
    _EXTENDED_KEY_USAGE: _extended_key_usage,
    _BASIC_CONSTRAINTS: _basic_constraints,
}
