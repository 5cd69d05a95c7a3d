# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSR attributes: what a server wants to see in certificate requests (RFC 7030 section 4.5.2).

Two forms are read: the list of object identifiers and attributes (RFC 8951 section 4, RFC 9908 section 3.2), and the
template of a request (RFC 9908 section 3.4, see ``csr_template.py``), which takes precedence. The reader is bounded,
and tolerant where servers in the field are wrong: what is odd becomes a warning, what is unknown is kept aside.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ..names.attributes import ATTRIBUTE_NAMES
from .csr_attribute_words import describe
from .csr_parts import CHALLENGE_PASSWORD, EST_IDENTITY_LINKING, EXTENSION_REQUEST, OTP_CHALLENGE, REVOCATION_CHALLENGE
from .csr_requirements import (
    EC_PUBLIC_KEY,
    KEY_ALGORITHMS,
    RSA_ENCRYPTION,
    RawAttribute,
    RequiredExtension,
    RequiredKey,
    RequiredRdn,
)
from .csr_signing import SIGNATURE_ALGORITHMS
from .csr_template import (
    CERTIFICATION_REQUEST_INFO_TEMPLATE,
    EXTENSION_REQUEST_TEMPLATE,
    read_attribute,
    read_extensions,
    read_template,
)
from .der import INTEGER, OBJECT_IDENTIFIER, SEQUENCE, read
from .errors import ParseError
from .object_identifier_names import CURVES, named
from .value import Value, not_shown

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

    :param from_template: read from a template, where nothing else counts (RFC 9908 section 4).
    :param keys: the kinds of key that will do; empty for any.
    :param signature_algorithms: object identifiers of signature algorithms and hashes that will do; empty for any.
    :param subject: the RDNs of the subject; ``None`` where there is no requirement.
    :param subject_attributes: object identifiers of what the subject should have, which is all that a list can say.
    :param extensions: the X.509 extensions that the request must have.
    :param challenges: which attributes of :data:`CHALLENGES` the request should have.
    :param ignored: everything else that the server sent, as it came (RFC 7030 section 4.5.2: it is to be ignored).
    :param warnings: what was odd about the answer, written like :attr:`.EstError.reason`.
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
    der: bytes = not_shown(default=b"")

    @property
    def wants_linking(self) -> bool:
        """Whether the request is to be linked to its TLS session (RFC 7030 section 3.5, RFC 7894 section 4)."""
        return CHALLENGE_PASSWORD in self.challenges or EST_IDENTITY_LINKING in self.challenges

    def describe(self) -> List[Dict[str, str]]:
        """The wishes in words, see :func:`.csr_attribute_words.describe`."""
        return describe(self)


def parse_csr_attributes(der: bytes) -> CsrAttributes:
    """Read the CsrAttrs of an answer to /csrattrs.

    :raises ParseError: it is no CsrAttrs, malformed, or too large.
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
                self._warnings.append(f"the CSR attributes have a parameter of {named(element.oid)} that is not known")
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
                    name = named(extension.oid)
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
