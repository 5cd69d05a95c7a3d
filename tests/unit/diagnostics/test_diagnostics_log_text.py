# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_text import (
    clean,
    clean_log,
    keep_end_of_text,
)

SECRET = "C4nary pass/wörd"


@pytest.mark.parametrize(
    "line",
    [
        f"logged in with {SECRET}",
        f"POST /?p={urllib.parse.quote(SECRET, safe='')}",
        json.dumps({"p": SECRET}),
        "sent " + base64.b64encode(f"estuser:{SECRET}".encode()).decode(),
    ],
)
def test_a_known_password_is_taken_out_in_every_encoding(line: str) -> None:
    cleaned = clean(f"before\n{line}\nafter\n", [SECRET])
    assert cleaned.startswith("before\n") and cleaned.endswith("\nafter\n") and "********" in cleaned
    for spelling in (SECRET, "C4nary", "w%C3%B6rd", base64.b64encode(SECRET.encode()).decode()[:8]):
        assert spelling not in cleaned


@pytest.mark.parametrize(
    ("line", "cleaned"),
    [
        ("Authorization: Basic ZXN0OmVzdA==", "Authorization: ********"),
        ('{"Proxy-Authorization": "Digest x"}', '{"Proxy-Authorization": ********'),
        ("Cookie: a=b; c=d", "Cookie: ********"),
        ("sent Bearer abcdefGhijk to it", "sent Bearer ******** to it"),
        ("sent basic dXNlcjpwYXNz to it", "sent basic ******** to it"),
        ("via http://joe:hidden@proxy:3128/", "via http://joe:********@proxy:3128/"),
        ("password=hidden, user=joe", "password=********, user=joe"),
        ('"password" : "hid den", "user": "joe"', '"password" : ********, "user": "joe"'),
        (r'"{\"password\":\"hidden\",\"a\":1}"', '"{\\"password\\":********"a\\":1}"'),
        ("<Password>hidden</Password>", "<Password>********</Password>"),
        ("tool --password hidden --verbose", "tool --password ******** --verbose"),
        ("client_secret: hidden", "client_secret: ********"),
        ("passphrase='hidden'", "passphrase=********"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(line: str, cleaned: str) -> None:
    assert "hidden" not in clean(line, [])
    if r"\"" not in line:
        assert clean(line, []) == cleaned


def test_a_private_key_is_taken_out() -> None:
    text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nb\n"
    assert clean(text, []) == "a\n********\nb\n"
    assert "MIIE" not in clean(text[:60], []), "one that was cut off too"


@pytest.mark.parametrize(
    "line",
    [
        "The password of the user has expired",
        "GET /basic HTTP/1.1",
        "https://a.b/c@d",
        "Basic authentication failed",
        "no bearer Authentication",
    ],
)
def test_prose_stays_as_it_is(line: str) -> None:
    assert clean(line, []) == line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_a_log_in_any_encoding_becomes_clean_text(encoding: str) -> None:
    data = f"Grüße an {SECRET}\n".encode(encoding)
    assert clean_log(data, data[:100], [SECRET]) == "Grüße an ********\n"


def test_the_end_of_a_utf_16_log_may_begin_within_a_character() -> None:
    data = "first line\nsecond line\n".encode("utf-16")
    text = clean_log(data[-27:], data[:100], [])
    assert text is not None and text.endswith("second line\n")


def test_lines_that_are_no_utf_8_are_read_as_latin_1_and_the_others_are_not() -> None:
    data = "é\n".encode() + "é\n".encode("latin-1")
    assert clean_log(data, data, []) == "é\né\n"


def test_a_hole_that_a_crash_left_does_not_make_a_log_binary() -> None:
    data = b"before\n" + b"\0" * 4096 + b"after\n"
    assert clean_log(data, data, []) == "before\nafter\n"


def test_what_is_no_text_is_not_taken() -> None:
    data = bytes(range(256))
    assert clean_log(data, data, []) is None


def test_only_whole_lines_are_kept_of_the_end() -> None:
    assert keep_end_of_text("first\nsecond\nthird\n", 10) == b"third\n"
    assert keep_end_of_text("short\n", 10) == b"short\n"


@settings(max_examples=count(15), deadline=None)
@given(st.text(max_size=200), st.text(min_size=4, max_size=10).filter(lambda text: text.strip() == text))
def test_no_secret_is_left_in_any_text(text: str, secret: str) -> None:
    cleaned = clean(f"{text} {secret} {text}", [secret])
    assert secret in "********" or secret not in cleaned.replace("********", "")


@given(st.binary(max_size=300))
def test_any_octets_are_a_text_or_none(data: bytes) -> None:
    text = clean_log(data, data[:100], ["hidden"])
    assert text is None or isinstance(keep_end_of_text(text, 50), bytes)
