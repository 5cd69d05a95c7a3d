# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The challenges of WWW-Authenticate headers (RFC 9110 section 11.6.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effort import check_effort

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.digest_authentication import (
    MAX_CHALLENGES,
    MAX_CHARACTERS,
    MAX_PARAMETERS,
    Challenge,
    parse_challenges,
    schemes,
)

BASIC = Challenge("Basic", {"realm": "est"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, []),
        ("", []),
        ('Basic realm="est"', [BASIC]),
        ("Basic realm=est", [BASIC]),
        ('Basic realm = "est"', [BASIC]),
        ('  ,, Basic   realm="est" ,,', [BASIC]),
        ("Basic", [Challenge("Basic")]),
        ("Negotiate, NTLM", [Challenge("Negotiate"), Challenge("NTLM")]),
        ("Negotiate YIIJvwYGKwYBBQUC==", [Challenge("Negotiate", {}, "YIIJvwYGKwYBBQUC==")]),
        ('Basic realm="a, Digest b=\\"c\\""', [Challenge("Basic", {"realm": 'a, Digest b="c"'})]),
        ("Basic realm=est/first", [Challenge("Basic", {"realm": "est/first"})]),
        ('Basic realm=""', [Challenge("Basic", {"realm": ""})]),
        ('basic REALM="a", Realm="b"', [Challenge("basic", {"realm": "a"})]),
        ('Basic, realm="est"', [BASIC]),
        ('realm="lost", Basic realm="est"', [BASIC]),
    ],
)
def test_req_064_one_header(header: Any, expected: list[Challenge]) -> None:
    assert list(parse_challenges(header)) == expected


def test_req_064_several_challenges_in_one_header() -> None:
    # RFC 7616 section 3.9.1, with Basic behind.
    found = parse_challenges(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXw", '
        'opaque="FQhe/qaU925kfnzjCev0ciny", Digest realm="http-auth@example.org", qop="auth, auth-int", '
        'algorithm=MD5, nonce="7ypf/xlj9XXw", Bearer, Basic realm="simple"'
    )
    assert schemes(found) == ("Digest", "Bearer", "Basic")
    assert [challenge.parameters.get("algorithm") for challenge in found] == ["SHA-256", "MD5", None, None]
    assert found[0].parameters["qop"] == "auth, auth-int"
    assert found[0].parameters["opaque"] == "FQhe/qaU925kfnzjCev0ciny"


@pytest.mark.parametrize(
    "broken", ['Basic realm="est', "=", '"', "Basic =", "@@, @@", "Basic realm=", "Basic \x00", 'a="\\"', "é ü"]
)
def test_what_is_broken_does_not_hide_what_follows(broken: str) -> None:
    parse_challenges(broken)
    if '"' not in broken:
        assert BASIC in parse_challenges(f'{broken}, Basic realm="est"')


def test_it_is_bounded() -> None:
    assert len(parse_challenges("Basic, " * 1000)) == MAX_CHALLENGES
    many = ", ".join(f"p{number}=1" for number in range(1000))
    assert len(parse_challenges(f"Basic {many}")[0].parameters) == MAX_PARAMETERS
    assert parse_challenges(" " * MAX_CHARACTERS + "Basic") == ()


@pytest.mark.parametrize(
    "piece", ['a="', '="\\', "a=", 'Basic realm="\\",', ", ", "a ", "a" * 50 + "=", '\\"', 'x="\\",x=\\"']
)
def test_no_header_takes_long(piece: str) -> None:
    header = piece * (MAX_CHARACTERS // len(piece))
    check_effort(100 * len(header), lambda: parse_challenges(header))


_WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True)


@given(
    st.lists(
        st.tuples(
            _WORDS, st.dictionaries(_WORDS.map(str.lower), st.text('ab ,="\\/é', max_size=8), min_size=1, max_size=4)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_req_064_what_is_written_is_read(written: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in written
    )
    assert [(each.scheme, dict(each.parameters)) for each in parse_challenges(header)] == written
