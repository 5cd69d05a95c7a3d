# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes of a subject name: IBM's spelling, their object identifiers, and what each may hold.

Note S and SN: in a Cloud Extender template S is surname and SN is serialNumber, the opposite of what many tools assume.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple


class SubjectAttribute(NamedTuple):
    """One attribute of a subject name: a dotted object identifier and its text value."""

    oid: str
    value: str


#: A subject name: its attributes in order, one per RDN.
Subject = Tuple[SubjectAttribute, ...]

#: IBM's attribute names (in the order of IBM's documentation) to object identifiers.
ATTRIBUTE_OIDS: Dict[str, str] = {
    "CN": "2.5.4.3",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "G": "2.5.4.42",
    "S": "2.5.4.4",
    "I": "2.5.4.43",
    "UID": "0.9.2342.19200300.100.1.1",
    "SN": "2.5.4.5",
    "T": "2.5.4.12",
    "D": "2.5.4.13",
    "emailAddress": "1.2.840.113549.1.9.1",
    "DC": "0.9.2342.19200300.100.1.25",
}

#: Object identifiers to IBM's attribute names.
ATTRIBUTE_NAMES: Dict[str, str] = {oid: name for name, oid in ATTRIBUTE_OIDS.items()}
