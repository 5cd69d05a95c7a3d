# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken because it can only mean one thing, and what is refused with the name of what was probably meant."""

from __future__ import annotations

from typing import Any

import pytest
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import enrolment_argument_spec
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import FIELDS, argument_spec
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import Identity, TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.synonyms import (
    _CHOICES,
    _IDENTITY,
    _OPTIONS,
    _folded,
    meant_option,
)


@pytest.mark.parametrize("written", ["cisco", "Cisco", "CISCO", " Cisco "])
def test_the_wizard_s_spelling_of_the_authority_is_taken(written: str) -> None:
    assert template(certificate_authority=written).certificate_authority == "cisco"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("None", "none"),
        ("UPN", "upn"),
        ("Upn", "upn"),
        ("UPN and Email", "upn_and_email"),
        ("UPN  and  Email", "upn_and_email"),
        ("UPN_and_Email", "upn_and_email"),
        ("upn-and-email", "upn_and_email"),
        ("Upn And Email", "upn_and_email"),
    ],
)
def test_the_wizard_s_spelling_of_the_alternative_name_is_taken(written: str, canonical: str) -> None:
    assert template(subject_alternative_name=written) == template(subject_alternative_name=canonical)


def test_other_is_taken_in_the_wizard_s_spelling() -> None:
    entries = {"subject_alternative_name_other": ["DNS:a.example.com"]}
    assert template(subject_alternative_name="Other", **entries).subject_alternative_name == "other"


@pytest.mark.parametrize("fields", [{"certificate_authority": "Cisco"}, {"label": 7}, {"custom_attributes": [7]}])
def test_a_stored_template_is_in_canonical_form_or_damaged(fields: dict[str, Any]) -> None:
    with pytest.raises(TemplateError):
        Template.from_fields({**template().as_fields(), **fields}, {})


@pytest.mark.parametrize(
    ("options", "field", "text"),
    [
        ({"name": 5}, "name", "5"),
        ({"label": 2024}, "label", "2024"),
        ({"username": 1234, "password": "x"}, "username", "1234"),
        ({"username": 0, "password": "x"}, "username", "0"),
        ({"custom_attributes": [365, "Badge"]}, "custom_attributes", ("365", "Badge")),
    ],
)
def test_a_whole_number_for_a_text_is_its_digits(options: dict[str, Any], field: str, text: Any) -> None:
    assert getattr(template(**options), field) == text


def test_a_number_that_is_no_server_is_refused_as_the_text_would_be() -> None:
    assert str(refusal(server=12)) == str(refusal(server="12"))


@pytest.mark.parametrize("value", [True, False, 1.5, 7.0])
def test_neither_a_truth_value_nor_a_fraction_is_a_text(value: Any) -> None:
    assert str(refusal(label=value)) == f"label: {value} is not a string (allowed: a string, in quotes)."


@pytest.mark.parametrize("option", ["password", "client_key_passphrase"])
def test_a_secret_has_to_be_in_quotes_and_the_error_says_why(option: str) -> None:
    assert str(refusal(**{option: 4711})) == (
        f"{option}: is not a string (allowed: a string, in quotes: as a number it has lost its zeros at the"
        " beginning, or its spelling)."
    )


def test_numbers_of_an_identity_are_their_digits() -> None:
    options = {"identity": {"user": 12345, "variables": {"imei": 490154203237518, "Badge": 0}}, "certificate_name": 7}
    assert TestIdentity.from_options(options) == TestIdentity(
        user="12345", variables={"imei": "490154203237518", "Badge": "0"}, certificate_name="7"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": True}, "identity.user: True is not a string (allowed: a string, in quotes)."),
        ({"variables": {"sim": 1.5}}, "identity.variables.sim: 1.5 is not a string (allowed: a string, in quotes)."),
        (
            {"variables": {"sim": False}},
            "identity.variables.sim: False is not a string (allowed: a string, in quotes).",
        ),
        ({"variables": {"sim": [1]}}, "identity.variables.sim: [1] is not a string (allowed: a string, in quotes)."),
    ],
)
def test_other_values_of_an_identity_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        TestIdentity.from_options({"identity": options})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("option", "value", "meant"),
    [
        ("key_type", "ecdsa", "ec"),
        ("key_type", "ECDSA", "ec"),
        ("key_type", "EC", "ec"),
        ("key_type", "secp256r1", "ec"),
        ("key_type", "P-256", "ec"),
        ("key_type", "RSA", "rsa"),
        ("key_type", "rsa2048", "rsa"),
        ("key_type", "RSA-4096", "rsa"),
        ("key_type", "ed-25519", "ed25519"),
        ("key_type", "EdDSA", "ed25519"),
        ("key_type", "mldsa87", "ml-dsa-87"),
        ("key_type", "ML-DSA", "ml-dsa-65"),
        ("key_type", "dilithium", "ml-dsa-65"),
        ("key_type", "gost", ""),
        ("certificate_authority", "ciscoo", "cisco"),
        ("certificate_authority", "Other", "generic"),
        ("subject_alternative_name", "UPN/Email", "upn_and_email"),
        ("subject_alternative_name", "email", "upn_and_email"),
        ("subject_alternative_name", "DNS", "other"),
        ("subject_alternative_name", "userPrincipalName", "upn"),
        ("proof_of_possession", "yes", "always"),
        ("proof_of_possession", "no", "never"),
        ("update_password", "once", "on_create"),
    ],
)
def test_a_wrong_choice_suggests_what_was_meant(option: str, value: str, meant: str) -> None:
    error = refusal(**{option: value})
    assert (error.option, error.suggestion) == (option, meant)


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("user", "username"),
        ("login", "username"),
        ("user_name", "username"),
        ("Password", "password"),
        ("pwd", "password"),
        ("ca_cert", "ca_certificate"),
        ("ca_file", "ca_path"),
        ("cafile", "ca_path"),
        ("thumbprint", "ca_fingerprint"),
        ("validate_certs", "use_system_trust"),
        ("san", "subject_alternative_name"),
        ("subject_alternate_name", "subject_alternative_name"),
        ("host", "server"),
        ("url", "server"),
        ("hostname", "server"),
        ("private_key_path", "client_key_path"),
        ("passphrase", "client_key_passphrase"),
        ("curve", "key_curve"),
        ("bits", "key_size"),
        ("renew_before_days", "renewal_period_days"),
    ],
)
def test_an_unknown_option_suggests_what_was_meant(option: str, meant: str) -> None:
    assert str(refusal(**{option: "x"})) == f"{option}: is not an option of a template. Did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("option", "meant"), [("username", "user"), ("user_name", "user"), ("mail", "email"), ("vars", "variables")]
)
def test_an_unknown_option_of_an_identity_suggests_what_was_meant(option: str, meant: str) -> None:
    with pytest.raises(TemplateError) as caught:
        TestIdentity.from_options({"identity": {option: "x"}})
    assert caught.value.suggestion == meant


@pytest.mark.parametrize(
    ("option", "meant"),
    [("user_name", "identity.user"), ("domain", "identity.domain"), ("bussy_timeout", "busy_timeout")],
)
def test_an_unknown_option_of_a_module_suggests_what_was_meant(option: str, meant: str) -> None:
    assert meant_option(option, enrolment_argument_spec("test")) == meant


def test_the_tables_of_synonyms_name_what_there_is_and_each_synonym_once() -> None:
    spec = argument_spec()
    assert set(_OPTIONS) == {field.name for field in FIELDS}
    assert set(_IDENTITY) == set(Identity._fields)
    for option, choices in _CHOICES.items():
        assert set(choices) == set(spec[option]["choices"])
    for table in (_OPTIONS, _IDENTITY, *_CHOICES.values()):
        folded = [_folded(word) for name, others in table.items() for word in (name, *others)]
        assert sorted(folded) == sorted(set(folded)), "a synonym is there twice, or is a name"
