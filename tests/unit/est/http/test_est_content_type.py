# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import (
    parse_content_type,
    require_pkcs7,
)


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        (None, "", {}),
        ("", "", {}),
        ("Application/PKCS7-Mime", "application/pkcs7-mime", {}),
        ("application/pkcs7-mime; smime-type=certs-only", "application/pkcs7-mime", {"smime-type": "certs-only"}),
        (" text/plain ;CHARSET=UTF-8", "text/plain", {"charset": "UTF-8"}),
        ('a/b; name="semi; colon \\" quote"; x = y ', "a/b", {"name": 'semi; colon " quote', "x": "y"}),
        ('a/b; empty=""; bare; =x; k=1; k=2', "a/b", {"empty": "", "k": "1"}),
        ('a/b; open="never closed', "a/b", {"open": '"never closed'}),
        (";charset=utf-8", "", {"charset": "utf-8"}),
    ],
)
def test_media_type_and_parameters(value, media_type, parameters):
    parsed = parse_content_type(value)
    assert (parsed.media_type, dict(parsed.parameters)) == (media_type, parameters)


def test_smime_type_and_charset_are_lower_case():
    parsed = parse_content_type('application/pkcs7-mime; smime-type="CMC-response"; charset=UTF-8')
    assert (parsed.smime_type, parsed.charset) == ("cmc-response", "utf-8")
    assert parse_content_type("text/plain").smime_type == ""


@pytest.mark.parametrize(
    "value", ["text/html", "text/html; charset=utf-8", "TEXT/HTML", None, "application/octet-stream"]
)
def test_req_054_html_is_refused_with_its_type_and_first_bytes(value):
    with pytest.raises(ParseError) as caught:
        require_pkcs7(value, b"<!DOCTYPE html>\r\n<html><head>" + b"x" * 1000)
    assert (value or "without a Content-Type") in str(caught.value)
    assert '"<!DOCTYPE html> <html><head>' in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    ["text/plain", "application/json", "application/problem+json", "application/xhtml+xml", "image/png", "junk"],
)
def test_req_091_text_with_status_200_is_no_success(value):
    with pytest.raises(ParseError, match=f"of type {value.replace('+', '.')} where a certificate message"):
        require_pkcs7(value, b"Enrolled, honestly.")


def test_req_054_what_is_shown_is_sanitised():
    with pytest.raises(ParseError) as caught:
        require_pkcs7("text/html\x1b[31m\r\nX: y", b"\x1b]0;owned\x07<html>")
    assert str(caught.value).isprintable()
    with pytest.raises(ParseError, match="the bytes 1b 5d 30"):
        require_pkcs7("text/html", b"\x1b]0;owned\x07<html>")
    with pytest.raises(ParseError, match="its body is empty"):
        require_pkcs7("text/html", b"")


@pytest.mark.parametrize(
    "value", [";a=" * 30_000, ';a="' * 30_000, ';a="\\' * 30_000, ";" + " " * 100_000, "; a" * 30_000]
)
def test_long_headers_are_parsed_quickly(value):
    check_effort(100 * len(value), lambda: parse_content_type(value))


@settings(derandomize=True, max_examples=count(200), deadline=None)
@given(st.text(max_size=100), st.binary(max_size=100))
def test_req_127_random_headers_never_crash(value, body):
    parse_content_type(value)
    try:
        require_pkcs7(value, body)
    except ParseError as error:
        assert str(error).isprintable()
