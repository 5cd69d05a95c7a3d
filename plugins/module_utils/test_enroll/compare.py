# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked for against what the CA put into the certificate.

CAs drop what their policy does not know, and say nothing: Cisco's demo CA keeps only the common name. A test enrolment
therefore lists what was lost, rather than failing or hiding it.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections import Counter
from typing import List, Sequence

from ..names.attributes import ATTRIBUTE_NAMES, Subject, SubjectAttribute
from ..names.general_names import GeneralName
from ..names.text import normalized


def lost(
    requested_subject: Subject,
    requested_names: Sequence[GeneralName],
    issued_subject: Subject,
    issued_names: Sequence[GeneralName],
) -> List[str]:
    """What was requested and is not in the certificate, in the order of the request.

    :returns: entries such as ``subject emailAddress=jdoe@example.com`` and
        ``subject_alternative_name UPN:jdoe@example.com``; empty where everything was granted.
    """
    missing: List[SubjectAttribute] = []
    left = Counter(map(_comparable_attribute, issued_subject))  # an attribute can be there more than once
    for attribute in requested_subject:
        wanted = _comparable_attribute(attribute)
        if left[wanted] == 0:
            missing.append(attribute)
        left[wanted] -= 1
    granted = {_comparable(name) for name in issued_names}
    return in_words(missing, [name for name in requested_names if _comparable(name) not in granted])


def in_words(subject: Sequence[SubjectAttribute], names: Sequence[GeneralName]) -> List[str]:
    """Each attribute of a subject and each entry of a subject alternative name in words, in their order."""
    return [
        *(f"subject {ATTRIBUTE_NAMES.get(attribute.oid, attribute.oid)}={attribute.value}" for attribute in subject),
        *(f"subject_alternative_name {name}" for name in names),
    ]


def _comparable_attribute(attribute: SubjectAttribute) -> SubjectAttribute:
    """The attribute in a form in which two ways to write the same value are equal, but not two values."""
    value = normalized(attribute.value)
    name = ATTRIBUTE_NAMES.get(attribute.oid)
    if name == "DC":  # RFC 5280 section 7.3: compared as the labels of a domain
        value = value.lower()
    elif name == "emailAddress":
        value = _with_small_domain(value)
    return SubjectAttribute(attribute.oid, value)


def _comparable(name: GeneralName) -> GeneralName:
    """The entry in a form in which two ways to write the same name are equal."""
    if name.type == "DNS":  # RFC 4343: without regard to case
        return GeneralName(name.type, name.value.lower())
    if name.type in ("email", "UPN"):  # RFC 5280 section 7.5: the domain without regard to case
        return GeneralName(name.type, _with_small_domain(normalized(name.value)))
    if name.type == "IP":  # IPv6 addresses have many spellings
        with contextlib.suppress(ValueError):
            return GeneralName(name.type, str(ipaddress.ip_address(name.value)))
    return name


def _with_small_domain(address: str) -> str:
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{domain.lower()}"
