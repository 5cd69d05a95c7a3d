# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as a server encoded them, in our text form: values of a Name, and GeneralNames, that stand alone.

cryptography reads names only inside of certificates and requests. Reading is tolerant: what cannot be understood is
shown in hexadecimal, as in ``x509_names.py``.
"""

from __future__ import annotations

import ipaddress
from typing import Dict, List, Optional, Tuple

from ..names.attributes import Subject, SubjectAttribute
from ..names.general_names import GeneralName
from ..names.security_identifiers import uri_to_sid
from ..names.slash_dn import format_slash_dn
from .der import CONTEXT, SEQUENCE, SET, UTF8_STRING, Element, read
from .errors import ParseError
from .x509_names import UPN_OID

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
        return _read_general_name(entry)
    except (ParseError, ValueError):  # ValueError: no address, not ASCII, or too many or too few parts
        return GeneralName(f"[{entry.number}]", entry.value.hex().upper())


def _read_general_name(entry: Element) -> GeneralName:
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
