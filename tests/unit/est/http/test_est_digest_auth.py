# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Digest authentication (RFC 7616): the examples of the RFCs, and what is chosen."""

from __future__ import annotations

import hashlib
from typing import Optional

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.digest_authentication import (
    Challenge,
    DigestSession,
    choose,
    is_stale,
    parse_challenges,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials

MUFASA = Credentials("Mufasa", "Circle of Life")
EXAMPLE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def session(header: str, credentials: Credentials = MUFASA) -> DigestSession:
    found = choose(parse_challenges(header), credentials)
    assert found is not None
    return found


def sent(authorization: str) -> dict[str, str]:
    (challenge,) = parse_challenges(authorization)
    assert challenge.scheme == "Digest"
    return dict(challenge.parameters)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_req_063_the_example_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    header = session(EXAMPLE.format(algorithm)).authorization(
        "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    assert sent(header) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_req_063_the_example_of_rfc_2617_section_3_5() -> None:
    header = session(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        Credentials("Mufasa", "Circle Of Life"),
    ).authorization("GET", "/dir/index.html", "0a4f113b")
    assert sent(header)["response"] == "6629fae49393a05397450978507c4ef1"
    assert "algorithm" not in sent(header)


def test_req_063_a_server_without_qop_gets_the_response_of_rfc_2069() -> None:
    header = session(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        Credentials("Mufasa", "CircleOfLife"),
    ).authorization("GET", "/dir/index.html")
    # The errata of RFC 2069 correct the response of its section 2.4.
    assert sent(header)["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert not {"qop", "nc", "cnonce"} & set(sent(header))


def test_req_063_a_session_algorithm() -> None:
    header = session('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess').authorization("POST", "/x", "c")

    def digest(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret = digest(digest("Mufasa:r:Circle of Life") + ":n:c")
    assert sent(header)["response"] == digest(f"{secret}:n:00000001:c:auth:" + digest("POST:/x"))


def test_req_063_utf_8_and_userhash() -> None:
    jason = Credentials("J\u00e4s\u00f8n Doe", "Secret, or not?")
    base = 'Digest realm="api@example.org", nonce="n", qop="auth", algorithm=SHA-256, charset=UTF-8'
    header = session(base, jason).authorization("GET", "/doe.json", "c")
    assert "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe" in header
    assert "username=" not in header
    hashed = session(base + ", userhash=true", jason).authorization("GET", "/doe.json", "c")
    assert sent(hashed)["username"] == hashlib.sha256("J\u00e4s\u00f8n Doe:api@example.org".encode()).hexdigest()
    assert sent(hashed)["userhash"] == "true"
    assert sent(hashed)["response"] == sent(header.replace("username*=UTF-8''", "username="))["response"]
    decomposed = Credentials("Ja\u0308s\u00f8n Doe", "Secret, or not?")
    assert session(base, decomposed).authorization("GET", "/doe.json", "c") == header


def test_a_realm_in_utf_8_is_hashed_and_sent_back_as_its_octets() -> None:
    realm = "Gr\u00fc\u00dfe".encode().decode("latin-1")
    header = session(f'Digest realm="{realm}", nonce="n", qop="auth"').authorization("GET", "/", "c")
    assert sent(header)["realm"] == realm
    secret = hashlib.md5("Mufasa:Gr\u00fc\u00dfe:Circle of Life".encode()).hexdigest()
    request = hashlib.md5(b"GET:/").hexdigest()
    assert sent(header)["response"] == hashlib.md5(f"{secret}:n:00000001:c:auth:{request}".encode()).hexdigest()


def test_req_063_every_answer_has_a_count_and_a_cnonce_of_its_own() -> None:
    one = session(EXAMPLE.format("SHA-256"))
    answers = [sent(one.authorization("POST", "/x")) for _unused in range(17)]
    assert [int(answer["nc"], 16) for answer in answers] == list(range(1, 18))
    assert answers[-1]["nc"] == "00000011"
    assert len({answer["cnonce"] for answer in answers}) == 17
    assert len({answer["response"] for answer in answers}) == 17


def test_quotes_are_kept_as_they_came() -> None:
    header = session('Digest realm="a \\"b\\" \\\\c", nonce="n", qop="auth"').authorization("GET", '/"')
    assert 'realm="a \\"b\\" \\\\c"' in header
    assert sent(header)["uri"] == '/"'


def test_the_header_is_short_enough_for_libest() -> None:
    libest = session('Digest qop="auth", realm="estrealm", nonce="1734567890"', Credentials("estuser", "estpwd"))
    assert len(libest.authorization("POST", "/.well-known/est/a-label/simpleenroll")) < 300


@pytest.mark.parametrize(
    ("header", "algorithm"),
    [
        (f"{EXAMPLE.format('MD5')}, {EXAMPLE.format('SHA-256')}", "SHA-256"),
        (f"{EXAMPLE.format('SHA-256')}, {EXAMPLE.format('MD5')}", "SHA-256"),
        (f"{EXAMPLE.format('MD5')}, {EXAMPLE.format('X-NEW')}", "MD5"),
        (f'Basic realm="x", {EXAMPLE.format("md5")}', "md5"),
        (EXAMPLE.format('"SHA-256"'), "SHA-256"),
    ],
)
def test_req_064_the_strongest_is_chosen(header: str, algorithm: str) -> None:
    assert session(header).challenge.parameters["algorithm"] == algorithm


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce=""',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r", nonce="n", algorithm=X-NEW',
        'Digest realm="r\x01", nonce="n"',
        'Digest realm="r\u2028", nonce="n"',
    ],
)
def test_what_cannot_be_answered(header: str) -> None:
    assert choose(parse_challenges(header), MUFASA) is None


def test_md5_is_no_choice_where_openssl_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    new = hashlib.new

    def fips(name: str, data: bytes = b"") -> object:
        if name == "md5":
            raise ValueError("disabled for FIPS")
        return new(name, data)

    monkeypatch.setattr(hashlib, "new", fips)
    assert choose(parse_challenges(EXAMPLE.format("MD5")), MUFASA) is None
    assert choose(parse_challenges(EXAMPLE.format("SHA-256")), MUFASA) is not None


@pytest.mark.parametrize(("value", "stale"), [("true", True), ("TRUE", True), ("false", False), (None, False)])
def test_stale(value: Optional[str], stale: bool) -> None:
    assert is_stale(Challenge("Digest", {"stale": value} if value else {})) is stale


def test_req_070_no_secret_in_a_repr() -> None:
    one = session(EXAMPLE.format("MD5"), Credentials("user", "canary"))
    assert "canary" not in repr(one)
