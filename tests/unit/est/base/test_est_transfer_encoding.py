# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asn1 import indefinite, integer, signed_data
from support.effort import check_effort
from support.properties import count
from support.sample_certificates import certificates

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cms import parse_certs_only
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import decode_body, encode_body

MESSAGE = signed_data(certificates())
TEXT = base64.b64encode(MESSAGE)


def wrapped(columns, end):
    return b"".join(TEXT[at : at + columns] + end for at in range(0, len(TEXT), columns))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(TEXT, id="one-line"),
        pytest.param(TEXT + b"\n", id="one-line-LF"),
        pytest.param(wrapped(64, b"\n"), id="64-LF"),
        pytest.param(wrapped(76, b"\r\n"), id="76-CRLF"),
        pytest.param(wrapped(64, b"\r"), id="64-CR"),
        pytest.param(wrapped(64, b"\n")[:-1], id="no-final-newline"),
        pytest.param(wrapped(3, b" \t\r\n\v\f"), id="white-space-anywhere"),
        pytest.param(b"\r\n  " + TEXT, id="white-space-before"),
        pytest.param(b"\xef\xbb\xbf" + TEXT, id="byte-order-mark"),
        pytest.param(TEXT + b"\0", id="trailing-NUL"),
        pytest.param(TEXT + b"\n\0\0\n", id="NULs-and-newlines"),
        pytest.param(b"-----BEGIN PKCS7-----\n" + wrapped(64, b"\n") + b"-----END PKCS7-----\n", id="PEM"),
        pytest.param(b"-----BEGIN CMS-----\r\n" + wrapped(64, b"\r\n") + b"-----END CMS-----", id="PEM-CRLF"),
        pytest.param(b"-----BEGIN CMS-----" + TEXT + b"-----END CMS-----", id="PEM-on-one-line"),
        pytest.param(b"subject=x\n-----BEGIN CMS-----\n" + TEXT + b"\n-----END CMS-----\0", id="PEM-with-text"),
        pytest.param(
            base64.encodebytes(b"-----BEGIN CMS-----\n" + TEXT + b"\n-----END CMS-----\n"), id="PEM-in-base64"
        ),
        pytest.param(MESSAGE, id="raw-DER"),
    ],
)
def test_req_052_shapes_of_base64_in_answers(body):
    assert decode_body(body) == MESSAGE


@pytest.mark.parametrize("size", range(1, 7))
def test_req_052_missing_or_surplus_padding(size):
    value = b"\x02" * size
    digits = base64.b64encode(value).rstrip(b"=")
    for padding in (b"", b"=", b"==", b"\n=\n="):
        assert decode_body(digits + padding) == value


def test_req_052_raw_ber_and_trailing_bytes_pass_unchanged():
    ber = indefinite(0x30, integer(1)) + b"\0\n"
    assert decode_body(ber) == ber


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty body"),
        (b" \r\n\0", "empty body"),
        (b"=", "empty body"),
        (b"<!DOCTYPE html><html>", 'HTML or XML .* it begins with "<!DOCTYPE html'),
        (b"\n <html>", "HTML or XML"),
        (b"AAAA*AAA", r"byte 4 is '\*'"),
        (b"AAAA\r\nAA\x00AA", "byte 8 is 0x00"),
        (b"\xef\xbb\xbfAAAA\x80", "byte 7 is 0x80"),
        (b'{"error": "x"}', r"byte 0 is '\{'"),
        (b"Not found.", r"byte 9 is '\.'"),
        (b"Unauthorized.", r"byte 12 is '\.'; it begins with \"Unauthorized\.\""),
        (b"AAAA==AAAA", "more at byte 6, after the padding"),
        (b"AAA=\nAAAA", "more at byte 5, after the padding"),
        (b"AAAAA", "truncated: it ends after 5 digits"),
        (b"-----BEGIN CMS-----\nAAAA", "byte 0 .* has no end: it is truncated"),
        (b"-----BEGIN CMS", "no end"),
        (b"x\n-----BEGIN CMS-----\nAA?A\n-----END CMS-----", r"byte 24 is '\?'"),
        (b"-----BEGIN CMS----------END CMS-----", "empty body"),
    ],
)
def test_the_offending_byte_is_shown(body, message):
    with pytest.raises(ParseError, match=message):
        decode_body(body)


def test_words_that_happen_to_be_base64_are_refused_by_the_next_reader():
    with pytest.raises(ParseError, match=r"is not ASN\.1"):
        parse_certs_only(decode_body(b"Not found"))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"MIIB" * 262_144, id="one-line"),
        pytest.param(b"MIIB\r\n" * 175_000, id="short-lines"),
        pytest.param(b" " * 1_048_575 + b"*", id="white-space"),
        pytest.param(b"= " * 524_288, id="padding"),
        pytest.param(b"=" + b" " * 1_048_576 + b"A", id="late-after-padding"),
        pytest.param(b"-----BEGIN " * 95_000, id="open-armour"),
        pytest.param(b"-----BEGIN A-----AAAA-----END " * 35_000, id="many-blocks"),
    ],
)
def test_one_mebibyte_is_decoded_in_linear_time(body):
    def decode() -> None:
        with contextlib.suppress(ParseError):
            decode_body(body)

    check_effort(100 * len(body), decode)


@settings(derandomize=True, max_examples=count(200), deadline=None)
@given(st.binary(max_size=300))
def test_what_is_encoded_is_decoded(value):
    der = b"\x30" + value
    assert decode_body(encode_body(der)) == der
