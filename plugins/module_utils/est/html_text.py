# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The readable text of an HTML or XML page, such as the error page of a web server or a proxy.

Not ``html.parser``: some versions of it take seconds for a hostile page of a few KiB. Tags are only cut out here, in
one pass over the page.
"""

from __future__ import annotations

import html
import re
import string
from typing import Iterator, List

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
    """The text outside of tags, comments and hidden elements, with a NUL in place of each tag of a block element."""
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
