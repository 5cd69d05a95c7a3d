# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template of a certificate request that a server can send as CSR attribute (RFC 9908 section 3.4), and the
extensions and attributes that it has in common with the list of CSR attributes.

The module of RFC 9908 has implicit tags; explicit ones are read as well, since they are an easy mistake to make.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from .csr_requirements import (
    EC_PUBLIC_KEY,
    RSA_ENCRYPTION,
    RawAttribute,
    RequiredExtension,
    RequiredKey,
    RequiredRdn,
    RequiredSubjectAttribute,
)
from .der import BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Element, read
from .errors import ParseError
from .object_identifier_names import named
from .value import Value

CERTIFICATION_REQUEST_INFO_TEMPLATE = "1.2.840.113549.1.9.16.2.61"
EXTENSION_REQUEST_TEMPLATE = "1.2.840.113549.1.9.16.2.62"

_BOOLEAN = 1
#: What the object identifiers of X.509 extensions begin with (id-ce, id-pe).
_EXTENSION_ARCS = ("2.5.29.", "1.3.6.1.5.5.7.1.")


class RequestTemplate(Value):
    """A CertificationRequestInfoTemplate.

    :param subject: ``None`` where it is absent: no requirement.
    :param key: ``None`` where it is absent: no requirement.
    :param attributes: as they came.
    """

    subject: Optional[Tuple[RequiredRdn, ...]]
    key: Optional[RequiredKey]
    attributes: List[RawAttribute]


def read_template(der: bytes, warnings: List[str]) -> RequestTemplate:
    """Read a CertificationRequestInfoTemplate.

    :param warnings: what is odd is added here.
    :raises ParseError: malformed, or of another version than v1(0), whose meaning nobody knows.
    """
    fields = read(der).expect(SEQUENCE, "the SEQUENCE of a request template").children()
    version = next(fields, None)
    if version is None:
        raise ParseError("the request template of the CSR attributes is empty")
    if version.integer() != 0:
        raise ParseError(f"the request template of the CSR attributes has version {version.integer()}; only 0 is known")
    subject: Optional[Tuple[RequiredRdn, ...]] = None
    key: Optional[RequiredKey] = None
    attributes: List[RawAttribute] = []
    for element in fields:
        if element.is_universal(SEQUENCE):
            subject = tuple(_read_rdn(rdn) for rdn in element.children())
        elif element.is_context(0):
            key = _read_key(element, warnings)
        elif element.is_context(1):
            attributes = [read_attribute(attribute, warnings) for attribute in _attributes(element)]
        else:
            warnings.append(f"the request template of the CSR attributes has an unknown field ({element.tag})")
    return RequestTemplate(subject, key, attributes)


def _read_rdn(element: Element) -> RequiredRdn:
    return tuple(
        _read_subject_attribute(single)
        for single in element.expect(SET, "the SET of an RDN of a subject template").children()
    )


def _read_subject_attribute(element: Element) -> RequiredSubjectAttribute:
    fields = element.expect(SEQUENCE, "an attribute of a subject template").children()
    kind = _next(fields, "the type of an attribute of a subject template").oid()
    value = next(fields, None)
    # An empty value stands for an absent one in the templates of CMP (RFC 9483), and can be no value at all.
    return RequiredSubjectAttribute(kind, value.encoded if value is not None and value.value else None)


def _attributes(element: Element) -> List[Element]:
    """The attributes below ``[1]``: at once, or in a SET of its own where the tag is explicit."""
    inner = list(element.children())
    return list(inner[0].children()) if len(inner) == 1 and inner[0].is_universal(SET) else inner


def _read_key(element: Element, warnings: List[str]) -> RequiredKey:
    """A SubjectPublicKeyInfoTemplate: a placeholder of an RSA key tells how long its modulus is to be."""
    fields = list(element.children())
    if fields and fields[0].is_universal(SEQUENCE) and _begins_with_sequence(fields[0]):  # the tag is explicit
        fields = list(fields[0].children())
    if not fields:
        raise ParseError("the request template of the CSR attributes has an empty subjectPKInfo")
    parts = fields[0].expect(SEQUENCE, "the algorithm of a subjectPKInfo template").children()
    algorithm = _next(parts, "the algorithm of a subjectPKInfo template").oid()
    parameters = next(parts, None)
    if algorithm == EC_PUBLIC_KEY and parameters is not None:
        if parameters.is_universal(OBJECT_IDENTIFIER):
            return RequiredKey(algorithm, curve=parameters.oid())
        warnings.append("the request template of the CSR attributes has EC parameters that name no curve")
    if algorithm == RSA_ENCRYPTION and len(fields) > 1:
        return RequiredKey(algorithm, bits=_modulus_bits(fields[1]))
    return RequiredKey(algorithm)


def _begins_with_sequence(element: Element) -> bool:
    first = next(element.children(), None)
    return first is not None and first.is_universal(SEQUENCE)


def _modulus_bits(element: Element) -> int:
    """The length of the modulus in a placeholder, whose bits may have any value (zeros in front are no less)."""
    bits = element.expect(BIT_STRING, "the placeholder of an RSA key").value
    modulus = _next(read(bits, 1).expect(SEQUENCE, "an RSAPublicKey").children(), "the modulus of an RSA key")
    octets = modulus.expect(INTEGER, "the modulus of an RSA key").value
    return 8 * (len(octets) - 1 if octets[:1] == b"\0" else len(octets))


def read_attribute(element: Element, warnings: List[str]) -> RawAttribute:
    """Read an Attribute; values that are missing or not in a SET are none.

    :raises ParseError: malformed.
    """
    fields = element.expect(SEQUENCE, "the SEQUENCE of an attribute").children()
    kind = _next(fields, "the type of an attribute").oid()
    values = next(fields, None)
    if values is None:
        return RawAttribute(kind)
    if not values.is_universal(SET):
        warnings.append(f"the values of the CSR attribute {named(kind)} are not in a SET")
        return RawAttribute(kind)
    return RawAttribute(kind, tuple(value.encoded for value in values.children()))


def read_extensions(der: bytes, warnings: List[str]) -> Optional[Tuple[RequiredExtension, ...]]:
    """Read Extensions (RFC 5280) or ExtensionReqTemplate (RFC 9908), the value of an attribute.

    A single Extension, as the text of RFC 9908 can be misread, is taken as well, and so is the bare object identifier
    of an extension.

    :return: ``None`` where it is no extension at all, as in the example of RFC 7030 section 4.5.2.
    :raises ParseError: malformed.
    """
    element = read(der)
    if element.is_universal(OBJECT_IDENTIFIER):
        oid = element.oid()
        warnings.append(
            f"the CSR attributes ask for extensions, but have the bare object identifier {named(oid)} instead"
        )
        return (RequiredExtension(oid, None, None),) if oid.startswith(_EXTENSION_ARCS) else None
    items = list(element.expect(SEQUENCE, "the SEQUENCE of extensions").children())
    if items and items[0].is_universal(OBJECT_IDENTIFIER):
        return (_read_extension(element),)
    return tuple(_read_extension(item) for item in items)


def _read_extension(element: Element) -> RequiredExtension:
    fields = element.expect(SEQUENCE, "an extension").children()
    oid = _next(fields, "the object identifier of an extension").oid()
    critical: Optional[bool] = None
    value: Optional[bytes] = None
    for item in fields:
        if item.is_universal(_BOOLEAN) and len(item.value) == 1:
            critical = item.value != b"\0"
        else:
            value = item.expect(OCTET_STRING, "the value of an extension").octets()
    return RequiredExtension(oid, critical, value)


def _next(fields: Iterator[Element], what: str) -> Element:
    element = next(fields, None)
    if element is None:
        raise ParseError(f"the CSR attributes end where {what} should be")
    return element
