# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject names and subject alternative names: from our text form to DER, and back (RFC 5280).

Writing is strict, so that a wrong value is refused before anything is sent. Reading is tolerant, because it shows what
a CA or a server has sent: what cannot be understood is shown in hexadecimal.

Both are our own: no version of cryptography reads names that stand alone, and few write them.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from ..._names.attributes import ATTRIBUTE_OIDS, Subject, SubjectAttribute, check_attribute
from ..._names.distinguished_names import format_slash_dn, parse_distinguished_name
from ..._names.errors import normalized, quote
from ..._names.general_names import KINDS, GeneralName, held_general_name, validate_general_name
from ..._value import Value
from ..asn1.der import (
    IA5_STRING,
    OBJECT_IDENTIFIER,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    Element,
    encode,
    encode_oid,
    read,
)
from ..base.errors import InputError, ParseError

# ----------------------------------------------------------------------------------------------------------------------
# Name (RFC 5280 section 4.1.2.4).

#: The attributes that are no UTF8String: C, SN, dnQualifier, jurisdictionOfIncorporationCountryName; emailAddress, DC.
_STRING_TYPES: Dict[str, int] = {
    **dict.fromkeys(
        (ATTRIBUTE_OIDS["C"], ATTRIBUTE_OIDS["SN"], "2.5.4.46", "1.3.6.1.4.1.311.60.2.1.3"), PRINTABLE_STRING
    ),
    **dict.fromkeys((ATTRIBUTE_OIDS["emailAddress"], ATTRIBUTE_OIDS["DC"]), IA5_STRING),
}
_ONE_BYTE = ("utf-8", "latin-1")
#: The string types of X.680 that a name can have, and what is found in them (TeletexString as everybody uses it).
_STRING_ENCODINGS: Dict[int, Sequence[str]] = {
    UTF8_STRING: ("utf-8",),
    18: _ONE_BYTE,
    PRINTABLE_STRING: _ONE_BYTE,
    20: ("latin-1",),
    21: _ONE_BYTE,
    IA5_STRING: _ONE_BYTE,
    25: _ONE_BYTE,
    26: _ONE_BYTE,
    27: ("latin-1",),
    28: ("utf-32-be",),
    30: ("utf-16-be",),
}
#: An RDN is a set of attributes.
ComparableName = Tuple[FrozenSet[Tuple[str, str]], ...]


def encode_name(subject: Subject) -> bytes:
    """The Name of a subject, one RDN for each attribute, in the given order.

    C, SN (serialNumber) and dnQualifier become PrintableString, emailAddress and DC IA5String, the rest UTF8String.
    Values are in Unicode normal form C.

    :raises InputError: a value that its attribute cannot hold.
    """
    return encode(0x30, *(_encode_rdn(SubjectAttribute(oid, normalized(value))) for oid, value in subject))


def _encode_rdn(attribute: SubjectAttribute) -> bytes:
    try:
        check_attribute(attribute)
    except ValueError as error:
        raise InputError(
            f"the subject {quote(format_slash_dn((attribute,)))} {error}",
            code="invalid_subject",
            hint="Correct the subject.",
        ) from None
    value = encode(_STRING_TYPES.get(attribute.oid, UTF8_STRING), attribute.value.encode("utf-8"))
    return encode(0x31, encode(0x30, encode_oid(attribute.oid), value))


class Name:
    """A distinguished name as a CA has encoded it. Two are equal where RFC 5280 section 7.1 says so: without regard to
    case, surrounding and repeated spaces, string types, and the order inside an RDN.

    Names are compared and told often, in search of paths: the forms in which that is done are made only once.

    :ivar encoded: the Name in DER.
    """

    __slots__ = ("_comparable", "_digest", "_rdns", "_text", "encoded")

    def __init__(self, element: Element) -> None:
        """Read it.

        :raises ParseError: it is none. A value that is no text is none the less a value.
        """
        self.encoded = element.encoded
        self._rdns = tuple(_read_rdn(rdn) for rdn in element.expect(SEQUENCE, "the SEQUENCE of a name").children())
        self._comparable: Optional[ComparableName] = None
        self._digest = b""
        self._text: Optional[str] = None

    @property
    def text(self) -> str:
        """The attributes in slash form."""
        if self._text is None:
            self._text = format_slash_dn(self.attributes)
        return self._text

    @property
    def attributes(self) -> Subject:
        """The attributes in order; RDNs with several of them are flattened."""
        return tuple(attribute for rdn in self._rdns for attribute in rdn)

    @property
    def comparable(self) -> ComparableName:
        """The RDNs in a form in which equal ones are equal."""
        if self._comparable is None:
            self._comparable = tuple(
                frozenset((oid, " ".join(value.casefold().split())) for oid, value in rdn) for rdn in self._rdns
            )
        return self._comparable

    def _compared(self) -> bytes:
        # Of one length, whatever a CA writes into its name.
        if not self._digest:
            plain = repr([sorted(rdn) for rdn in self.comparable])
            self._digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()
        return self._digest

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if isinstance(other, Name) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        return f"<Name {self.text}>"


def _read_rdn(rdn: Element) -> Subject:
    found: List[SubjectAttribute] = []
    for single in rdn.expect(SET, "the SET of an RDN").children():
        fields = list(single.expect(SEQUENCE, "an attribute of a name").children())
        if len(fields) != 2:
            raise ParseError(f"the attribute of a name at byte {single.start} has no type or no value")
        found.append(SubjectAttribute(fields[0].oid(), read_string(fields[1].encoded)))
    return tuple(found)


def read_name(name: Name) -> Subject:
    """The attributes of a name in order; RDNs with several of them are flattened."""
    return name.attributes


def read_string(der: bytes) -> str:
    """The text of a string type; ``#`` and hexadecimal DER (RFC 4514 section 2.4) for anything else.

    A CA that does not know better puts UTF-8 or Latin-1 into a type that is only for ASCII: OpenSSL reads that, and so
    it is text here.
    """
    try:
        element = read(der)
        encodings = _STRING_ENCODINGS[element.number]
    except (ParseError, KeyError):
        encodings = ()
    else:
        if element.tag_class or element.constructed or element.end != len(der):
            encodings = ()
    for encoding in encodings:
        with contextlib.suppress(UnicodeDecodeError):
            return element.value.decode(encoding)
    return "#" + der.hex().upper()


# ----------------------------------------------------------------------------------------------------------------------
# How the alternatives of GeneralName hold text (RFC 5280 section 4.2.1.6). Which kind of name is held in which of them
# stands in ``_names/general_names.py``.


class _Alternative(Value):
    """An alternative of GeneralName: its identifier octet, and its contents from text and as text.

    ``empty`` is what a server sends for a value that the client is to fill in (RFC 9908 section 3.4): an empty
    iPAddress, and the NULL-DN as directoryName; other empty values can mean nothing else.
    """

    identifier: int
    encode: Callable[[str], bytes]
    decode: Callable[[Element], str]
    empty: Optional[bytes] = b""


def _encode_ascii(text: str) -> bytes:
    return text.encode("ascii")


def _decode_text(entry: Element) -> str:
    return entry.value.decode("utf-8")  # beyond ASCII only where a CA does not know better


def _encode_directory_name(text: str) -> bytes:
    return encode_name(parse_distinguished_name(text))


def _decode_directory_name(entry: Element) -> str:
    (name,) = entry.children()
    return Name(name).text


def _encode_ip_address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _decode_ip_address(entry: Element) -> str:
    address, length = entry.value, len(entry.value)
    if length not in (8, 32):
        return str(ipaddress.ip_address(address))
    mask = int.from_bytes(address[length // 2 :], "big")  # only name constraints should have one
    return str(ipaddress.ip_network((address[: length // 2], bin(mask).count("1"))))


def _encode_registered_id(text: str) -> bytes:
    return read(encode_oid(text)).value


def _decode_registered_id(entry: Element) -> str:
    return read(encode(OBJECT_IDENTIFIER, entry.value)).oid()


_OTHER_NAME = 0xA0
# The other ones; directoryName is explicit, as Name is a CHOICE.
_ALTERNATIVES: Dict[str, _Alternative] = {
    "rfc822Name": _Alternative(0x81, _encode_ascii, _decode_text),
    "dNSName": _Alternative(0x82, _encode_ascii, _decode_text),
    "directoryName": _Alternative(0xA4, _encode_directory_name, _decode_directory_name, b"\x30\x00"),
    "uniformResourceIdentifier": _Alternative(0x86, _encode_ascii, _decode_text),
    "iPAddress": _Alternative(0x87, _encode_ip_address, _decode_ip_address),
    "registeredID": _Alternative(0x88, _encode_registered_id, _decode_registered_id, None),
}


def encode_general_names(names: Sequence[GeneralName]) -> bytes:
    """The GeneralNames of a subject alternative name, in the given order.

    :raises InputError: an unknown type, or a value that its type cannot hold.
    """
    return encode(0x30, *map(encode_general_name, names))


def encode_general_name(name: GeneralName) -> bytes:
    """One GeneralName.

    :raises InputError: an unknown type, or a value that its type cannot hold.
    """
    try:
        validate_general_name(name)
        kind = KINDS[name.type]
        text = kind.prefix + kind.canonical(name.value)
        if kind.alternative == "otherName":
            value = encode(UTF8_STRING, text.encode("utf-8"))
            return encode(_OTHER_NAME, encode_oid(kind.oid), encode(0xA0, value))
        if kind.alternative not in _ALTERNATIVES:
            raise ValueError("is of a kind without an encoder")
        alternative = _ALTERNATIVES[kind.alternative]
        return encode(alternative.identifier, alternative.encode(text))
    except ValueError as error:
        raise InputError(
            f"the subject alternative name {quote(str(name))} {error}",
            code="invalid_alternative_name",
            hint="Correct the subject alternative name.",
        ) from None


def read_general_names(der: bytes) -> Tuple[GeneralName, ...]:
    """The entries of GeneralNames as text, each as ``read_general_name()`` shows it.

    :raises ParseError: it is none.
    """
    return tuple(map(read_general_name, split_general_names(der)))


def split_general_names(der: bytes) -> Tuple[Element, ...]:
    """The entries of GeneralNames, one element each.

    :raises ParseError: it is none.
    """
    return tuple(read(der).expect(SEQUENCE, "the SEQUENCE of general names").children())


def read_general_name(entry: Element) -> GeneralName:
    """One entry of GeneralNames as text.

    Whatever a CA or a server has put there is shown. What is of no kind of ours becomes, for example,
    ``otherName 1.2.3:0C0161`` (the value in hexadecimal DER), and what is damaged ``[2]:FF`` (its tag and contents).
    """
    try:
        name = _decode_other_name(entry) if entry.is_context(_OTHER_NAME & 0x1F) else _decode_general_name(entry)
    except (ParseError, ValueError):  # ValueError: no address, not UTF-8, or too many or too few parts
        name = None
    return name or GeneralName(f"[{entry.number}]", entry.value.hex().upper())


def _decode_general_name(entry: Element) -> Optional[GeneralName]:
    for name, alternative in _ALTERNATIVES.items():
        if entry.is_context(alternative.identifier & 0x1F):
            return held_general_name(name, alternative.decode(entry))
    return None


def _decode_other_name(entry: Element) -> GeneralName:
    type_id, wrapper = entry.children()
    (value,) = wrapper.children()
    name = None
    if value.is_universal(UTF8_STRING) and not value.constructed:
        try:
            name = held_general_name("otherName", value.value.decode("utf-8"), type_id.oid())
        except UnicodeDecodeError:
            pass  # shown in hexadecimal below
    return name or GeneralName(f"otherName {type_id.oid()}", value.encoded.hex().upper())


def fill_in_type(entry: Element) -> Optional[str]:
    """The type of an entry that a server left empty for the client to fill in (RFC 9908 section 3.4), or ``None``."""
    for name, alternative in _ALTERNATIVES.items():
        if entry.is_context(alternative.identifier & 0x1F) and entry.value == alternative.empty:
            held = held_general_name(name, "")
            return held.type if held else None
    return None
