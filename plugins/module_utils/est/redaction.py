# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes passwords out of text that a server sent: it may repeat what it got (requirement 70)."""

from __future__ import annotations

import base64
import functools
import re
import unicodedata
from typing import Iterable, Iterator, List, Set, Tuple

#: What stands in place of a secret.
MASK = "********"

_WHITE_SPACE = r"(?:\s|\+|%20|%0[9ADad]|&nbsp;|&#0*32;|&#[Xx]0*20;|\\[nrt])+"
# Fewer would be found in any text.
_MIN_BASE64_DIGITS = 4
_BASE64_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_%")

_Patterns = Tuple["re.Pattern[str]", ...]


def redact(text: str, secrets: Iterable[str]) -> str:
    """Put :data:`MASK` in place of every secret, also where it is URL-encoded, escaped for JSON or HTML, or in base64.

    A password is found in the base64 of ``user:password`` too, whatever the user name; the whole word is masked then.
    Secrets of less than four bytes are not looked for in base64.

    :param secrets: passwords and the like; empty ones are passed over.
    """
    spans: List[Tuple[int, int]] = []
    for secret in secrets:
        patterns, base64_patterns = _patterns(secret)
        for pattern in patterns:
            spans.extend(match.span() for match in pattern.finditer(text))
        for pattern in base64_patterns:
            spans.extend(_base64_words(text, pattern))
    result: List[str] = []
    position = 0
    for start, end in sorted(spans):
        if start > position or not result:
            result.extend((text[position:start], MASK))
        position = max(position, end)
    result.append(text[position:])
    return "".join(result)


# An exchange looks for the same few secrets in every text, and to make the patterns costs more than to look for them.
# That they stay in memory for it is nothing new: re keeps the patterns that it compiled as well.
@functools.lru_cache(maxsize=8)
def _patterns(secret: str) -> Tuple[_Patterns, _Patterns]:
    """What a secret looks like in a text, and what it looks like in base64."""
    variants = _variants(secret)
    # White space around it is not looked for: it says nothing, and to search long runs of it would be slow.
    plain = tuple(_pattern(variant.strip()) for variant in variants)
    return plain, tuple(_pattern(digits) for variant in variants for digits in _base64_digits(variant))


def _variants(secret: str) -> Set[str]:
    """A secret as it may come back: as it is, normalised, or as UTF-8 that was taken for Latin-1."""
    found: Set[str] = set()
    for form in (secret, unicodedata.normalize("NFC", secret)):
        found.update((form, form.encode("utf-8", "surrogatepass").decode("latin-1")))
    return {variant for variant in found if variant.strip()}


def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile(_WHITE_SPACE.join("".join(map(_character_pattern, word)) for word in secret.split()))


def _character_pattern(character: str) -> str:
    """One character of a secret: plain, or encoded for a URL, for JSON or for HTML."""
    code = ord(character)
    octets = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    json_escape = "".join(r"\\u" + units[at : at + 4] for at in range(0, len(units), 4))
    encoded = ["".join(f"%{octet:02x}" for octet in octets), json_escape, f"&#0*{code};", f"&#x0*{code:x};"]
    named = [f"&{name};" for name in _entity_names(character)]
    plain = r"\\{1,2}" if character == "\\" else (r"\\?" if not character.isalnum() else "") + re.escape(character)
    return f"(?:(?i:{'|'.join(encoded)})|{'|'.join([*named, plain])})"


def _entity_names(character: str) -> List[str]:
    if character.isascii() and character.isalnum():
        return []
    # Here, because the table is large, and most passwords have no character that is in it.
    from html.entities import codepoint2name

    names = [codepoint2name.get(ord(character)), "apos" if character == "'" else None]
    return [name for name in names if name]


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
