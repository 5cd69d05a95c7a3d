# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host and domain names as RFC 1123 section 2.1 and RFC 5280 (preferred name syntax) want them."""

from __future__ import annotations

import re

from .errors import NameSyntaxError
from .text import normalized, quote

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = rf"(?:{_LABEL}\.)*{_LABEL}\Z"
_ONE_LABEL = rf"{_LABEL}\Z"
_MAXIMUM = 253
# IDNA 2003 takes these for dots.
_OTHER_DOTS = "[\u3002\uff0e\uff61]"


def is_host_name(text: str) -> bool:
    """Tell whether a text is a host name: labels of letters, digits and hyphens, the last one not only digits."""
    return (
        len(text) <= _MAXIMUM
        and re.match(_HOST_NAME, text) is not None
        and not text.rpartition(".")[2].isdigit()  # or it would be an IPv4 address, or a mistyped one
    )


def a_label_form(text: str) -> str:
    """Return an internationalised name in its ASCII form (``xn--``), or an empty string where there is none.

    There is none either where IDNA 2003 and IDNA 2008 (RFC 5891) make different names of it, as of ``faß.example``:
    which of the two was registered only its owner knows.
    """
    ascii_form = _idna(text)
    if not ascii_form or ascii_form.encode("ascii").decode("idna") != normalized(text).lower():
        return ""
    return ascii_form


def check_domain_name(text: str, *, before: str = "") -> None:
    """Refuse a text that is no host name, be it in ASCII or with letters of other scripts (RFC 5890, a U-label).

    :param before: as :func:`check_host_name` has it.
    :raises NameSyntaxError: with what is wrong.
    """
    if text.isascii():
        check_host_name(text, before=before)
    elif re.search(_OTHER_DOTS, text) or not _idna(text):
        raise NameSyntaxError(
            f"has {quote(text)}, which is no internationalised host name",
            allowed="labels of letters, digits and hyphens, with dots between them",
        )


def _idna(text: str) -> str:
    if len(text) > _MAXIMUM:
        return ""
    try:
        ascii_form = text.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return ascii_form if is_host_name(ascii_form) else ""


def check_host_name(text: str, *, before: str = "") -> None:
    """Refuse a text that is no host name.

    :param before: what is written before the name (``bob@``), which a suggestion repeats.
    :raises NameSyntaxError: with the label that is wrong, and why.
    """
    if not is_host_name(text):
        error = _wrong_host_name(text)
        if error.suggestion:
            error.suggestion = before + error.suggestion
        raise error


def _wrong_host_name(text: str) -> NameSyntaxError:
    allowed = "labels of letters, digits and hyphens, with dots between them"
    if not text:
        return NameSyntaxError("has no host name", allowed=allowed)
    if not text.isascii():
        return NameSyntaxError(
            "has letters outside ASCII: an internationalised name is written in its A-label form (xn--...)",
            suggestion=a_label_form(text),
        )
    if len(text) > _MAXIMUM:
        return NameSyntaxError(f"has {len(text)} characters", allowed=f"at most {_MAXIMUM}")
    for label in text.split("."):
        if not label:
            return NameSyntaxError("has an empty label", allowed=allowed, suggestion=_without_empty_labels(text))
        if len(label) > 63:
            return NameSyntaxError(f"has a label of {len(label)} characters", allowed="at most 63")
        if not re.match(_ONE_LABEL, label):
            return NameSyntaxError(
                f"has the label {quote(label)}, which is not one of a host name",
                allowed="letters, digits and hyphens, no hyphen first or last",
            )
    return NameSyntaxError("ends in a number, so it is neither a host name nor an IP address", allowed=allowed)


def _without_empty_labels(text: str) -> str:
    candidate = ".".join(label for label in text.split(".") if label)
    return candidate if is_host_name(candidate) else ""
