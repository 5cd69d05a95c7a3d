# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subject names and subject alternative names: from our text form to X.509, and back.

Writing is strict, so that a wrong value is refused before anything is sent. Reading is tolerant, because it shows what
a CA has put into a certificate.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Callable, Dict, FrozenSet, List, Sequence, Tuple, Union

from ..names.attributes import Subject, SubjectAttribute, check_attribute
from ..names.distinguished_names import parse_distinguished_name
from ..names.general_names import GeneralName, validate_general_name
from ..names.security_identifiers import sid_to_uri, uri_to_sid
from ..names.slash_dn import format_slash_dn
from ..names.text import normalized, quote
from .der import UTF8_STRING, read
from .der_writer import encode
from .errors import InputError, ParseError

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass

if TYPE_CHECKING:
    from typing import Any

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
            hint="Correct the subject of the template, or the value of the variable in it.",
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
            hint="Correct the subject alternative name of the template, or the value of the variable in it.",
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
