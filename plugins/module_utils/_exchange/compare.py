# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked for against what the CA put into the certificate.

CAs drop what their policy does not know, and say nothing: Cisco's demo CA keeps only the common name. An enrolment
therefore lists what was lost, and what came in place of it. What a user accepts of that is in ``acceptance.py``.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, List, Sequence, Tuple

from .._names.attributes import ATTRIBUTE_NAMES, Subject, SubjectAttribute
from .._names.comparison import comparable_attribute
from .._names.general_names import GeneralName, comparable_general_name

#: What each line about a name begins with, and what stands between the value asked for and the one that came.
SUBJECT, NAME, NOW = "subject", "subject_alternative_name", " came as "
#: What each line about a name that was added ends with.
ADDED = " was not asked for"


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
    left = Counter(map(comparable_attribute, issued_subject))  # an attribute can be there more than once
    for attribute in requested_subject:
        wanted = comparable_attribute(attribute)
        if left[wanted] == 0:
            missing.append(attribute)
        left[wanted] -= 1
    granted = {comparable_general_name(name) for name in issued_names}
    return in_words(missing, [name for name in requested_names if comparable_general_name(name) not in granted])


def differs(
    requested_subject: Subject,
    requested_names: Sequence[GeneralName],
    issued_subject: Subject,
    issued_names: Sequence[GeneralName],
    *,
    same_subject: bool = False,
) -> List[str]:
    """Other values of what was requested, and what was added: a name that is not that of the host.

    An alternative name that nobody asked for is one, whatever its type: it says who the host is, or who its user is.

    :param same_subject: whether an attribute of a type that nobody asked for, such as the ``O`` of a CA, is one too.
    :returns: entries such as ``subject CN=ce1 came as CN=root``, in the order of the request, and ``subject OU=x was
        not asked for`` where another value joins those that were requested, or where none was.
    """
    asked = _by_type(in_words(requested_subject, requested_names))
    request, certificate = (requested_subject, requested_names), (issued_subject, issued_names)
    missing = _by_type(_beyond(request, certificate))
    surplus = _by_type(_beyond(certificate, request))
    found: List[str] = []
    for type_ in [*asked, *(type_ for type_ in surplus if type_ not in asked)]:
        if type_ not in asked and not same_subject and type_.startswith(f"{SUBJECT} "):
            continue
        came = surplus.get(type_, [])
        wanted = missing.get(type_, [])
        found.extend(f"{old}{NOW}{new.partition(' ')[2]}" for old, new in zip(wanted, came))
        found.extend(f"{new}{ADDED}" for new in came[len(wanted) :])
    return found


def _beyond(one: Tuple[Subject, Sequence[GeneralName]], other: Tuple[Subject, Sequence[GeneralName]]) -> List[str]:
    """What of one subject and its alternative names the other does not have."""
    return lost(one[0], one[1], other[0], other[1])


def _by_type(entries: Sequence[str]) -> Dict[str, List[str]]:
    """Entries of ``in_words()`` by what they begin with, up to the sign before the value."""
    found: Dict[str, List[str]] = {}
    for entry in entries:
        sign = "=" if entry.startswith(f"{SUBJECT} ") else ":"
        found.setdefault(entry.partition(sign)[0], []).append(entry)
    return found


def in_words(subject: Sequence[SubjectAttribute], names: Sequence[GeneralName]) -> List[str]:
    """Each attribute of a subject and each entry of a subject alternative name in words, in their order."""
    return [
        *(f"{SUBJECT} {ATTRIBUTE_NAMES.get(attribute.oid, attribute.oid)}={attribute.value}" for attribute in subject),
        *(f"{NAME} {name}" for name in names),
    ]
