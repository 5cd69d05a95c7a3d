# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multipart messages in the shapes that servers give them, and in those that nobody should."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_key import (
    MAX_HEADER_BYTES,
    MAX_PARTS,
    Part,
    parse_multipart,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError

KIND = "multipart/mixed; boundary=abc"


def message(*lines: str, end: str = "\r\n") -> bytes:
    return (end.join(lines) + end).encode("latin-1")


def parts(body: bytes, content_type: str = KIND) -> List[Tuple[str, bytes]]:
    return [(part.content_type.media_type, part.body) for part in parse_multipart(content_type, body)]


TWO = ("--abc", "Content-Type: a/b", "", "one", "ONE", "--abc", "Content-Type: c/d", "", "two", "--abc--")


class TestShapes:
    @pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
    def test_req_119_two_parts(self, end: str) -> None:
        assert parts(message(*TWO, end=end)) == [("a/b", f"one{end}ONE".encode()), ("c/d", b"two")]

    def test_req_119_preamble_and_epilogue_are_left_out(self) -> None:
        body = message("A preamble with --abc in it.", "", *TWO, "--abc", "Content-Type: e/f", "", "three", "--abc--")
        assert [kind for kind, _body in parts(body)] == ["a/b", "c/d"]

    @pytest.mark.parametrize(
        ("header", "boundary"),
        [
            ('multipart/mixed; boundary="abc"', "abc"),
            ("Multipart/Mixed;BOUNDARY=abc", "abc"),
            ("multipart/mixed; charset=x; boundary=abc; x=y", "abc"),
            ('multipart/mixed; boundary="=_a b:(1/2)?"', "=_a b:(1/2)?"),
            (r'multipart/mixed; boundary="a\"b"', 'a"b'),
            ("multipart/mixed; boundary=--abc", "--abc"),
            ("multipart/mixed; boundary=" + "x" * 70, "x" * 70),
            ("multipart/related; boundary=abc", "abc"),
        ],
    )
    def test_req_119_any_boundary_quoted_or_not(self, header: str, boundary: str) -> None:
        body = message(*(line.replace("--abc", f"--{boundary}") for line in TWO))
        assert [kind for kind, _body in parts(body, header)] == ["a/b", "c/d"]

    def test_boundaries_are_whole_lines(self) -> None:
        body = message("--abc", "", "--abcd", "x--abc", "--abc x", "--abc-", "--abc--x", " --abc", "--abc--")
        assert parts(body) == [("", b"--abcd\r\nx--abc\r\n--abc x\r\n--abc-\r\n--abc--x\r\n --abc")]

    def test_white_space_after_a_boundary_is_transport_padding(self) -> None:
        assert parts(message("--abc \t", "", "x", "--abc-- ")) == [("", b"x")]

    def test_the_last_boundary_need_not_end_its_line(self) -> None:
        assert parts(b"--abc\r\n\r\nx\r\n--abc--") == [("", b"x")]
        assert parts(b"--abc\r\n\r\nx\r\n--abc-- ") == [("", b"x")]

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            (b"--abc\r\n\r\n\r\n--abc--", b""),
            (b"--abc\r\n\r\n--abc--", b""),
            (b"--abc\r\n--abc--", b""),
            (b"--abc\n\nx\n\n--abc--", b"x\n"),
            (b"--abc\r\n\r\n\x00\xff\r\r\n--abc--", b"\x00\xff\r"),
        ],
    )
    def test_what_belongs_to_a_part(self, body: bytes, found: bytes) -> None:
        assert parts(body) == [("", found)]

    def test_a_message_without_parts(self) -> None:
        assert parts(b"--abc--\r\n") == []

    def test_headers_are_folded_and_in_any_case(self) -> None:
        lines = ("content-TYPE:  application/pkcs7-mime;", "\t smime-type=certs-only", "X: y", "X: z")
        body = message("--abc", *lines, "", "x", "--abc--")
        (part,) = parse_multipart(KIND, body)
        assert part.content_type.smime_type == "certs-only"
        assert part.headers["x"] == "y"

    def test_nothing_of_a_body_is_in_a_repr(self) -> None:
        assert "canary" not in repr(Part({}, b"canary"))


class TestRefused:
    @pytest.mark.parametrize(
        ("header", "words"),
        [
            (None, "without a Content-Type, where a multipart message"),
            ("application/pkcs7-mime; boundary=abc", "of type application/pkcs7-mime, where a multipart message"),
            ("\x1b[31mtext/html", "of type text/html"),
            ("multipart/mixed", "without a boundary"),
            ('multipart/mixed; boundary=""', "without a boundary"),
            ("multipart/mixed; boundary=" + "x" * 201, "longer than 200"),
            ("multipart/mixed; boundary=other", "is not in it"),
        ],
    )
    def test_wrong_content_types(self, header: str, words: str) -> None:
        with pytest.raises(ParseError, match=words):
            parse_multipart(header, message(*TWO))

    @pytest.mark.parametrize("length", range(1, len(message(*TWO)) - 4))
    def test_a_message_that_is_cut_off(self, length: int) -> None:
        with pytest.raises(ParseError, match=r"cut off|is not in it"):
            parse_multipart(KIND, message(*TWO)[:length])

    def test_too_many_parts(self) -> None:
        lines = ["--abc", "", "x"]
        assert len(parts(message(*lines * MAX_PARTS, "--abc--"))) == MAX_PARTS
        with pytest.raises(ParseError, match="more than 8 parts"):
            parse_multipart(KIND, message(*lines * (MAX_PARTS + 1), "--abc--"))

    def test_a_multipart_message_inside_a_part(self) -> None:
        body = message("--abc", "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "--x--", "--abc--")
        with pytest.raises(ParseError, match="part 1 of the multipart message is a multipart message itself"):
            parse_multipart(KIND, body)

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (("Content-Type: a/b", "canary"), "no empty line after its headers"),
            (("canary", "", "x"), "a line among its headers that is none"),
            (("X: " + "y" * MAX_HEADER_BYTES, "", "x"), f"headers of more than {MAX_HEADER_BYTES} bytes"),
        ],
    )
    def test_headers_that_are_none(self, lines: Tuple[str, ...], words: str) -> None:
        with pytest.raises(ParseError, match=words) as caught:
            parse_multipart(KIND, message("--abc", *lines, "--abc--"))
        assert "canary" not in caught.value.reason


class TestHostile:
    @pytest.mark.parametrize(
        "body",
        [
            b"--abc" * 200_000,
            b"\n--abc" * 170_000,
            b"\n--abc " + b" " * 1_000_000,
            (b"\n--abc" + b" " * 100) * 9_000,
            b"--abc\n" + b"\n" * 1_000_000,
            b"--abc\n" + b"X:\n " * 250_000,
            b"--abc\n" + b"\r" * 1_000_000,
            b"--abc--x\n" * 110_000,
        ],
        ids=range(8),
    )
    def test_time_is_linear(self, body: bytes) -> None:
        def parse() -> None:
            with pytest.raises(ParseError):
                parse_multipart(KIND, body)

        check_effort(100 * len(body), parse)

    @settings(deadline=None, max_examples=count(300))
    @given(st.lists(st.sampled_from([b"--abc", b"--", b"\r\n", b"\n", b"\r", b" ", b":", b"x", b"Content-Type"])))
    @example([b"--abc", b"\r", b"\n", b"--abc", b"--"])
    def test_any_tokens_give_parts_or_the_one_error(self, tokens: List[bytes]) -> None:
        body = b"".join(tokens)
        try:
            found = parse_multipart(KIND, body)
        except ParseError:
            return
        assert sum(len(part.body) for part in found) < len(body)

    @settings(deadline=None, max_examples=count(200))
    @given(st.text(max_size=60), st.binary(max_size=200))
    def test_any_header_and_bytes(self, header: str, body: bytes) -> None:
        for content_type in (header, f"multipart/mixed; boundary={header}", f'multipart/mixed; boundary="{header}"'):
            try:
                parse_multipart(content_type, body)
            except ParseError:
                pass

    @settings(deadline=None, max_examples=count(200))
    @given(st.lists(st.binary(max_size=50).filter(lambda data: b"--abc" not in data), max_size=MAX_PARTS))
    def test_what_goes_in_comes_out(self, bodies: List[bytes]) -> None:
        body = b"".join(b"--abc\r\nContent-Type: x/y\r\n\r\n" + each + b"\r\n" for each in bodies) + b"--abc--\r\n"
        assert parts(body) == [("x/y", each) for each in bodies]
