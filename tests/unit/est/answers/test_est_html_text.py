# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_message import (
    MAX_CHARACTERS,
    html_to_text,
    join_sentences,
)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            '<!DOCTYPE html><html lang="en"><head><title>404 Not Found</title><style>h1 {color: red}</style></head>'
            "<body><h1>Not Found</h1><p>The requested <b>URL</b> was not\n found &amp; gone.</p>"
            "<script>alert('x')</script></body>",
            "404 Not Found. Not Found. The requested URL was not found & gone.",
        ),
        ("<html><title>Denied</title><h1>Denied</h1><hr/>nginx/1.24", "Denied. nginx/1.24"),
        ("<p>one<br>two<br/>three", "one. two. three"),
        ("<script>if (a < b) { document.write('<p>no</p>') }</script><p>yes</p>", "yes"),
        ("<template><p>no</p></template><noscript>no</noscript>yes", "yes"),
        ("</script>still shown", "still shown"),
        ("<?xml version='1.0'?><fault><reason>bad &lt;CN&gt;</reason></fault>", "bad <CN>"),
        ("<!-- <p>comment --><p title='attribute'>&#x41;&#0;</p>\0", "A\ufffd"),
        ("<html><body></body></html>", ""),
        ("5 < 6 <3 <>", "5 < 6 <3 <>"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
        ("<SVG/>shown<Style>hidden</STYLE >, too", "shown. , too"),
        ("\u0130" * 9 + "<P>x<SCRIPT>y</SCRIPT>", "\u0130" * 9 + ". x"),
        ("before<p", "before"),
        ("before<script>after", "before"),
        ("before<!-- after", "before"),
        ("<![if !IE]>text", "text"),
    ],
)
def test_req_089_the_visible_words_of_a_page(page, text):
    assert html_to_text(page) == text


def test_join_sentences():
    assert join_sentences([]) == ""
    assert join_sentences(["a", " b  c ", "", "a", "d!", "e"]) == "a. b c. d! e"


@pytest.mark.parametrize(
    "part", ["<", "<!--", "<a ", "<a href='", "<!", "<!doctype ", "</", "&#", "<script>", "<![", "<?", "<svg>"]
)
def test_req_089_hostile_pages_are_bounded(part):
    page = part * (1_000_000 // len(part))
    check_effort(100 * len(page), lambda: html_to_text(page))


def test_only_the_beginning_of_a_page_is_read():
    assert len(html_to_text("<p>" + "x" * 1_000_000)) < MAX_CHARACTERS


@settings(derandomize=True, max_examples=count(300), deadline=None)
@given(st.text("<>/!-[]&;#='\"?abcsctyle \n", max_size=100))
def test_random_markup_never_crashes(page):
    assert isinstance(html_to_text(page), str)
