# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Basic authentication (RFC 7617)."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.authentication import basic_authorization
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials


def decode(header: str) -> str:
    scheme, _space, value = header.partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(value).decode("utf-8")


def test_req_062_user_name_and_password_are_utf8() -> None:
    assert basic_authorization(Credentials("estuser", "estpwd")) == "Basic ZXN0dXNlcjplc3Rwd2Q="
    # The example of RFC 7617 section 2.1.
    assert basic_authorization(Credentials("test", "123£")) == "Basic dGVzdDoxMjPCow=="
    assert decode(basic_authorization(Credentials("Jürgen", "p:ä%ss 字"))) == "Jürgen:p:ä%ss 字"


def test_req_062_text_is_brought_to_normalisation_form_c() -> None:
    assert decode(basic_authorization(Credentials("Ju\u0308rgen", "a\u030a"))) == "J\u00fcrgen:\u00e5"


def test_an_empty_user_name_is_allowed() -> None:
    assert decode(basic_authorization(Credentials("", "secret"))) == ":secret"


@pytest.mark.parametrize(
    ("username", "password", "name"),
    [("a:b", "canary", "user name"), ("a\r\nX: y", "canary", "user name"), ("a", "canary\n", "password"),
     ("a", "canary\udcff", "password")],
)  # fmt: skip
def test_req_070_what_basic_cannot_carry_is_refused_without_showing_the_password(
    username: str, password: str, name: str
) -> None:
    with pytest.raises(InputError) as caught:
        basic_authorization(Credentials(username, password))
    assert caught.value.reason.startswith(f"the {name} ")
    assert "canary" not in caught.value.reason + caught.value.hint
    assert caught.value.__context__ is None
