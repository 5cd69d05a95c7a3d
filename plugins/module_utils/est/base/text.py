# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text and base64 from the network: made printable, freed of secrets, and decoded whatever its shape."""

from __future__ import annotations

import base64
import contextlib
import contextvars
import functools
import re
import unicodedata
from typing import Iterable, Iterator, List, Set, Tuple

from .errors import ParseError

# ----------------------------------------------------------------------------------------------------------------------
# Text that came over the network, made safe for a terminal, a log and a JSON result.

# The escape sequences of ECMA-48 (colours, cursor, window titles): each goes as a whole, not only its escape character.
_ESCAPES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"
)


def printable(text: str, limit: int) -> str:
    """The text on one line: no escape sequences, no control, format or bidi characters, white space folded.

    :param limit: the most characters; a longer text is cut and ends in ``...``.
    """
    # A cut may go through a secret, and cleaning may change one beyond recognition, or make one visible.
    folded = without_secrets(" ".join(cleaned(without_secrets(text)).split()))
    return folded if len(folded) <= limit else folded[: max(limit - 3, 0)] + "..."


def cleaned(text: str) -> str:
    """The text without escape sequences and without control, format and bidi characters; a white one is a space."""
    text = re.sub(_ESCAPES, "", text)
    return "".join(character if _is_shown(character) else _stand_in(character) for character in text)


# Only the first bytes of a body are ever shown, and a secret in them may be longer than what is shown.
_LOOKED_AT = 4096


def preview(data: bytes, limit: int = 60) -> str:
    """The first bytes of a body, for an error message: as text where they are text, otherwise as hexadecimal digits.

    :param limit: the most bytes that are shown.
    """
    data = without_secrets(data[:_LOOKED_AT].decode("latin-1")).encode("latin-1")
    head = data[:limit]
    dots = "..." if len(data) > limit else ""
    if all(byte in b"\t\r\n" or 0x20 <= byte < 0x7F for byte in head):
        return f'"{printable(head.decode("ascii"), limit)}{dots}"'
    return f"the bytes {head[:16].hex(' ')}{'...' if len(data) > 16 else ''}"


def _is_shown(character: str) -> bool:
    # C*: control, format (bidi and zero width among them), surrogate, private, unassigned
    return unicodedata.category(character)[0] != "C"


def _stand_in(character: str) -> str:
    return " " if character.isspace() else ""


# ----------------------------------------------------------------------------------------------------------------------
# Taking passwords out of text that a server sent: it may repeat what it got (requirement 70).

#: What stands in place of a secret.
MASK = "********"

# What a server sent is shown by printable() and preview() alone, or as part of an error or a warning of the client. So
# no reader of an answer has to know the secrets of the exchange.
_SECRETS: contextvars.ContextVar[Tuple[str, ...]] = contextvars.ContextVar("secrets", default=())


@contextlib.contextmanager
def hiding(secrets: Tuple[str, ...]) -> Iterator[None]:
    """Show none of these texts as long as the ``with`` block lasts, whatever a server repeats."""
    token = _SECRETS.set(secrets)
    try:
        yield
    finally:
        _SECRETS.reset(token)


def without_secrets(text: str) -> str:
    """The text as it may be shown: without the secrets of the exchange that is under way. See ``hiding``."""
    secrets = _SECRETS.get()
    return redact(text, secrets) if secrets else text


_WHITE_SPACE = r"(?:\s|\+|%20|%0[9ADad]|&nbsp;|&#0*32;|&#[Xx]0*20;|\\[nrt])+"
# Fewer would be found in any text.
_MIN_BASE64_DIGITS = 4
_BASE64_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_%")

_Patterns = Tuple["re.Pattern[str]", ...]


def redact(text: str, secrets: Iterable[str]) -> str:
    """Put ``MASK`` in place of every secret, also where it is URL-encoded, escaped for JSON or HTML, or in base64.

    A password is found in the base64 of ``user:password`` too, whatever the user name; the whole word is masked then.
    In base64, secrets of fewer than four bytes may be missed.

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


# An exchange looks for the same few secrets in every text, and making the patterns costs more than looking for them.
# That they stay in memory for it is nothing new: re keeps the patterns that it compiled as well.
@functools.lru_cache(maxsize=8)
def _patterns(secret: str) -> Tuple[_Patterns, _Patterns]:
    """What a secret looks like in a text, and what it looks like in base64."""
    variants = _variants(secret)
    # White space around it is not looked for: it says nothing, and searching long runs of it would be slow.
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


# ----------------------------------------------------------------------------------------------------------------------
# The base64 in which EST carries its messages (RFC 7030 section 4, RFC 8951 section 3).
#
# RFC 8951 makes base64 the only encoding whatever a Content-Transfer-Encoding header says: no header is looked at here.

#: OpenSSL's decoder, in its default mode, wants line breaks, and 64 columns are what it writes itself.
_COLUMNS = 64
_BLANKS = b" \t\r\n\v\f"
_FOREIGN = rb"[^A-Za-z0-9+/= \t\r\n\v\f]"
_AFTER_PADDING = rb"=[ \t\r\n\v\f]*([A-Za-z0-9+/])"
_PEM_BEGIN, _PEM_END, _PEM_DASHES = b"-----BEGIN ", b"-----END ", b"-----"


def encode_body(der: bytes, *, one_line: bool = False) -> bytes:
    """Encode a request body: bare base64 in lines of 64 columns that end in LF, the last one too.

    That is the form that most servers read: libest refuses base64 without line breaks, others refuse PEM armour and
    raw DER. LF is what libest's own client sends; Go's decoder, behind globalsign, skips CR and LF alike.

    :param one_line: without any line break, for a strict decoder (RFC 4648 section 3.1; RFC 8951 section 3.1).
    """
    text = base64.b64encode(der)
    if one_line:
        return text
    return b"".join(text[start : start + _COLUMNS] + b"\n" for start in range(0, len(text), _COLUMNS))


def decode_body(body: bytes) -> bytes:
    """Decode a response body, whatever shape a real server gave its base64.

    Accepted as well: white space anywhere, no line breaks, missing padding, NULs at the end, PEM armour (several PEM
    blocks are put one after another), base64 of a PEM file, raw DER or BER. All of these can be told apart, as what
    EST carries is always an ASN.1 SEQUENCE.

    :raises ParseError: empty, or none of these; the error names the first byte that does not belong there.
    """
    # 0x30 begins a SEQUENCE; as a base64 digit it could only begin what is not a SEQUENCE.
    if body[:1] == b"\x30":
        return body
    text = body[3:] if body.startswith(b"\xef\xbb\xbf") else body
    if _PEM_BEGIN in text:
        return _decode_pem(text)
    decoded = _decode_base64(text, len(body) - len(text))
    return _decode_pem(decoded) if decoded.startswith(_PEM_BEGIN) else decoded


def _decode_pem(text: bytes) -> bytes:
    """RFC 7468, also where the line breaks got lost. What stands outside the armour is left out."""
    parts: List[bytes] = []
    begin = text.find(_PEM_BEGIN)
    while begin != -1:
        start = text.find(_PEM_DASHES, begin + len(_PEM_BEGIN))
        end = text.find(_PEM_END, start + len(_PEM_DASHES)) if start != -1 else -1
        if end == -1:
            raise ParseError(
                f"the PEM block that begins at byte {begin} of the server's answer has no end: it is truncated"
            )
        start += len(_PEM_DASHES)
        parts.append(_decode_base64(text[start:end], start))
        begin = text.find(_PEM_BEGIN, end)
    return b"".join(parts)


def _decode_base64(text: bytes, offset: int) -> bytes:
    """RFC 4648 section 4.

    :param offset: where the text stands in the body, for the error message.
    """
    text = text.rstrip(_BLANKS + b"\0")
    wrong = re.search(_FOREIGN, text)
    if wrong:
        raise ParseError(_complaint(text, wrong.start(), offset))
    digits = text.translate(None, _BLANKS).rstrip(b"=")
    if not digits:
        raise ParseError("the server's answer has an empty body where base64 should be")
    early = re.search(_AFTER_PADDING, text)
    if early:
        raise ParseError(
            f"the server's answer is not base64: there is more at byte {offset + early.start(1)}, after the padding"
        )
    if len(digits) % 4 == 1:
        raise ParseError(f"the server's answer is not base64, or is truncated: it ends after {len(digits)} digits")
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _complaint(text: bytes, position: int, offset: int) -> str:
    if text.lstrip(_BLANKS)[:1] == b"<":
        return f"the server's answer is HTML or XML where base64 should be; it begins with {preview(text)}"
    byte = text[position]
    shown = f"{chr(byte)!r}" if 0x20 <= byte < 0x7F else f"0x{byte:02x}"
    return f"the server's answer is not base64: byte {offset + position} is {shown}; it begins with {preview(text)}"
