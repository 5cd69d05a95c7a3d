# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of certificates, and Windows security identifiers (objectSid) with the URI that carries one."""

from __future__ import annotations

import re

from .errors import NameSyntaxError, quote

# ----------------------------------------------------------------------------------------------------------------------
# Fingerprints of certificates, read in any spelling.

_SPACES = re.compile(r"\s+")
_HASH_PREFIX = re.compile(r"\s*sha-?(\d+)(?:\s+fingerprint)?\s*[:=]?\s*(?=[0-9a-f: ]*\Z)", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")
_HASH_OF_LENGTH = {64: "sha256", 128: "sha512"}
_WEAK_HASH_OF_LENGTH = {32: "an MD5", 40: "a SHA-1"}
_ALLOWED = "a SHA-256 (64 digits) or SHA-512 (128 digits) in hexadecimal"


def parse_fingerprint(text: str) -> tuple[str, str]:
    """Return the hash (``sha256`` or ``sha512``) and the lower-case hexadecimal digits of a fingerprint.

    Colons, spaces, case and a prefix (``sha256:``, ``SHA256 Fingerprint=``) do not matter.

    :raises NameSyntaxError: anything else, including a SHA-1 or MD5 fingerprint.
    """
    prefix = _HASH_PREFIX.match(text)
    digits = _SPACES.sub("", text[prefix.end() :] if prefix else text).replace(":", "").lower()
    if not _HEXADECIMAL.match(digits):
        raise NameSyntaxError("is not a fingerprint", allowed=_ALLOWED)
    hash_name = _HASH_OF_LENGTH.get(len(digits))
    if hash_name is None:
        weak = _WEAK_HASH_OF_LENGTH.get(len(digits))
        reason = f"is {weak} fingerprint, which is not safe" if weak else f"has {len(digits)} hexadecimal digits"
        raise NameSyntaxError(reason, allowed=_ALLOWED)
    if prefix and prefix.group(1) != hash_name[3:]:
        raise NameSyntaxError(f"says SHA-{prefix.group(1)} and has {len(digits)} digits", allowed=_ALLOWED)
    return hash_name, digits


# ----------------------------------------------------------------------------------------------------------------------

#: A URI with this prefix carries a security identifier. It is a tag URI, and two of those are equal only when they are
#: the same characters (RFC 4151 section 2.4), so the prefix is recognised in this very spelling: nothing says that a
#: domain controller takes another one.
SID_URI_PREFIX = "tag:microsoft.com,2022-09-14:sid:"

# [MS-DTYP] section 2.4.2.1: revision 1, an authority of 48 bits (decimal; hexadecimal with 12 digits from 2^32 on), and
# up to 15 sub-authorities of 32 bits. No leading zeros.
_SID = r"S-1-(?:(0|[1-9][0-9]{0,9})|0x([0-9A-Fa-f]{12}))((?:-(?:0|[1-9][0-9]{0,9})){1,15})\Z"
_LARGEST = 2**32 - 1
# S-1-5-21 is followed by the three numbers of a domain (or a machine) and the number of the account in it.
_DOMAIN_PREFIX = "S-1-5-21-"
_NUMBERS_OF_AN_ACCOUNT = 5
_ALLOWED_SID = "S-1-... such as S-1-5-21-1004336348-1177238915-682003330-512"


def check_sid(text: str) -> None:
    """Refuse a text that is not a security identifier in its canonical form, and one of a domain instead of an account.

    :raises NameSyntaxError: with what is wrong, and with the identifier that was probably meant.
    """
    found = re.match(_SID, text)
    if not found:
        raise NameSyntaxError("is not a security identifier", allowed=_ALLOWED_SID, suggestion=_intended(text))
    decimal, hexadecimal, rest = found.groups()
    if hexadecimal is not None and int(hexadecimal, 16) <= _LARGEST:
        raise NameSyntaxError(
            f"has the authority 0x{hexadecimal}",
            allowed="one below 2^32 in decimal",
            suggestion=f"S-1-{int(hexadecimal, 16)}{rest}",
        )
    numbers = rest[1:].split("-")
    for number in (*numbers, *((decimal,) if decimal else ())):
        if int(number) > _LARGEST:
            raise NameSyntaxError(f"has the number {number}", allowed=f"numbers up to {_LARGEST} (32 bits)")
    if text.startswith(_DOMAIN_PREFIX) and len(numbers) != _NUMBERS_OF_AN_ACCOUNT:
        raise NameSyntaxError(
            f"has {len(numbers) - 1} numbers after S-1-5-21",
            allowed="three of the domain and one of the account, the objectSid of a user or computer",
        )


def is_sid(text: str) -> bool:
    """Tell whether ``check_sid()`` accepts a text."""
    try:
        check_sid(text)
    except NameSyntaxError:
        return False
    return True


def check_sid_uri(uri: str) -> None:
    """Refuse a URI that was meant to carry a security identifier and does not.

    :raises NameSyntaxError: Microsoft's prefix is in another case, or no identifier follows it.
    """
    if uri[: len(SID_URI_PREFIX)].lower() != SID_URI_PREFIX:
        return
    sid = uri[len(SID_URI_PREFIX) :]
    if not uri.startswith(SID_URI_PREFIX):
        raise NameSyntaxError(
            f"has {quote(uri[: len(SID_URI_PREFIX)])} in place of Microsoft's prefix, which has small letters only",
            allowed=SID_URI_PREFIX,
            suggestion=SID_URI_PREFIX + sid if is_sid(sid) else "",
        )
    if not is_sid(sid):
        raise NameSyntaxError("has no security identifier after Microsoft's prefix", allowed=f"{SID_URI_PREFIX}S-1-...")


def _intended(text: str) -> str:
    candidate = text.strip()
    if candidate[: len(SID_URI_PREFIX)].lower() == SID_URI_PREFIX:
        candidate = candidate[len(SID_URI_PREFIX) :]
    candidate = "S" + candidate[1:] if candidate[:1] == "s" else candidate
    return candidate if candidate != text and is_sid(candidate) else ""
