# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes passwords out of text that a server sent: it may repeat what it got (requirement 70)."""

from __future__ import annotations

import base64
import html.entities
import re
import unicodedata
from typing import Iterable, Iterator, List, Set, Tuple

#: What stands in place of a secret.
MASK = "********"

_WHITE_SPACE = r"(?:\s|\+|%20|%0[9ADad]|&nbsp;|&#0*32;|&#[Xx]0*20;|\\[nrt])+"
# Fewer would be found in any text.
_MIN_BASE64_DIGITS = 4
_BASE64_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_%")


def redact(text: str, secrets: Iterable[str]) -> str:
    """Put :data:`MASK` in place of every secret, also where it is URL-encoded, escaped for JSON or HTML, or in base64.

    A password is found in the base64 of ``user:password`` too, whatever the user name; the whole word is masked then.
    Secrets of less than four bytes are not looked for in base64.

    :param secrets: passwords and the like; empty ones are passed over.
    """
    spans: List[Tuple[int, int]] = []
    for secret in _variants(secrets):
        # White space around it is not looked for: it says nothing, and to search long runs of it would be slow.
        spans.extend(match.span() for match in _pattern(secret.strip()).finditer(text))
        for digits in _base64_digits(secret):
            spans.extend(_base64_words(text, _pattern(digits)))
    result: List[str] = []
    position = 0
    for start, end in sorted(spans):
        if start > position or not result:
            result.extend((text[position:start], MASK))
        position = max(position, end)
    result.append(text[position:])
    return "".join(result)


def _variants(secrets: Iterable[str]) -> Set[str]:
    """The secrets as they may come back: as they are, normalised, or as UTF-8 that was taken for Latin-1."""
    found: Set[str] = set()
    for secret in secrets:
        for form in (secret, unicodedata.normalize("NFC", secret)):
            found.update((form, form.encode("utf-8", "surrogatepass").decode("latin-1")))
    return {secret for secret in found if secret.strip()}


def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile(_WHITE_SPACE.join("".join(map(_character_pattern, word)) for word in secret.split()))


def _character_pattern(character: str) -> str:
    """One character of a secret: plain, or encoded for a URL, for JSON or for HTML."""
    code = ord(character)
    octets = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    json_escape = "".join(r"\\u" + units[at : at + 4] for at in range(0, len(units), 4))
    encoded = ["".join(f"%{octet:02x}" for octet in octets), json_escape, f"&#0*{code};", f"&#x0*{code:x};"]
    names = [name for name in (html.entities.codepoint2name.get(code), "apos" if character == "'" else None) if name]
    named = [f"&{name};" for name in names]
    plain = r"\\{1,2}" if character == "\\" else (r"\\?" if not character.isalnum() else "") + re.escape(character)
    return f"(?:(?i:{'|'.join(encoded)})|{'|'.join([*named, plain])})"


def _base64_digits(secret: str) -> Iterator[str]:
    """The base64 digits that a secret has for certain, for each of the three places it may have in a group of bytes."""
    octets = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        # Digits that also hold bits of the neighbours are left out: those before, and the last one where it is shared.
        digits = base64.b64encode(b"\0" * before + octets).decode("ascii").rstrip("=")
        certain = digits[(before * 8 + 5) // 6 : (before + len(octets)) * 8 // 6]
        if len(certain) >= _MIN_BASE64_DIGITS:
            yield certain
            if "+" in certain or "/" in certain:
                yield certain.replace("+", "-").replace("/", "_")


def _base64_words(text: str, digits: re.Pattern[str]) -> Iterator[Tuple[int, int]]:
    """The whole words of base64 in which the digits occur, each once."""
    done = 0
    for match in digits.finditer(text):
        start, end = match.span()
        if start < done:
            continue
        while start > done and text[start - 1] in _BASE64_WORD:
            start -= 1
        while end < len(text) and (text[end] in _BASE64_WORD or text[end] == "="):
            end += 1
        done = end
        yield start, end
