# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A distinguished name in either form: with slashes, as IBM's templates have it, or with commas (RFC 4514)."""

from __future__ import annotations

from .attributes import Subject
from .errors import NameSyntaxError
from .slash_dn import parse_slash_dn

_ALLOWED = "/NAME=value/NAME=value, or NAME=value,NAME=value with the most specific first (RFC 4514)"
# Nothing bounds a name; no directory is nearly as deep.
_MOST_ATTRIBUTES = 64


def is_slash_form(text: str) -> bool:
    """Tell which form a name is in: what begins with a slash is in the slash form, all else in that with commas."""
    return text.startswith("/")


def parse_distinguished_name(text: str) -> Subject:
    """Read a distinguished name in the slash form or in that of RFC 4514.

    :returns: the attributes in the order of the certificate: as written in the slash form, reversed in the other.
    :raises NameSyntaxError: with what is wrong, and where there is one the likely intended text.
    """
    subject = _parse(text)
    if len(subject) > _MOST_ATTRIBUTES:
        raise NameSyntaxError(f"has {len(subject)} attributes", allowed=f"at most {_MOST_ATTRIBUTES}")
    return subject


def _parse(text: str) -> Subject:
    if is_slash_form(text):
        return parse_slash_dn(text)
    if not text:
        raise NameSyntaxError("is empty", allowed="/NAME=value, such as /CN=%uname%")
    if text.lstrip().startswith("/"):
        raise NameSyntaxError("begins with a space", allowed=_ALLOWED, suggestion=text.strip())
    if "=" not in text:
        raise NameSyntaxError("is no distinguished name", allowed=_ALLOWED)
    from .rfc4514_dn import parse_rfc4514_dn  # here, because few names need it and its patterns take a while to compile

    return parse_rfc4514_dn(text)
