# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import preview, printable


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two \t\r\n lines\u2028three\u00a0four ", "two lines three four"),
        ("\x1b[1;31mred\x1b[0m \x9b2Jgone", "red gone"),
        ("\x1b]0;window title\x07shown \x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "shown link"),
        ("\x1bPdevice control\x1b\\after \x1b(Bset \x1b", "after set"),
        ("\x1b]never closed", ""),
        ("a\x00b\x07c\x7fd\x85e\x08f", "abcd ef"),
        ("user\u202etxt.exe\u2066\u200f\u200b\ufeff\u00ad", "usertxt.exe"),
        ("\ud800\ue000\U000e0041", ""),
        ("Zürich 東京 \U0001f512", "Zürich 東京 \U0001f512"),
    ],
)
def test_req_089_control_escape_and_bidi_characters_are_removed(text, cleaned):
    assert printable(text, 100) == cleaned


def test_a_long_text_is_cut_at_the_limit():
    assert printable("x" * 101, 100) == "x" * 97 + "..."
    assert printable("x" * 100, 100) == "x" * 100


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", '""'),
        (b"plain\r\ntext", '"plain text"'),
        (b"x" * 100, '"' + "x" * 60 + '..."'),
        (b"\x30\x82\x01", "the bytes 30 82 01"),
        (b"\x80" * 20, "the bytes " + "80 " * 15 + "80..."),
        ("ü".encode(), "the bytes c3 bc"),
    ],
)
def test_preview(data, shown):
    assert preview(data) == shown


@pytest.mark.parametrize(
    "text", ["\x1b[" * 30_000, "\x1b]" * 30_000, "\x1b" * 60_000, "\x1bP" + "x" * 60_000, " " * 60_000]
)
def test_hostile_text_is_cleaned_quickly(text):
    check_effort(100 * len(text), lambda: printable(text, 500))


@settings(derandomize=True, max_examples=count(300), deadline=None)
@given(st.text(max_size=80), st.binary(max_size=80))
def test_the_result_is_always_printable(text, data):
    assert printable(text, 50).isprintable()
    assert len(printable(text, 50)) <= 50
    assert preview(data).isprintable()
