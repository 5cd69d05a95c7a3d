# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a template: one table, its argument spec, and how values are read."""

from __future__ import annotations

from typing import Any

import pytest
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import (
    FIELDS,
    SECRET_FIELDS,
    argument_spec,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template


def test_fields_are_those_of_the_design() -> None:
    assert [field.name for field in FIELDS] == [
        "name",
        "certificate_authority",
        "device_identity_certificates",
        "server",
        "port",
        "label",
        "base_path",
        "username",
        "password",
        "challenge_password",
        "ca_certificate",
        "ca_path",
        "ca_fingerprint",
        "use_system_trust",
        "client_certificate_path",
        "client_key_path",
        "client_key_passphrase",
        "proxy",
        "subject",
        "subject_alternative_name",
        "subject_alternative_name_other",
        "custom_attributes",
        "key_type",
        "key_size",
        "key_curve",
        "renewal_period_days",
        "proof_of_possession",
    ]
    assert SECRET_FIELDS == ("password", "challenge_password", "client_key_passphrase")


def test_model_has_the_same_fields() -> None:
    assert list(Template._fields) == [field.name for field in FIELDS]


def test_argument_spec_has_every_field_and_how_to_write_it() -> None:
    spec = argument_spec()
    assert list(spec) == [field.name for field in FIELDS] + ["update_password", "remove"]
    assert {name for name, argument in spec.items() if argument.get("required")} == {"name"}
    assert {argument["type"] for argument in spec.values()} == {"str", "int", "bool", "list"}
    assert spec["subject"] == {"type": "str", "default": "/CN=%uname%/emailAddress=%email%"}
    assert spec["renewal_period_days"] == {"type": "int", "default": 14}
    assert spec["subject_alternative_name"]["choices"] == ["none", "upn", "upn_and_email", "other"]
    assert spec["subject_alternative_name_other"] == {"type": "list", "elements": "str", "default": []}
    assert spec["port"] == {"type": "int"}


def test_argument_spec_hides_the_secrets_and_says_so_for_every_suspicious_name() -> None:
    spec = argument_spec()
    assert {name for name, argument in spec.items() if argument.get("no_log")} == set(SECRET_FIELDS)
    assert {name for name, argument in spec.items() if argument.get("no_log") is False} == {
        "client_key_path",
        "key_type",
        "key_size",
        "key_curve",
        "update_password",
    }


def test_argument_spec_is_a_new_dictionary_every_time() -> None:
    argument_spec()["custom_attributes"]["default"].append("x")
    assert argument_spec()["custom_attributes"]["default"] == []


def test_defaults_of_the_argument_spec_make_the_same_template() -> None:
    defaults = {name: argument.get("default") for name, argument in argument_spec().items()}
    assert Template.from_options({**defaults, "name": "a", "server": "b"}) == Template.from_options(
        {"name": "a", "server": "b"}
    )


def test_none_counts_as_left_out() -> None:
    nothing = dict.fromkeys((field.name for field in FIELDS if field.name not in ("name", "server")), None)
    assert template(**nothing) == template()


@pytest.mark.parametrize("value", [8443, "8443", " 8443 "])
def test_whole_number(value: Any) -> None:
    assert template(port=value).port == 8443


@pytest.mark.parametrize(
    ("value", "read"),
    [(True, True), ("yes", True), ("True", True), (1, True), ("on", True), (False, False), ("no", False), (0, False)],
)
def test_boolean(value: Any, read: bool) -> None:
    assert template(use_system_trust=value).use_system_trust is read


@pytest.mark.parametrize("value", ["always", "on_create", None])
def test_update_password_is_an_option_and_no_field(value: Any) -> None:
    assert template(update_password=value) == template()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"serverr": "x"},
            "serverr: is not an option of a template. Did you mean 'server'?",
        ),
        ({"user_name": "x"}, "user_name: is not an option of a template. Did you mean 'username'?"),
        ({"Port": 1}, "Port: is not an option of a template. Did you mean 'port'?"),
        (
            {"certificate_authority": " "},
            "certificate_authority: ' ' is not one of the choices (allowed: cisco, generic).",
        ),
        (
            {"certificate_authority": "microsoft"},
            "certificate_authority: 'microsoft' is not one of the choices (allowed: cisco, generic).",
        ),
        (
            {"subject_alternative_name": "UPN + Email"},
            "subject_alternative_name: 'UPN + Email' is not one of the choices"
            " (allowed: none, upn, upn_and_email, other). Did you mean 'upn_and_email'?",
        ),
        (
            {"key_type": "ecc"},
            "key_type: 'ecc' is not one of the choices (allowed: rsa, ec, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87)."
            " Did you mean 'ec'?",
        ),
        (
            {"key_type": "ml-dsa"},
            "key_type: 'ml-dsa' is not one of the choices (allowed: rsa, ec, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87)."
            " Did you mean 'ml-dsa-65'?",
        ),
        (
            {"proof_of_possession": False},
            "proof_of_possession: False is not a string (allowed: auto, always, never). Did you mean 'never'?",
        ),
        (
            {"proof_of_possession": "alway"},
            "proof_of_possession: 'alway' is not one of the choices (allowed: auto, always, never)."
            " Did you mean 'always'?",
        ),
        (
            {"update_password": "on create"},
            "update_password: 'on create' is not one of the choices (allowed: always, on_create)."
            " Did you mean 'on_create'?",
        ),
        ({"name": 7.0}, "name: 7.0 is not a string (allowed: a string, in quotes)."),
        ({"name": True}, "name: True is not a string (allowed: a string, in quotes)."),
        ({"name": ["a"]}, "name: ['a'] is a list (allowed: a string, in quotes)."),
        ({"label": {"a": 1}}, "label: {'a': 1} is a dictionary (allowed: a string, in quotes)."),
        ({"label": ""}, "label: is empty (allowed: a string, or leave it out)."),
        ({"ca_path": ""}, "ca_path: is empty (allowed: a string, or leave it out)."),
        ({"proxy": ""}, "proxy: is empty (allowed: a string, or leave it out)."),
        ({"subject": ""}, "subject: is empty (allowed: a string, or leave it out)."),
        ({"name": ""}, "name: is empty (allowed: a string)."),
        ({"name": None}, "name: is missing (allowed: a string)."),
        ({"port": "https"}, "port: 'https' is not a whole number (allowed: digits only)."),
        ({"port": 443.0}, "port: 443.0 is not a whole number (allowed: digits only)."),
        ({"port": True}, "port: True is not a whole number (allowed: digits only)."),
        ({"port": ""}, "port: is empty (allowed: a whole number, or leave it out)."),
        ({"port": "-1"}, "port: '-1' is not a whole number (allowed: digits only)."),
        ({"port": "٤٤٣"}, "port: '٤٤٣' is not a whole number (allowed: digits only)."),
        (
            {"use_system_trust": "ture"},
            "use_system_trust: 'ture' is neither true nor false (allowed: true, false). Did you mean 'true'?",
        ),
        ({"use_system_trust": 2}, "use_system_trust: 2 is neither true nor false (allowed: true, false)."),
        (
            {"custom_attributes": "Any Name"},
            "custom_attributes: 'Any Name' is not a list (allowed: a list of texts).",
        ),
        (
            {"custom_attributes": ["a", 7.5]},
            "custom_attributes[1]: 7.5 is not a string (allowed: a string, in quotes).",
        ),
        (
            {"subject_alternative_name_other": [""]},
            "subject_alternative_name_other[0]: is empty (allowed: a string, or leave it out).",
        ),
    ],
)
def test_wrong_value(options: dict[str, Any], message: str) -> None:
    assert str(refusal(**options)) == message


def test_an_option_like_no_other_names_them_all() -> None:
    error = refusal(zzz=1)
    assert error.option == "zzz"
    assert "certificate_authority" in error.allowed
    assert "update_password" in error.allowed


@pytest.mark.parametrize("option", SECRET_FIELDS)
@pytest.mark.parametrize("value", [4711_0815, ["4711_0815"], {"a": "47110815"}])
def test_a_secret_of_the_wrong_type_is_not_shown(option: str, value: Any) -> None:
    message = str(refusal(username="u", client_certificate_path="/c", client_key_path="/k", **{option: value}))
    assert message.startswith(f"{option}: is ")
    assert "4711" not in message
