# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template: its defaults, its canonical form, and both ways through the store."""

from __future__ import annotations

import json

import pytest
from support.effort import check_effort
from support.templates import MINIMAL, pem, refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import FIELDS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

FULL = {
    "name": "Corp Wi-Fi",
    "certificate_authority": "generic",
    "device_identity_certificates": False,
    "server": "https://EST.Example.com:8443/.well-known/est/devices",
    "username": "estuser",
    "password": "canary-1",
    "ca_certificate": "Root\r\n" + pem() + pem(),
    "ca_fingerprint": "SHA256:" + "AB:" * 31 + "AB",
    "client_certificate_path": "/etc/est/client.pem",
    "client_key_path": r"C:\est\client.key",
    "client_key_passphrase": "canary-2",
    "proxy": "http://Proxy.example.com:3128/",
    "subject": "/cn=%uname%/ou=%Cost Centre%",
    "subject_alternative_name": "other",
    "subject_alternative_name_other": ["upn:%uname%@%domain%", "sid:%Object Sid%"],
    "custom_attributes": ["Cost Centre", "Object Sid"],
    "key_type": "ec",
    "key_curve": "secp384r1",
    "renewal_period_days": "30",
    "proof_of_possession": "never",
    "update_password": "on_create",
}


def test_defaults() -> None:
    assert template().as_fields() == {
        "name": "Corp Wi-Fi",
        "certificate_authority": "cisco",
        "device_identity_certificates": True,
        "server": "est.example.com",
        "port": 443,
        "label": None,
        "base_path": None,
        "username": None,
        "ca_certificate": None,
        "ca_path": None,
        "ca_fingerprint": None,
        "use_system_trust": False,
        "client_certificate_path": None,
        "client_key_path": None,
        "proxy": None,
        "subject": "/CN=%uname%/emailAddress=%email%",
        "subject_alternative_name": "none",
        "subject_alternative_name_other": [],
        "custom_attributes": [],
        "key_type": "rsa",
        "key_size": 2048,
        "key_curve": None,
        "renewal_period_days": 14,
        "proof_of_possession": "auto",
    }
    assert template().secrets() == {}


def test_canonical_form() -> None:
    full = Template.from_options(FULL)
    assert full.as_fields() == {
        "name": "Corp Wi-Fi",
        "certificate_authority": "generic",
        "device_identity_certificates": False,
        "server": "est.example.com",
        "port": 8443,
        "label": "devices",
        "base_path": None,
        "username": "estuser",
        "ca_certificate": pem() + pem(),
        "ca_path": None,
        "ca_fingerprint": "sha256:" + "ab" * 32,
        "use_system_trust": False,
        "client_certificate_path": "/etc/est/client.pem",
        "client_key_path": r"C:\est\client.key",
        "proxy": "http://proxy.example.com:3128",
        "subject": "/CN=%uname%/OU=%Cost Centre%",
        "subject_alternative_name": "other",
        "subject_alternative_name_other": ["UPN:%uname%@%domain%", "SID:%Object Sid%"],
        "custom_attributes": ["Cost Centre", "Object Sid"],
        "key_type": "ec",
        "key_size": None,
        "key_curve": "P-384",
        "renewal_period_days": 30,
        "proof_of_possession": "never",
    }
    assert full.secrets() == {"password": "canary-1", "client_key_passphrase": "canary-2"}


@pytest.mark.parametrize("options", [MINIMAL, FULL])
def test_fields_and_secrets_give_the_same_template_back(options: dict[str, object]) -> None:
    first = Template.from_options(options)
    stored = json.loads(json.dumps(first.as_fields()))
    assert list(stored) == [field.name for field in FIELDS if not field.secret]
    assert Template.from_fields(stored, first.secrets()) == first
    assert Template.from_options({**stored, **first.secrets()}) == first


def test_a_stored_template_may_lack_its_password() -> None:
    fields = Template.from_options(FULL).as_fields()
    assert Template.from_fields(fields, {}).secrets() == {}


def test_a_stored_template_is_checked() -> None:
    with pytest.raises(TemplateError, match=r"port: 70000 is not a port"):
        Template.from_fields({**template().as_fields(), "port": 70000}, {})


def test_a_stored_template_may_lack_a_field_that_has_a_default() -> None:
    fields = template().as_fields()
    del fields["proof_of_possession"]
    assert Template.from_fields(fields, {}) == template()


def test_a_secret_among_the_stored_fields_is_refused_and_not_shown() -> None:
    with pytest.raises(TemplateError) as caught:
        Template.from_fields({**template().as_fields(), "password": "canary"}, {})
    assert str(caught.value) == "password: is a secret and may not be among the plain fields."


def test_an_unknown_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(TemplateError) as caught:
        Template.from_fields(template().as_fields(), {"pin": "canary"})
    assert (
        str(caught.value)
        == "pin: is not a secret of a template (allowed: password, challenge_password, client_key_passphrase)."
    )


def test_secrets_are_in_no_repr() -> None:
    full = Template.from_options(FULL)
    assert "canary" not in repr(full)
    assert "canary" not in json.dumps(full.as_fields())


def test_a_template_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        template().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("options", [None, [], "Corp", 7])
def test_a_template_that_is_no_dictionary(options: object) -> None:
    with pytest.raises(TemplateError, match=r"^template: is not a dictionary of options"):
        Template.from_options(options)  # type: ignore[arg-type]


def test_missing_server() -> None:
    with pytest.raises(TemplateError, match=r"^server: is missing \(allowed: a host name"):
        Template.from_options({"name": "a"})


def test_missing_name() -> None:
    with pytest.raises(TemplateError, match=r"^name: is missing"):
        Template.from_options({"server": "a"})


@pytest.mark.parametrize("placeholder", ["%REPLACE%", "%replace%", "x%Replace%y"])
@pytest.mark.parametrize(
    "options",
    [
        {"name": "{}"},
        {"server": "{}"},
        {"label": "{}"},
        {"username": "{}", "password": "p"},
        {"subject": "/CN={}"},
        {"ca_path": "/{}"},
        {"subject_alternative_name": "other", "subject_alternative_name_other": ["DNS:a", "DNS:{}"]},
        {"custom_attributes": ["{}"]},
    ],
)
def test_the_placeholder_is_refused_everywhere(options: dict[str, object], placeholder: str) -> None:
    def fill(value: object) -> object:
        if isinstance(value, list):
            return [fill(element) for element in value]
        return value.replace("{}", placeholder) if isinstance(value, str) else value

    error = refusal(**{option: fill(value) for option, value in options.items()})
    assert error.option in options
    assert "still holds the placeholder %REPLACE%" in error.reason
    assert placeholder in error.value


def test_the_placeholder_as_password_is_refused_and_not_shown() -> None:
    error = refusal(username="u", password="canary%REPLACE%")
    assert str(error) == (
        "password: still holds the placeholder %REPLACE%, which an administrator must replace with the real value."
    )


def test_a_hundred_templates_are_little_work() -> None:
    def make() -> None:
        for number in range(100):
            Template.from_options({**FULL, "name": f"Template {number}"})

    check_effort(100 * 35_000, make)
