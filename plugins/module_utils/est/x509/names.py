# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject names and subject alternative names: from our text form to X.509, and back.

Writing is strict, so that a wrong value is refused before anything is sent. Reading is tolerant, because it shows what
a CA has put into a certificate.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

from ..._names.attributes import Subject, SubjectAttribute, check_attribute
from ..._names.distinguished_names import format_slash_dn, parse_distinguished_name
from ..._names.errors import normalized, quote
from ..._names.general_names import GeneralName, validate_general_name
from ..._names.identifiers import sid_to_uri, uri_to_sid
from ..asn1.der import CONTEXT, SEQUENCE, SET, UTF8_STRING, Element, encode, encode_oid, read
from ..base.errors import InputError, ParseError

if TYPE_CHECKING:
    from typing import Any

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass


#: The otherName of a Windows user principal name.
UPN_OID = "1.3.6.1.4.1.311.20.2.3"


def build_name(subject: Subject) -> x509.Name:
    """The X.509 name of a subject, one RDN for each attribute, in the given order (RFC 5280 section 4.1.2.4).

    C, SN (serialNumber) and dnQualifier become PrintableString, emailAddress and DC IA5String, the rest UTF8String.
    Values are in Unicode normal form C.

    :raises InputError: a value that its attribute cannot hold.
    """
    return x509.Name([_name_attribute(attribute) for attribute in subject])


def _name_attribute(attribute: SubjectAttribute) -> x509.NameAttribute[str]:
    try:
        attribute = SubjectAttribute(attribute.oid, normalized(attribute.value))
        check_attribute(attribute)
        return x509.NameAttribute(x509.ObjectIdentifier(attribute.oid), attribute.value)
    except ValueError as error:
        raise InputError(
            f"the subject {quote(format_slash_dn((attribute,)))} {error}",
            code="invalid_subject",
            hint="Correct the subject.",
        ) from None


def build_general_names(names: Sequence[GeneralName]) -> x509.SubjectAlternativeName:
    """The subject alternative name extension (RFC 5280 section 4.2.1.6), in the given order.

    A UPN is an otherName that holds a UTF8String, a SID Microsoft's strong-mapping URI.

    :raises InputError: an unknown type, or a value that its type cannot hold.
    """
    return x509.SubjectAlternativeName([_general_name(name) for name in names])


def _general_name(name: GeneralName) -> x509.GeneralName:
    builder = _BUILDERS.get(name.type)
    try:
        if builder is None:
            raise ValueError(f"has an unknown type (allowed: {', '.join(_BUILDERS)})")
        validate_general_name(name)
        return builder(name.value)
    except ValueError as error:
        raise InputError(
            f"the subject alternative name {quote(str(name))} {error}",
            code="invalid_alternative_name",
            hint="Correct the subject alternative name.",
        ) from None


def _upn(value: str) -> x509.GeneralName:
    text = encode(UTF8_STRING, normalized(value).encode("utf-8"))
    return x509.OtherName(x509.ObjectIdentifier(UPN_OID), text)


def _directory_name(value: str) -> x509.GeneralName:
    return x509.DirectoryName(build_name(parse_distinguished_name(value)))


def _email(value: str) -> x509.GeneralName:
    return x509.RFC822Name(value)


def _dns(value: str) -> x509.GeneralName:
    return x509.DNSName(value)


def _ip(value: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(value))


def _uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


def _rid(value: str) -> x509.GeneralName:
    return x509.RegisteredID(x509.ObjectIdentifier(value))


def _sid(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(sid_to_uri(value))


_BUILDERS: Dict[str, Callable[[str], x509.GeneralName]] = {
    "UPN": _upn,
    "email": _email,
    "DNS": _dns,
    "IP": _ip,
    "URI": _uri,
    "RID": _rid,
    "dirName": _directory_name,
    "SID": _sid,
}


def read_name(name: x509.Name) -> Subject:
    """The attributes of an X.509 name in order; RDNs with several attributes are flattened."""
    return tuple(SubjectAttribute(attribute.oid.dotted_string, _text(attribute.value)) for attribute in name)


def _text(value: Union[str, bytes]) -> str:
    # Newer versions of cryptography give a BIT STRING (x500UniqueIdentifier) as bytes.
    return value if isinstance(value, str) else value.hex().upper()


def comparable_name(name: x509.Name) -> Tuple[FrozenSet[Tuple[str, str]], ...]:
    """A name in a form in which equal names are equal (RFC 5280 section 7.1): without regard to case, surrounding and
    repeated spaces, string types, and the order inside an RDN."""
    return tuple(
        frozenset(
            (attribute.oid.dotted_string, " ".join(_text(attribute.value).casefold().split())) for attribute in rdn
        )
        for rdn in name.rdns
    )


def read_general_names(names: x509.SubjectAlternativeName) -> Tuple[GeneralName, ...]:
    """The entries of a subject alternative name as text.

    Whatever a CA has put there is shown: what has no name of ours becomes, for example,
    ``otherName 1.2.3:0C0161`` (the value in hexadecimal DER).
    """
    return tuple(_read_general_name(name) for name in names)


def _read_general_name(name: Any) -> GeneralName:
    if isinstance(name, x509.OtherName):
        return _read_other_name(name)
    if isinstance(name, x509.DirectoryName):
        return GeneralName("dirName", format_slash_dn(read_name(name.value)))
    if isinstance(name, x509.RegisteredID):
        return GeneralName("RID", name.value.dotted_string)
    if isinstance(name, x509.UniformResourceIdentifier):
        sid = uri_to_sid(name.value)
        return GeneralName("SID", sid) if sid else GeneralName("URI", name.value)
    types: List[Tuple[Any, str]] = [(x509.RFC822Name, "email"), (x509.DNSName, "DNS"), (x509.IPAddress, "IP")]
    for kind, word in types:
        if isinstance(name, kind):
            return GeneralName(word, str(name.value))
    return GeneralName(type(name).__name__, str(name.value))


def _read_other_name(name: x509.OtherName) -> GeneralName:
    oid = name.type_id.dotted_string
    if oid == UPN_OID:
        try:
            element = read(name.value)
            if element.is_universal(UTF8_STRING) and not element.constructed and element.end == len(name.value):
                return GeneralName("UPN", element.value.decode("utf-8"))
        except (ParseError, UnicodeDecodeError):
            pass  # shown in hexadecimal below
    return GeneralName(f"otherName {oid}", name.value.hex().upper())


# ----------------------------------------------------------------------------------------------------------------------
# Names as they are encoded: Name and GeneralNames (RFC 5280 sections 4.1.2.4 and 4.2.1.6) in DER.
#
# cryptography before version 37 cannot write GeneralNames on their own, which a request needs that is put together
# here.

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass


# The context tags of GeneralName; directoryName is explicit, as Name is a CHOICE.
_OTHER_NAME_TAG, _EMAIL_TAG, _DNS_TAG, _DIRECTORY_NAME_TAG, _URI_TAG, _IP_TAG, _REGISTERED_ID_TAG = (
    0xA0,
    0x81,
    0x82,
    0xA4,
    0x86,
    0x87,
    0x88,
)


def encode_name(subject: Subject) -> bytes:
    """The Name of a subject, one RDN for each attribute.

    :raises InputError: a value that its attribute cannot hold.
    """
    return build_name(subject).public_bytes()


def encode_general_names(names: Sequence[GeneralName]) -> bytes:
    """The GeneralNames of a subject alternative name, in the given order.

    :raises InputError: an unknown type, or a value that its type cannot hold.
    """
    return encode(0x30, *(_encode_general_name(name) for name in build_general_names(names)))


def encode_general_name(name: GeneralName) -> bytes:
    """One GeneralName. Raises what ``encode_general_names()`` raises."""
    return _encode_general_name(next(iter(build_general_names((name,)))))


def _encode_general_name(name: Any) -> bytes:
    if isinstance(name, x509.OtherName):
        return encode(_OTHER_NAME_TAG, encode_oid(name.type_id.dotted_string), encode(0xA0, name.value))
    if isinstance(name, x509.DirectoryName):
        return encode(_DIRECTORY_NAME_TAG, name.value.public_bytes())
    if isinstance(name, x509.IPAddress):
        address: Any = name.value  # never a network, which only name constraints have
        return encode(_IP_TAG, address.packed)
    if isinstance(name, x509.RegisteredID):
        # An implicit tag in place of the one of OBJECT IDENTIFIER.
        return bytes([_REGISTERED_ID_TAG]) + encode_oid(name.value.dotted_string)[1:]
    tag = _EMAIL_TAG if isinstance(name, x509.RFC822Name) else _DNS_TAG if isinstance(name, x509.DNSName) else _URI_TAG
    return encode(tag, name.value.encode("ascii"))


# ----------------------------------------------------------------------------------------------------------------------
# Names as a server encoded them, in our text form: values of a Name, and GeneralNames, that stand alone.
#
# cryptography reads names only inside of certificates and requests. Reading is tolerant: what cannot be understood is
# shown in hexadecimal, as in ``x509_names.py``.

#: The string types of X.680 that a name can have, and their encodings (TeletexString as everybody uses it).
_STRING_ENCODINGS: Dict[int, str] = {
    UTF8_STRING: "utf-8",
    18: "ascii",
    19: "ascii",
    20: "latin-1",
    22: "ascii",
    26: "ascii",
    28: "utf-32-be",
    30: "utf-16-be",
}
_OTHER_NAME, _EMAIL, _DNS, _DIRECTORY_NAME, _URI, _IP, _REGISTERED_ID = 0, 1, 2, 4, 6, 7, 8
_TEXT_TYPES = {_EMAIL: "email", _DNS: "DNS", _URI: "URI"}
_FILL_IN_TYPES = {**_TEXT_TYPES, _IP: "IP", _DIRECTORY_NAME: "dirName"}
_NULL_DN = b"\x30\x00"


def read_string(der: bytes) -> str:
    """The text of a string type; ``#`` and hexadecimal DER (RFC 4514 section 2.4) for anything else."""
    try:
        element = read(der)
        encoding = _STRING_ENCODINGS[element.number]
        if element.is_universal(element.number) and not element.constructed and element.end == len(der):
            return element.value.decode(encoding)
    except (ParseError, KeyError, UnicodeDecodeError):
        pass  # shown in hexadecimal below
    return "#" + der.hex().upper()


def _read_name(name: Element) -> Subject:
    found: List[SubjectAttribute] = []
    for rdn in name.expect(SEQUENCE, "the SEQUENCE of a name").children():
        for single in rdn.expect(SET, "the SET of an RDN").children():
            fields = list(single.expect(SEQUENCE, "an attribute of a name").children())
            if len(fields) != 2:
                raise ParseError(f"the attribute of a name at byte {single.start} has no type or no value")
            found.append(SubjectAttribute(fields[0].oid(), read_string(fields[1].encoded)))
    return tuple(found)


def split_general_names(der: bytes) -> Tuple[Element, ...]:
    """The entries of GeneralNames (RFC 5280 section 4.2.1.6), one element each.

    :raises ParseError: it is none.
    """
    return tuple(read(der).expect(SEQUENCE, "the SEQUENCE of general names").children())


def fill_in_type(entry: Element) -> Optional[str]:
    """The type of an entry that a server left empty for the client to fill in (RFC 9908 section 3.4), or ``None``.

    RFC 9908 has an empty iPAddress and the NULL-DN as directoryName; other empty entries can mean nothing else.
    """
    empty = entry.value == (_NULL_DN if entry.number == _DIRECTORY_NAME else b"")
    return _FILL_IN_TYPES.get(entry.number) if empty and entry.tag_class == CONTEXT else None


def read_general_name(entry: Element) -> GeneralName:
    """One entry of GeneralNames as text. What has no name of ours is shown by its tag and in hexadecimal."""
    try:
        return _decode_general_name(entry)
    except (ParseError, ValueError):  # ValueError: no address, not ASCII, or too many or too few parts
        return GeneralName(f"[{entry.number}]", entry.value.hex().upper())


def _decode_general_name(entry: Element) -> GeneralName:
    if entry.tag_class != CONTEXT:
        raise ParseError(f"the general name at byte {entry.start} has the tag {entry.tag}")
    if entry.number in _TEXT_TYPES:
        text = entry.value.decode("ascii")
        sid = uri_to_sid(text) if entry.number == _URI else ""
        if sid:
            return GeneralName("SID", sid)
        return GeneralName(_TEXT_TYPES[entry.number], text)
    if entry.number == _IP:
        return GeneralName("IP", str(ipaddress.ip_address(entry.value)))
    if entry.number == _REGISTERED_ID:
        return GeneralName("RID", read(bytes([6]) + entry.encoded[1:]).oid())
    if entry.number == _DIRECTORY_NAME:
        (name,) = entry.children()
        return GeneralName("dirName", format_slash_dn(_read_name(name)))
    if entry.number == _OTHER_NAME:
        kind, wrapper = entry.children()
        (value,) = wrapper.children()
        if kind.oid() == UPN_OID and value.is_universal(UTF8_STRING):
            return GeneralName("UPN", value.value.decode("utf-8"))
        return GeneralName(f"otherName {kind.oid()}", value.encoded.hex().upper())
    raise ParseError(f"the general name at byte {entry.start} is of another kind")
