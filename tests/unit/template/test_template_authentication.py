# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of a template, its paths, and how it authenticates."""

from __future__ import annotations

from typing import Any

import pytest
from support.templates import refusal, template


@pytest.mark.parametrize("name", ["a", "Corp Wi-Fi", "a" * 64, "Büro", "李", "50% off", "a/b\\c", "'", "x\u200dy"])
def test_name(name: str) -> None:
    assert template(name=name).name == name


def test_name_is_in_normal_form_c() -> None:
    assert template(name="Cafe\u0301").name == "Caf\u00e9"
    assert template(name="e\u0301" * 64).name == "\u00e9" * 64


@pytest.mark.parametrize(
    ("name", "reason", "suggestion"),
    [
        ("a" * 65, "has 65 characters", ""),
        ("   ", "has only spaces in it", ""),
        ("\u00a0\u2003", "has only spaces in it", ""),
        (" Corp", "begins or ends with a space", "Corp"),
        ("Corp ", "begins or ends with a space", "Corp"),
        ("Corp\u00a0", "begins or ends with a space", "Corp"),
        ("a\nb", "has a control character (U+000A) in it", ""),
        ("a\tb", "has a control character (U+0009) in it", ""),
        ("a\x00b", "has a control character (U+0000) in it", ""),
        ("a\x7f", "has a control character (U+007F) in it", ""),
        ("a\x9b1m", "has a control character (U+009B) in it", ""),
        ("a\u2028b", "has a control character (U+2028) in it", ""),
        ("a\u200bb", "has a control character (U+200B) in it", ""),
        ("a\u202eb", "has a control character (U+202E) in it", ""),
        ("a\ud800b", "has a control character (U+D800) in it", ""),
        ("\ufeffa", "has a control character (U+FEFF) in it", ""),
    ],
)
def test_name_refused(name: str, reason: str, suggestion: str) -> None:
    error = refusal(name=name)
    assert (error.option, error.reason, error.suggestion) == ("name", reason, suggestion)
    assert error.value
    str(error).encode()


PATHS = ["/etc/est/ca.pem", "/", r"C:\est\ca.pem", "c:/est/ca.pem", r"\\server\share\ca.pem", "//server/share", "/a b"]


@pytest.mark.parametrize("path", PATHS)
def test_path(path: str) -> None:
    assert template(ca_path=path).ca_path == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("ca.pem", "is not an absolute path"),
        ("./ca.pem", "is not an absolute path"),
        ("~/ca.pem", "is not an absolute path"),
        ("C:ca.pem", "is not an absolute path"),
        (r"\ca.pem", "is not an absolute path"),
        (r"\\server", "is not an absolute path"),
        ("$HOME/ca.pem", "is not an absolute path"),
        ("/etc/ca.pem\n", "has a control character (U+000A) in it"),
        ("/etc/\x00", "has a control character (U+0000) in it"),
        ("  ", "has only spaces in it"),
        (" /etc/ca.pem", "begins or ends with a space"),
    ],
)
@pytest.mark.parametrize("option", ["ca_path", "client_certificate_path", "client_key_path"])
def test_path_refused(option: str, path: str, reason: str) -> None:
    pair = {"client_certificate_path": "/c", "client_key_path": "/k"} if option != "ca_path" else {}
    error = refusal(**{**pair, option: path})
    assert (error.option, error.reason) == (option, reason)
    assert error.value


@pytest.mark.parametrize("username", ["estuser", "CORP\\bob", "bob@example.com", "łukasz", "a b", " ", "100%"])
def test_username(username: str) -> None:
    made = template(username=username, password="p")
    assert (made.username, made.password) == (username, "p")


def test_req_067_empty_user_name_with_a_password() -> None:
    made = template(username="", password="p")
    assert (made.username, made.secrets()) == ("", {"password": "p"})


@pytest.mark.parametrize(
    ("username", "reason"),
    [
        ("a:b", "has a colon in it, which HTTP Basic cannot carry (RFC 7617)"),
        ("a\r\nb", "has a control character (U+000D) in it"),
        ("a\x00", "has a control character (U+0000) in it"),
    ],
)
def test_username_refused(username: str, reason: str) -> None:
    error = refusal(username=username, password="canary")
    assert (error.option, error.reason) == ("username", reason)
    assert error.value
    assert "canary" not in str(error)


@pytest.mark.parametrize("password", ["p", " a b ", "pä:ß", "50%", "a" * 500, "\\n"])
def test_password(password: str) -> None:
    assert template(username="u", password=password).secrets() == {"password": password}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"username": "bob"},
            "password: is missing, and username is given (allowed: both, or neither of them).",
        ),
        (
            {"username": ""},
            "password: is missing, and username is given (allowed: both, or neither of them).",
        ),
        (
            {"password": "canary"},
            "username: is missing, and password is given"
            " (allowed: both; username: '' for a server that knows no user names).",
        ),
        (
            {"username": "bob", "password": ""},
            "password: is empty (allowed: a string, or leave it out).",
        ),
        (
            {"username": "bob", "password": "canary\n"},
            "password: has a line end in it (allowed: one line without control characters;"
            " | trim helps for a value read from a file).",
        ),
        (
            {"username": "bob", "password": "canary\x07"},
            "password: has a control character (U+0007) in it (allowed: printable characters).",
        ),
        (
            {"client_certificate_path": "/c"},
            "client_key_path: is missing, and client_certificate_path is given (allowed: both, or neither).",
        ),
        (
            {"client_key_path": "/k"},
            "client_certificate_path: is missing, and client_key_path is given (allowed: both, or neither).",
        ),
        (
            {"client_key_passphrase": "canary"},
            "client_key_passphrase: is given, and client_key_path is not (allowed: with client_key_path only).",
        ),
        (
            {"client_certificate_path": "/c", "client_key_path": "/k", "client_key_passphrase": "canary\r"},
            "client_key_passphrase: has a line end in it (allowed: one line without control characters;"
            " | trim helps for a value read from a file).",
        ),
        (
            {"client_certificate_path": "/c", "client_key_path": "/k", "client_key_passphrase": ""},
            "client_key_passphrase: is empty (allowed: a string, or leave it out).",
        ),
    ],
)
def test_authentication_refused(options: dict[str, Any], message: str) -> None:
    assert str(refusal(**options)) == message


def test_req_068_basic_and_a_client_certificate_together() -> None:
    made = template(
        username="u",
        password="p",
        client_certificate_path="/c",
        client_key_path="/k",
        client_key_passphrase="s",
    )
    assert made.secrets() == {"password": "p", "client_key_passphrase": "s"}
