# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a log without secrets: known ones, and what looks like one.

It runs on the controller, on octets that a host has sent.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from ..est.base.text import MASK, redact
from .log_files import OVERLAP

# ----------------------------------------------------------------------------------------------------------------------
# Sections of a host in which a password can be. User names stay.

# What stands before the last @ of an authority: a password may have an @ in it that nobody encoded.
_ACCOUNT = re.compile(r"^([a-z][a-z0-9+.-]*://|)([^/]*)@", re.IGNORECASE)
_PROXIES = ("proxy", "script")

#: The sections that ``clean_section()`` knows.
CLEANED = ("proxy", "services", "windows_proxy")


def clean_section(name: str, section: Mapping[str, Any]) -> Dict[str, Any]:
    """A section without passwords: of proxies, and in the command lines of services.

    :raises AttributeError, KeyError, TypeError: it is not of the shape that the host's module gives it.
    """
    data = section.get("data")
    if data is None:
        return dict(section)
    if name == "proxy":
        data = {variable: without_password(data[variable]) for variable in sorted(data)}
    elif name == "windows_proxy":
        data = {
            where: {key: without_password(value) if key in _PROXIES else value for key, value in settings.items()}
            for where, settings in data.items()
        }
    else:
        services = [{key: clean(value, ()) for key, value in service.items()} for service in data["services"]]
        data = {**data, "services": services}
    return {**section, "data": data}


def without_password(url: str) -> str:
    """The URL of a proxy without the password in it."""
    match = _ACCOUNT.match(url)
    if match is None:
        return url
    user, colon, _password = match[2].partition(":")
    return f"{match[1]}{user}{f':{MASK}' if colon else ''}@{url[match.end() :]}"


# ----------------------------------------------------------------------------------------------------------------------

_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What a crash leaves in a file. In UTF-16 text every second octet is NUL at most.
_HOLES = re.compile(rb"\0{8,}")
_SAMPLE = 4096

_WORDS = r"(?:pass(?:word|phrase|wd|code)?|pwd|secret|api[_-]?key|(?:access|refresh|bearer)[_-]?token)"
_SEPARATOR = r"\\{0,2}[\"']?(?:[ \t]{0,8}[:=]|>)[ \t]{0,8}"
# A quoted value ends at its quote, which a JSON text inside of another escapes; any other at a blank or a sign.
_VALUE = r"(?:\\{1,2}\"[^\"\r\n]*|\"[^\"\r\n]*\"?|'[^'\r\n]*'?|[^\s\"'<>,;&]+)"
# What is searched for is expensive to find; a text without any of the words before it need not be searched.
_PATTERNS: Tuple[Tuple[Tuple[str, ...], re.Pattern[str], str], ...] = tuple(
    (words, re.compile(pattern, re.IGNORECASE), replacement)
    for words, pattern, replacement in (
        # Header fields, as HTTP and JSON have them: to the end of the line.
        (
            ("authorization", "cookie"),
            r"((?:authorization|\bcookie)[\"']?[ \t]{0,8}[:=][ \t]{0,8})[^\r\n]+",
            rf"\1{MASK}",
        ),
        # Credentials without their field: a word with a digit or a capital inside, which words of prose have not.
        (
            ("basic", "bearer", "negotiate", "ntlm"),
            r"\b((?:basic|bearer|negotiate|ntlm)[ \t]{1,8})(?!http/)(?=[^\s](?-i:[a-z+/_.~-]{0,4000}[A-Z0-9=]))"
            r"[a-z0-9+/=_.~-]{8,}",
            rf"\1{MASK}",
        ),
        # https://user:password@host
        (("@",), r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}:)[^\s/@\"'<>]{1,200}@", rf"\1{MASK}@"),
        # password=x, "password": "x", <password>x</password>, --password x
        (("pass", "pwd", "secret", "key", "token"), rf"({_WORDS}{_SEPARATOR}){_VALUE}", rf"\1{MASK}"),
        (("pass", "pwd", "secret", "key", "token"), rf"([ \t][-/]{{1,2}}{_WORDS}[ \t]{{1,8}})[^\s]+", rf"\1{MASK}"),
        (
            ("private key",),
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
            MASK,
        ),
    )
)


def clean(text: str, secrets: Iterable[str]) -> str:
    """Take secrets out of a text, and what looks like one: header fields with credentials, values of passwords.

    :param secrets: known passwords and the like, found in any encoding that ``redact()`` knows.
    """
    text = redact(text, secrets)
    lowered = text.lower()
    for words, pattern, replacement in _PATTERNS:
        if any(word in lowered for word in words):
            text = pattern.sub(replacement, text)
    return text


def clean_log(data: bytes, head: bytes, secrets: Iterable[str]) -> Optional[str]:
    """The text of a log without secrets.

    :param data: the end of the log, or all of it.
    :param head: its first octets, which tell the encoding.
    :returns: ``None`` where it is not text: nobody could find a secret in it.
    """
    encoding = _encoding(head)
    if encoding == "utf-8":
        data = _HOLES.sub(b"", data)
        if b"\0" in data:
            return None
        text = _decode(data)
    else:
        # The end of the log begins between two characters where the log has an odd number of octets before it.
        aligned = data if data.startswith(head[:2]) or len(data) % 2 == 0 else data[1:]
        text = aligned.decode(encoding, "replace")
    return clean(text.lstrip("\ufeff"), secrets)


def without_head(text: str) -> str:
    """A text whose beginning was cut off, without what may be the rest of a secret: that of a private key is long."""
    start = text.find("\n", OVERLAP // 2)
    return text[start + 1 :] if start >= 0 else text[OVERLAP // 2 :]


def keep_end_of_text(text: str, limit: int) -> bytes:
    """The end of a text as UTF-8: ``limit`` octets at most, from the beginning of a line where there is one."""
    data = text.encode("utf-8", "replace")
    cut = len(data) - limit
    if cut <= 0:
        return data
    if data[cut - 1 : cut] != b"\n":
        cut = max(cut, data.find(b"\n", cut) + 1)
    return data[cut:].decode("utf-8", "ignore").encode("utf-8")


def _decode(data: bytes) -> str:
    """UTF-8, and Latin-1 for the lines that are not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_decode_line(line) for line in data.splitlines(keepends=True))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _encoding(head: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    # UTF-16 without a mark, of a Western language: nearly every second octet is NUL, and no other.
    sample = head[:_SAMPLE]
    pairs = len(sample) // 2
    if pairs >= 2 and sample[1::2].count(0) > pairs * 0.7 and sample[0::2].count(0) == 0:
        return "utf-16-le"
    return "utf-8"
