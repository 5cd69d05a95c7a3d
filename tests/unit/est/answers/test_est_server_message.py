# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asn1 import SEQUENCE, SET, UTF8_STRING, integer, oid, signed_data, tlv
from support.effort import check_effort
from support.properties import count
from support.sample_certificates import certificates

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_message import (
    clean_server_message,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import hiding

STATUS = tlv(SEQUENCE, integer(2), tlv(SEQUENCE, integer(1)), tlv(UTF8_STRING, b"No\x1b[31m CN"), integer(2))
CONTROL = tlv(SEQUENCE, integer(1), oid("1.3.6.1.5.5.7.7.1"), tlv(SET, STATUS))
PKI_RESPONSE = tlv(SEQUENCE, tlv(SEQUENCE, CONTROL), tlv(SEQUENCE), tlv(SEQUENCE))
CMC = signed_data(None, version=3, content_type="1.3.6.1.5.5.7.12.3", content=PKI_RESPONSE)
CMC_WORDS = 'CMC status failed (2): badRequest (2), the request is not permitted or not supported: "No CN"'


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", None, "", "nonsense"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\0", b"\n\0\0"])
def test_req_089_plain_text(content_type, end):
    assert clean_server_message(content_type, b"  Bad PKCS10\r\n request" + end) == "Bad PKCS10 request"


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\0\0"])
def test_an_empty_body_says_nothing(body):
    assert clean_server_message("text/plain", body) == ""


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain; charset=iso-8859-1", "Zürich".encode("latin-1")),
        ('text/plain; charset="UTF-8"', "Zürich".encode()),
        ("text/plain; charset=utf-16", "Zürich".encode("utf-16")),
        ("text/plain; charset=utf-16le", "Zürich".encode("utf-16-le")),
        (None, "Zürich".encode("utf-16")),
        (None, "Zürich".encode()),
        (None, b"\xef\xbb\xbf" + "Zürich".encode()),
        (None, "Zürich".encode("latin-1")),
        ("text/plain; charset=utf-8", "Zürich".encode("latin-1")),
        ("text/plain; charset=us-ascii", "Zürich".encode()),
        ("text/plain; charset=no-such-charset", "Zürich".encode()),
        ("text/plain; charset=punycode", "Zürich".encode()),
        ("text/plain; charset=base64", "Zürich".encode()),
        ("text/plain; charset=iso-8859-99", "Zürich".encode()),
    ],
)
def test_req_089_the_charset_is_honoured_with_a_fallback(content_type, body):
    assert clean_server_message(content_type, body) == "Zürich"


def test_a_character_that_the_bound_cuts_in_two_is_left_out():
    body = b" " * 3 + b"y" + "é".encode() * 100_000
    assert "Ã" not in clean_server_message("text/plain", body, limit=200_000)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"message": "CN missing"}, "CN missing"),
        ({"Message": "CN missing", "code": 17}, "CN missing"),
        ({"error": "invalid_request", "error_description": "CN missing"}, "invalid_request. CN missing"),
        ({"error": {"code": 400, "message": "CN missing"}}, "CN missing"),
        ({"errors": [{"detail": "CN missing"}, {"detail": "SAN missing"}]}, "CN missing. SAN missing"),
        (
            {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "CN missing", "instance": "/e"},
            "Bad Request. CN missing",
        ),
        (["CN missing"], "CN missing"),
        ("CN missing", "CN missing"),
        ({"title": "same", "detail": "same"}, "same"),
        ({"code": 400}, '{"code": 400}'),
        ({"message": None, "error": 5}, '{"message": null, "error": 5}'),
    ],
)
def test_req_089_json(document, words):
    body = json.dumps(document).encode()
    for content_type in ("application/json", "application/problem+json; charset=utf-8"):
        assert clean_server_message(content_type, body) == words
    if not isinstance(document, str):
        assert clean_server_message("text/plain", body) == words


def test_req_089_json_that_is_none_is_shown_as_it_is():
    assert clean_server_message("application/json", b'{"message": "cut') == '{"message": "cut'


@pytest.mark.parametrize(
    "content_type", ["text/html", "text/html; charset=utf-8", "application/xhtml+xml", "text/plain", None]
)
def test_req_089_html_is_stripped(content_type):
    page = (
        b"\n<html><head><title>401 Unauthorized</title><script>x()</script></head><body><h1>Go away</h1></body></html>"
    )
    assert clean_server_message(content_type, page) == "401 Unauthorized. Go away"


@pytest.mark.parametrize(
    "content_type", ["application/pkcs7-mime", "application/pkcs7-mime; smime-type=CMC-response", None, "text/plain"]
)
def test_req_090_a_cmc_body_is_decoded(content_type):
    for body in (CMC, base64.encodebytes(CMC)) if content_type and "pkcs7" in content_type else (CMC,):
        assert clean_server_message(content_type, body) == CMC_WORDS


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        ("application/pkcs7-mime", base64.b64encode(signed_data(certificates())), "bytes of application/pkcs7-mime)"),
        ("application/pkcs7-mime", b"Bad Request", "Bad Request"),
        ("application/pkcs7-mime", b"Denied", "Denied"),
        ("application/pkcs7-mime", b"Rejected", "Rejected"),
        ("image/png", b"\x89PNG\r\n\x1a\n\x00\x00", "(10 bytes of image/png)"),
        (None, bytes(range(1, 32)), "(31 bytes of unknown type)"),
        (None, b"0 certificates issued", "0 certificates issued"),
    ],
)
def test_what_is_no_text_is_described(content_type, body, shown):
    assert clean_server_message(content_type, body).endswith(shown)


PASSWORD = "Pa55 w\u00f6rd&1"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", f"Wrong password {PASSWORD}!".encode()),
        ("text/plain", "Wrong password Pa55 \n w\u00f6\u200brd&1!".encode()),
        ("text/plain", b"Wrong password Pa55 \x1b[1mw\xc3\xb6rd\x1b[0m&1!"),
        ("text/plain; charset=iso-8859-1", f"Wrong password {PASSWORD}!".encode("latin-1")),
        ("application/json", json.dumps({"message": f"Wrong password {PASSWORD}!"}).encode()),
        ("application/json", json.dumps({"request": f"Wrong password {PASSWORD}!"}).encode()),
        ("text/html", b"<p>Wrong password <b>Pa55</b> w&ouml;rd&amp;1!</p>"),
        ("text/plain", b"Authorization: Basic " + base64.b64encode(f"estuser:{PASSWORD}".encode())),
    ],
)
def test_req_070_an_echoed_password_does_not_leak(content_type, body):
    with hiding((PASSWORD,)):
        message = clean_server_message(content_type, body)
    assert "********" in message
    assert not any(part in message for part in ("Pa55", "rd&1", "RXN0", "ZXN0dXNlcj"))


def test_req_070_a_password_that_cleaning_would_change_does_not_leak():
    with hiding(("pass\u200bword1",)):
        message = clean_server_message("text/plain", "Not pass\u200bword1!".encode())
    assert message == "Not ********!"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"[" * 1_000_000),
        ("application/json", b'{"error":' * 100_000),
        ("application/json", b'{"message":' + b"9" * 60_000 + b"}"),
        ("application/json", b'{"errors":[' + b'"x",' * 15_000 + b'"x"]}'),
        ("text/html", b"<!--" * 250_000),
        ("text/html", b"<a " * 300_000),
        ("text/plain", b"\x1b[" * 500_000),
        ("application/pkcs7-mime", b"\x30\x80" * 500_000),
        ("application/pkcs7-mime", b"MIIB" * 250_000),
        (None, b" " * 1_000_000 + b"x"),
    ],
)
def test_req_089_hostile_bodies_are_bounded(content_type, body):
    with hiding(("estpwd",)):
        check_effort(300 * len(body), lambda: clean_server_message(content_type, body))
        assert len(clean_server_message(content_type, body)) <= 500


@settings(derandomize=True, max_examples=count(300), deadline=None)
@given(
    st.sampled_from(
        [None, "text/plain", "text/html", "application/json", "application/pkcs7-mime", "text/x; charset=utf-16"]
    ),
    st.one_of(st.binary(max_size=120), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))),
)
def test_req_089_the_result_is_always_one_short_printable_line(content_type, body):
    message = clean_server_message(content_type, body, limit=40)
    assert message.isprintable()
    assert len(message) <= 40
