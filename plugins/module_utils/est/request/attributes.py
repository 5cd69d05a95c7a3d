# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes: what a server wants to see in certificate requests (RFC 7030 section 4.5.2).

Two forms are read: the list of object identifiers and attributes (RFC 8951 section 4, RFC 9908 section 3.2), and the
template of a request (RFC 9908 section 3.4), which takes precedence. The reader is bounded, and tolerant where servers
in the field are wrong: what is odd becomes a warning, what is unknown is ignored and kept.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ..._names.attributes import ATTRIBUTE_NAMES
from ..._value import Value, field
from ..asn1.der import BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Element, read
from ..base.errors import ParseError
from ..x509.signatures import SIGNATURE_ALGORITHMS
from .csr import CHALLENGE_PASSWORD, EST_IDENTITY_LINKING, EXTENSION_REQUEST, OTP_CHALLENGE, REVOCATION_CHALLENGE
from .requirements import (
    CURVES,
    EC_PUBLIC_KEY,
    KEY_ALGORITHMS,
    RSA_ENCRYPTION,
    RawAttribute,
    RequiredExtension,
    RequiredKey,
    RequiredRdn,
    RequiredSubjectAttribute,
    describe,
    describe_oid,
)

# ----------------------------------------------------------------------------------------------------------------------
# The template of a certificate request that a server can send as CSR attribute (RFC 9908 section 3.4), and the
# extensions and attributes that it has in common with the list of CSR attributes.
#
# The module of RFC 9908 has implicit tags; explicit ones are read as well, since they are an easy mistake to make.

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

    :param warnings: receives what is odd.
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
    """Read an Attribute. One whose values are missing, or are not in a SET, has none.

    :raises ParseError: malformed.
    """
    fields = element.expect(SEQUENCE, "the SEQUENCE of an attribute").children()
    kind = _next(fields, "the type of an attribute").oid()
    values = next(fields, None)
    if values is None:
        return RawAttribute(kind)
    if not values.is_universal(SET):
        warnings.append(f"the values of the CSR attribute {describe_oid(kind)} are not in a SET")
        return RawAttribute(kind)
    return RawAttribute(kind, tuple(value.encoded for value in values.children()))


def read_extensions(der: bytes, warnings: List[str]) -> Optional[Tuple[RequiredExtension, ...]]:
    """Read Extensions (RFC 5280) or ExtensionReqTemplate (RFC 9908), the value of an attribute.

    A single Extension (the text of RFC 9908 can be misread so) and the bare object identifier of an extension are
    read as well: the example of RFC 7030 section 4.5.2 has one.

    :return: ``None`` where it is not an extension, as in the example of RFC 7030 section 4.5.2.
    :raises ParseError: malformed.
    """
    element = read(der)
    if element.is_universal(OBJECT_IDENTIFIER):
        oid = element.oid()
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


# ----------------------------------------------------------------------------------------------------------------------

#: The largest answer that is read, in bytes of DER: real ones have some hundred.
MAX_BYTES = 64 * 1024
#: The most elements that are read.
MAX_ELEMENTS = 500

CHALLENGES = (CHALLENGE_PASSWORD, OTP_CHALLENGE, REVOCATION_CHALLENGE, EST_IDENTITY_LINKING)

#: Object identifiers of bare hashes, which RFC 7030 appendix A.2 (and libest with it) sends to ask for a hash.
HASHES: Dict[str, str] = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


class CsrAttributes(Value):
    """What a server wants to see in certificate requests.

    :param from_template: whether it was read from a template, beside which nothing else counts (RFC 9908 section 4).
    :param keys: the kinds of key that will do; empty for any.
    :param signature_algorithms: object identifiers of signature algorithms and hashes that will do; empty for any.
    :param subject: the RDNs of the subject; ``None`` where there is no requirement.
    :param subject_attributes: object identifiers of what the subject should have; a list cannot say more.
    :param extensions: the X.509 extensions that the request must have.
    :param challenges: which attributes of ``CHALLENGES`` the request should have.
    :param ignored: everything else that the server sent, as it came (RFC 7030 section 4.5.2: it is to be ignored).
    :param warnings: what was odd about the answer, written like ``EstError.reason``.
    :param der: the answer itself.
    """

    from_template: bool = False
    keys: Tuple[RequiredKey, ...] = ()
    signature_algorithms: Tuple[str, ...] = ()
    subject: Optional[Tuple[RequiredRdn, ...]] = None
    subject_attributes: Tuple[str, ...] = ()
    extensions: Tuple[RequiredExtension, ...] = ()
    challenges: Tuple[str, ...] = ()
    ignored: Tuple[RawAttribute, ...] = ()
    warnings: Tuple[str, ...] = ()
    der: bytes = field(default=b"", repr=False)

    @property
    def wants_linking(self) -> bool:
        """Whether the request is to be linked to its TLS session (RFC 7030 section 3.5, RFC 7894 section 4)."""
        return CHALLENGE_PASSWORD in self.challenges or EST_IDENTITY_LINKING in self.challenges

    def describe(self) -> List[Dict[str, str]]:
        """The wishes in words, see ``describe()``."""
        return describe(self)


def parse_csr_attributes(der: bytes) -> CsrAttributes:
    """Read the CsrAttrs of an answer to /csrattrs.

    :raises ParseError: it is not a CsrAttrs, malformed, or too large.
    """
    if len(der) > MAX_BYTES:
        raise ParseError(f"the CSR attributes have {len(der)} bytes; at most {MAX_BYTES} are read")
    outer = read(der).expect(SEQUENCE, "the SEQUENCE of CSR attributes")
    warnings: List[str] = []
    if outer.end < len(der):
        warnings.append(f"{len(der) - outer.end} bytes follow the CSR attributes")
    elements: List[RawAttribute] = []
    for position, element in enumerate(outer.children()):
        if position == MAX_ELEMENTS:
            raise ParseError(f"the CSR attributes have more than {MAX_ELEMENTS} elements")
        if element.is_universal(OBJECT_IDENTIFIER):
            elements.append(RawAttribute(element.oid()))
        elif element.is_universal(SEQUENCE):
            elements.append(read_attribute(element, warnings))
        else:
            warnings.append(f"element {position + 1} of the CSR attributes is neither an OID nor an attribute")
    return _from_elements(elements, warnings, der)


def _from_elements(elements: List[RawAttribute], warnings: List[str], der: bytes) -> CsrAttributes:
    templates = [element for element in elements if element.oid == CERTIFICATION_REQUEST_INFO_TEMPLATE]
    values = [value for template in templates for value in template.values]
    if not values:
        return _Collector(warnings).collect(elements).result(der=der)
    if len(values) > 1:
        warnings.append("the CSR attributes have more than one template of a request: the first is used")
    template = read_template(values[0], warnings)
    collector = _Collector(warnings).collect(template.attributes)
    collector.ignored.extend(element for element in elements if element not in templates)
    if template.key is not None:
        collector.keys = [template.key]
    return collector.result(from_template=True, subject=template.subject, der=der)


class _Collector:
    """Sorts elements by what they ask for."""

    def __init__(self, warnings: List[str]) -> None:
        self._warnings = warnings
        self.keys: List[RequiredKey] = []
        self.ignored: List[RawAttribute] = []
        self._signature_algorithms: List[str] = []
        self._subject_attributes: List[str] = []
        self._extensions: Dict[str, RequiredExtension] = {}
        self._challenges: List[str] = []

    def collect(self, elements: List[RawAttribute]) -> _Collector:
        requests = [e for e in elements if e.oid in (EXTENSION_REQUEST, EXTENSION_REQUEST_TEMPLATE) and e.values]
        if len(requests) > 1 or any(len(request.values) != 1 for request in requests):
            self._warnings.append("the CSR attributes ask for extensions more than once, where RFC 9908 allows it once")
        for element in elements:
            self._add(element)
        return self

    def _add(self, element: RawAttribute) -> None:
        oid = element.oid
        if oid in (EXTENSION_REQUEST, EXTENSION_REQUEST_TEMPLATE):
            self._add_extensions(element)
        elif oid in CHALLENGES:
            self._challenges.append(oid)
        elif oid in KEY_ALGORITHMS:
            self._add_keys(element)
        elif oid in CURVES:
            self.keys.append(RequiredKey(EC_PUBLIC_KEY, curve=oid))
        elif oid in SIGNATURE_ALGORITHMS or oid in HASHES:
            self._signature_algorithms.append(oid)
        elif oid in ATTRIBUTE_NAMES and not element.values:
            self._subject_attributes.append(oid)
        else:
            self.ignored.append(element)

    def _add_keys(self, element: RawAttribute) -> None:
        """RFC 9908 section 3.2: no value for any key of this kind, or the curve, or the bits of the modulus."""
        found = []
        for value in element.values:
            parameter = read(value)
            if element.oid == EC_PUBLIC_KEY and parameter.is_universal(OBJECT_IDENTIFIER):
                found.append(RequiredKey(element.oid, curve=parameter.oid()))
            elif element.oid == RSA_ENCRYPTION and parameter.is_universal(INTEGER):
                found.append(RequiredKey(element.oid, bits=parameter.integer()))
            else:
                self._warnings.append(
                    f"the CSR attributes have a parameter of {describe_oid(element.oid)} that is not known"
                )
        self.keys.extend(found or [RequiredKey(element.oid)])

    def _add_extensions(self, element: RawAttribute) -> None:
        left: List[bytes] = []
        for value in element.values:
            extensions = read_extensions(value, self._warnings)
            if extensions is None:
                left.append(value)
                continue
            for extension in extensions:
                if extension.oid in self._extensions:
                    name = describe_oid(extension.oid)
                    self._warnings.append(f"the CSR attributes ask for the extension {name} twice: the first counts")
                self._extensions.setdefault(extension.oid, extension)
        if left or not element.values:
            self.ignored.append(RawAttribute(element.oid, tuple(left)))

    def result(
        self, *, der: bytes, from_template: bool = False, subject: Optional[Tuple[RequiredRdn, ...]] = None
    ) -> CsrAttributes:
        return CsrAttributes(
            from_template=from_template,
            keys=self._narrowed_keys(),
            signature_algorithms=tuple(self._signature_algorithms),
            subject=subject,
            subject_attributes=tuple(self._subject_attributes),
            extensions=tuple(self._extensions.values()),
            challenges=tuple(self._challenges),
            ignored=tuple(self.ignored),
            warnings=tuple(self._warnings),
            der=der,
        )

    def _narrowed_keys(self) -> Tuple[RequiredKey, ...]:
        """Without "any EC key" where a curve is named as well, and likewise for RSA."""
        narrowed = {key.algorithm for key in self.keys if key != RequiredKey(key.algorithm)}
        return tuple(key for key in self.keys if key.algorithm not in narrowed or key != RequiredKey(key.algorithm))
