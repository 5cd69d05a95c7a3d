# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.effort import check_effort
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import MASK, redact

SECRET = "pä5s w&rd\"\\/+<'%"


def basic(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        html.escape(SECRET),
        "".join(f"&#{ord(character)};" for character in SECRET),
        "".join(f"&#x{ord(character):04X};" for character in SECRET),
        SECRET.encode().decode("latin-1"),
        SECRET.replace(" ", "\n   "),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_req_070_a_secret_is_masked_in_every_encoding(shown):
    assert redact(f"You sent {shown}, which is wrong", [SECRET]) == f"You sent {MASK}, which is wrong"


@pytest.mark.parametrize("user", ["", "u", "us", "user", "estuser", "ünï@example.com"])
@pytest.mark.parametrize("password", ["estpwd", "four", "correct horse battery staple", "??>>~~??>>~~"])
def test_req_070_the_base64_of_user_and_password_is_masked_for_any_user(user, password):
    assert redact(f"Authorization: Basic {basic(user, password)} refused", [password]) == (
        f"Authorization: Basic {MASK} refused"
    )
    encoded = quote(basic(user, password), safe="")
    assert redact(f"auth={encoded}&x=1", [password]) == f"auth={MASK}&x=1"


def test_several_secrets_that_overlap_and_repeat():
    assert redact("abcdef abc x cdef", ["abc", "cdef", "abc"]) == f"{MASK} {MASK} x {MASK}"
    assert redact("secret", ["secret"]) == MASK
    assert redact("secretsecret.", ["secret"]) == MASK + "."


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_nothing_to_hide(secrets):
    assert redact("a  b", secrets) == "a  b"


def test_short_secrets_are_masked_as_they_stand():
    assert redact("PIN 12 wrong", ["12"]) == f"PIN {MASK} wrong"


def test_other_text_is_left_alone():
    text = "The CSR of device-1 has no CN; estuser may not enrol. SGVsbG8gd29ybGQ="
    assert redact(text, ["estpwd", "Passw0rd!"]) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("A" * 65536, "estpwd"),
        ("A" * 65536, "A" * 50 + "B"),
        (" " * 65536, " x  y "),
        ("a" + " " * 65536, "a  b"),
        ("&#0" + "0" * 65536, "000;"),
        ("\\" * 65536, "\\\\\\x"),
        (base64.b64encode(b"estpwd" * 8000).decode(), "estpwd"),
    ],
)
def test_hostile_text_is_searched_in_reasonable_time(text, secret):
    check_effort(600 * len(text), lambda: redact(text, [secret]))


@settings(derandomize=True, max_examples=count(200), deadline=None)
@given(st.text(min_size=4, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_req_070_no_secret_survives(secret, before, after):
    assume(secret.strip() and secret.strip() not in MASK and secret.encode("utf-8", "ignore").decode() == secret)
    assert secret not in redact(before + secret + after, [secret])
    user = before.encode("utf-8", "ignore").decode()
    assert basic(user, secret) not in redact("Basic " + basic(user, secret), [secret])
