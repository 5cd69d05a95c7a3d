# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says in words, made fit for a person: short, on one line, without control characters or secrets.

RFC 7030 section 4.2.3 lets a server explain a refusal in a human-readable body, of which it says no more than that.
"""

from __future__ import annotations

import codecs
import html
import json
import re
import string
from typing import Any, Iterator, List, Optional

from ..asn1.cmc import parse_cmc_response
from ..base.errors import ParseError
from ..base.text import decode_body, printable
from ..http.headers import ContentType, parse_content_type

# ----------------------------------------------------------------------------------------------------------------------
# The readable text of an HTML or XML page, such as the error page of a web server or a proxy.
#
# Not ``html.parser``: some versions of it take seconds for a hostile page of a few KiB. Tags are only cut out here, in
# one pass over the page.

#: What is longer is cut: the words that matter come first.
MAX_CHARACTERS = 64 * 1024

# str.lower() would change the length of some texts.
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_TAG_NAME = re.compile(r"</?([a-z][a-z0-9:-]*)")
_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "object", "iframe"})
_INLINE = frozenset(
    {"a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "kbd", "q", "small", "span", "strong", "tt", "u"}
)


def html_to_text(page: str) -> str:
    """The visible words of a page in their order, each stretch of text once: titles and headings repeat each other."""
    blocks: List[str] = []
    for block in "".join(_text_and_breaks(page[:MAX_CHARACTERS])).split("\0"):
        try:
            blocks.append(html.unescape(block))
        except ValueError:  # a character reference with thousands of digits
            blocks.append(block)
    return join_sentences(blocks)


def _text_and_breaks(page: str) -> Iterator[str]:
    """The text outside tags, comments and hidden elements, with a NUL in place of each tag of a block element."""
    page = page.replace("\0", "")
    lower = page.translate(_ASCII_LOWER)
    position = 0
    while position < len(page):
        tag = page.find("<", position)
        if tag == -1:
            yield page[position:]
            return
        yield page[position:tag]
        name = _TAG_NAME.match(lower, tag)
        if lower.startswith("<!--", tag):
            end = page.find("-->", tag)
            closing = 3
        elif name or lower.startswith(("<!", "<?"), tag):
            end = page.find(">", tag)
            closing = 1
        else:
            yield "<"
            position = tag + 1
            continue
        if end == -1:
            return
        position = end + closing
        if name and name.group(1) not in _INLINE:
            yield "\0"
            if name.group(1) in _HIDDEN and lower[tag + 1] != "/" and page[end - 1] != "/":
                position = lower.find("</" + name.group(1), position)
                if position == -1:
                    return


def join_sentences(parts: List[str]) -> str:
    """Put texts one after another, each once, with a full stop after those that end without punctuation."""
    folded = [" ".join(part.split()) for part in parts]
    unique = list(dict.fromkeys(part for part in folded if part))
    ended = [part if part[-1] in ".,:;!?" else part + "." for part in unique[:-1]]
    return " ".join(ended + unique[-1:])


# ----------------------------------------------------------------------------------------------------------------------

#: The most characters of a server's message that are shown.
LIMIT = 500

_MAX_BYTES = 64 * 1024
_UTF16_MARKS = (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)
# Others (and Python's own, such as punycode) are not worth the risk: the fallback is readable enough.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|(us-)?ascii|iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]"
    r"|shift_jis|euc-(jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5"
)
# In the order in which they read best. RFC 9457 (problem details), OAuth, and what frameworks call it.
_JSON_FIELDS = (
    "title",
    "error",
    "errors",
    "message",
    "error_description",
    "detail",
    "details",
    "description",
    "reason",
)
_MAX_JSON_DEPTH = 5
_MAX_JSON_TEXTS = 8


def clean_server_message(content_type: Optional[str], body: bytes, limit: int = LIMIT) -> str:
    """The words of an answer that is not a certificate message.

    Plain text, JSON, HTML and CMC error messages are understood, by type or, where the type is missing or wrong, by
    their look. Binary content is only described.

    :param content_type: the Content-Type header, or ``None``.
    :param limit: the most characters of the result.
    :returns: one line, or an empty string where the body is empty.
    """
    kind = parse_content_type(content_type)
    if not body.strip(b"\0 \t\r\n"):
        return ""
    return printable(_text_of(kind, body), limit)


def _text_of(kind: ContentType, body: bytes) -> str:
    if kind.is_pkcs7 or body[:1] == b"\x30":
        message = _cmc_text(body)
        if message or (message is not None and kind.is_pkcs7):
            return message or _description(kind, len(body))
    content = body[:_MAX_BYTES]
    charset = "utf-16" if content[:2] in _UTF16_MARKS else kind.charset
    if not charset.startswith("utf-16"):
        content = content.strip(b"\0 \t\r\n")
        if _is_binary(content):
            return _description(kind, len(body))
    text = _decode(content, charset, cut=len(body) > _MAX_BYTES)
    begin = text[:64].lstrip().lower()
    if kind.is_html or begin.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        return html_to_text(text)
    if kind.is_json or begin.startswith(("{", "[")):
        return _json_text(text)
    return text


def _description(kind: ContentType, size: int) -> str:
    return f"({size} bytes of {kind.media_type or 'unknown type'})"


def _cmc_text(body: bytes) -> Optional[str]:
    """The CMC error message in words; empty where the body is other ASN.1, ``None`` where it is none."""
    try:
        data = decode_body(body)
    except ParseError:
        return None
    if data[:1] != b"\x30":
        return None
    try:
        return parse_cmc_response(data).describe()
    except ParseError:
        return ""


def _is_binary(content: bytes) -> bool:
    head = content[:1024]
    # White space and the escape character, which begins the colours of a terminal, do occur in text.
    controls = sum(byte < 0x20 and byte not in b"\t\n\v\f\r\x1b" for byte in head)
    return b"\0" in head or controls * 10 > len(head)


def _decode(content: bytes, charset: str, cut: bool) -> str:
    """Decode text by its charset, else as UTF-8, else as Windows-1252, which contains the printable part of Latin-1.

    :param cut: the end is missing, so an incomplete last character is not an error.
    """
    for candidate in (charset if _CHARSETS.fullmatch(charset) else "utf-8", "utf-8"):
        try:
            return codecs.getincrementaldecoder(candidate)().decode(content, not cut).lstrip("\ufeff")
        except (LookupError, UnicodeError):
            continue
    return content.decode("windows-1252", "replace")


def _json_text(text: str) -> str:
    """The texts of the usual fields; the JSON itself where it has none of them, or is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    texts: List[str] = []
    _collect_json(document, texts, 0)
    return join_sentences(texts) or text


def _collect_json(value: Any, texts: List[str], depth: int) -> None:
    if depth > _MAX_JSON_DEPTH or len(texts) >= _MAX_JSON_TEXTS:
        return
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        for item in value[:_MAX_JSON_TEXTS]:
            _collect_json(item, texts, depth + 1)
    elif isinstance(value, dict):
        fields = {key.lower(): item for key, item in value.items()}
        for name in _JSON_FIELDS:
            if name in fields:
                _collect_json(fields[name], texts, depth + 1)
