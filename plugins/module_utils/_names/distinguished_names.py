# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A distinguished name in either form: with slashes, as IBM's templates have it, or with commas (RFC 4514)."""

from __future__ import annotations

import re

from .attributes import ATTRIBUTE_NAMES, NAME_PATTERN, Subject, SubjectAttribute, attribute_oid, known_oid
from .errors import NameSyntaxError, check_printable, quote

# ----------------------------------------------------------------------------------------------------------------------
# The slash form of a distinguished name: ``/CN=Bob Example/OU=Sales\/East/emailAddress=bob@example.com``.
#
# IBM does not publish its escapes. Ours, inside a value: ``\/`` is a slash, ``\\`` a backslash, ``\+`` a plus sign.
#
# Every attribute is an RDN of its own. A plus sign is ordinary text (``/CN=C++ team`` and ``/D=1+1=2`` are fine), but
# where the name of an attribute and an equals sign follow it (``/CN=a+OU=b``) it was almost certainly meant to join two
# attributes in one RDN, which a template cannot say: that is refused rather than put into the CN. ``\+`` is a plus sign
# that is meant as text. An attribute for which IBM has no name is written with its object identifier
# (``/2.5.4.97=VATDE-123``).

_UNIT = r"(?s)\\.|[^\\]|\\\Z"
_ESCAPE = r"(?s)\\(.?)"
# Escapes are stepped over in pairs, so the plus sign that is found is one without a backslash.
# Compiled when the first plus sign is seen, as it takes a while.
_SECOND_ATTRIBUTE = rf"(?s)(?:\\.|[^\\])*?\+\s*({NAME_PATTERN})\s*="
_AMBIGUOUS_PLUS = rf"\+(?=\s*{NAME_PATTERN}\s*=)"


def parse_slash_dn(text: str) -> Subject:
    """Read a distinguished name in slash form.

    Attribute names are IBM's (``S`` is surname, ``SN`` is serialNumber), in any case. Values are not
    checked, because they may still have variables in them: see ``check_attribute()``.

    :returns: the attributes in the order in which they are written, escapes resolved; at least one.
    :raises NameSyntaxError: with what is wrong, and with the name that was probably meant.
    """
    if not text:
        raise NameSyntaxError("is empty", allowed="/NAME=value, such as /CN=%uname%")
    check_printable(text)
    if text[0] != "/":
        raise NameSyntaxError("does not begin with '/'", allowed="/NAME=value/NAME=value", suggestion=_slash_form(text))
    if text == "/":
        raise NameSyntaxError("has no attribute", allowed="/NAME=value, such as /CN=%uname%")
    segments = split_unescaped(text[1:], "/")
    return tuple(_parse_attribute(segment, index, segments) for index, segment in enumerate(segments))


def format_slash_dn(subject: Subject) -> str:
    """Write a subject in slash form, so that ``parse_slash_dn()`` gives the same attributes back.

    An attribute for which IBM has no name is written with its object identifier. An empty subject gives an empty text.
    """
    return "".join(f"/{ATTRIBUTE_NAMES.get(oid, oid)}={_escape(value)}" for oid, value in subject)


def split_unescaped(text: str, separator: str) -> list[str]:
    """Split at the separators that have no backslash before them; escapes and spaces stay as they are."""
    if "\\" not in text:
        return text.split(separator)
    segments = [""]
    for unit in re.findall(_UNIT, text):
        if unit == separator:
            segments.append("")
        else:
            segments[-1] += unit
    return segments


def _parse_attribute(segment: str, index: int, segments: list[str]) -> SubjectAttribute:
    if not segment:
        where = "ends with '/'" if index == len(segments) - 1 else "has two '/' with nothing between them"
        raise NameSyntaxError(
            where, allowed=r"/NAME=value/NAME=value; a slash in a value is written \/", suggestion=_tidy(segments)
        )
    name, equals, raw = segment.partition("=")
    if not equals:
        if known_oid(segment):
            raise NameSyntaxError(f"has the attribute {segment} without a value", allowed=f"/{segment}=value")
        joined = "/" + "/".join(segments[:index]) + r"\/" + "/".join(segments[index:]) if index else ""
        raise NameSyntaxError(
            f"has {quote(segment)} without an attribute name and '='",
            allowed=r"/NAME=value; a slash in a value is written \/",
            suggestion=joined,
        )
    if not name:
        raise NameSyntaxError(f"has no attribute name before {quote(segment)}", allowed="/NAME=value")
    oid = attribute_oid(name)
    if not raw:
        raise NameSyntaxError(f"has the attribute {name} without a value", allowed=f"/{name}=value")
    if raw != raw.strip():
        raise NameSyntaxError(f"has a value of {name} that begins or ends with a space")
    return SubjectAttribute(oid, _unescape(name, raw))


def _unescape(name: str, raw: str) -> str:
    if "+" in raw:
        second = re.match(_SECOND_ATTRIBUTE, raw)
        if second:
            raise NameSyntaxError(
                f"has '+{second.group(1)}=' in the value of {name}: several attributes in one RDN are not supported",
                allowed=r"each attribute after a '/' of its own; a plus sign that is meant as text is written \+",
            )
    if "\\" not in raw:
        return raw
    for escape in re.finditer(_ESCAPE, raw):
        if escape.group(1) not in ("/", "\\", "+"):
            raise NameSyntaxError(
                f"has {quote(escape.group())} in the value of {name}", allowed=r"\/ for a slash, \\ for a backslash, \+"
            )
    return re.sub(_ESCAPE, r"\1", raw)


def _escape(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("/", "\\/")
    return re.sub(_AMBIGUOUS_PLUS, r"\\+", escaped) if "+" in escaped else escaped


def _slash_form(text: str) -> str:
    """Guess what was meant by a name without its first slash."""
    stripped = text.strip()
    if stripped.startswith("/"):
        return stripped
    return f"/{stripped}" if "=" in stripped.partition("/")[0] and "," not in stripped else ""


def _tidy(segments: list[str]) -> str:
    kept = [segment for segment in segments if segment]
    return "/" + "/".join(kept) if kept and all("=" in segment for segment in kept) else ""


# ----------------------------------------------------------------------------------------------------------------------

_ALLOWED = "/NAME=value/NAME=value, or NAME=value,NAME=value with the most specific first (RFC 4514)"
# Nothing bounds a name; no directory is nearly as deep.
_MOST_ATTRIBUTES = 64


def is_slash_form(text: str) -> bool:
    """Tell whether a name is in the slash form: it begins with a slash. Any other is in the form with commas."""
    return text.startswith("/")


def parse_distinguished_name(text: str) -> Subject:
    """Read a distinguished name in the slash form or in that of RFC 4514.

    :returns: the attributes in the order of the certificate: as written in the slash form, reversed in the other.
    :raises NameSyntaxError: with what is wrong, and with the text that was probably meant.
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
        raise NameSyntaxError("is not a distinguished name", allowed=_ALLOWED)
    from .rfc4514_dn import parse_rfc4514_dn  # here, because few names need it and its patterns take a while to compile

    return parse_rfc4514_dn(text)
