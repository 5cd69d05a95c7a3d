# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entry in the table of kinds is all that a new kind of subject alternative name needs."""

from __future__ import annotations

import pytest
from support.names import build_general_names, read_general_names
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.acceptance import Acceptance
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.compare import lost
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.comparison import comparable_address
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    GeneralName,
    Kind,
    parse_general_name,
    validate_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.render import render
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    encode_general_name,
    read_general_name,
    split_general_names,
)

#: SmtpUTF8Mailbox (RFC 8398 section 3).
OID = "1.3.6.1.5.5.7.8.9"
NAME = GeneralName("mailbox", "jörg@example.com")


def check_mailbox(value: str) -> None:
    if not value.rpartition("@")[2] or "@" not in value:
        raise NameSyntaxError("is not a mailbox", allowed="local-part@domain")


@pytest.fixture(autouse=True)
def mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind(
        "otherName",
        check_mailbox,
        oid=OID,
        synonyms=("smtputf8mailbox",),
        comparable=comparable_address,
        stand_ins=("a", "a@a.example"),
        has_domain=True,
    )
    monkeypatch.setitem(KINDS, "mailbox", kind)


def test_it_is_read_from_an_option() -> None:
    assert parse_general_name("MAILBOX:jörg@example.com") == NAME
    validate_general_name(NAME)
    with pytest.raises(NameSyntaxError, match="is not a mailbox"):
        validate_general_name(GeneralName("mailbox", "jörg"))
    with pytest.raises(NameSyntaxError) as caught:
        parse_general_name("SmtpUTF8Mailbox:jörg@example.com")
    assert caught.value.suggestion == str(NAME)
    assert "mailbox" in caught.value.allowed


def test_it_goes_into_a_request_and_is_read_from_a_certificate() -> None:
    (held,) = build_general_names([NAME])
    assert held.type_id.dotted_string == OID
    assert held.value == b"\x0c\x11" + NAME.value.encode()
    assert read_general_names(build_general_names([NAME, GeneralName("UPN", "a@b.example")])) == (
        NAME,
        GeneralName("UPN", "a@b.example"),
    )


def test_it_is_compared() -> None:
    issued = GeneralName("mailbox", "jörg@EXAMPLE.com")
    assert lost((), [NAME], (), [issued]) == []
    (told,) = lost((), [NAME], (), [GeneralName("mailbox", "JÖRG@example.com")])
    assert told == f"subject_alternative_name {NAME}"
    for allowed in ("mailbox", "Mailbox:jörg@example.com"):
        assert Acceptance.read({"allowed_lost": [allowed]}).accepted([told]) == [told]


def test_it_stands_in_a_template() -> None:
    def entry(text: str) -> dict[str, object]:
        return {
            "subject": "/CN=x",
            "subject_alternative_name": "other",
            "subject_alternative_name_other": [text],
        }

    made = template(**entry("MailBox:%uname%@%domain%"))
    assert made.subject_alternative_name_other == ("mailbox:%uname%@%domain%",)
    assert template(**entry("mailbox:%email%"))
    assert refusal(**entry("mailbox:x")).reason == "is not a mailbox"
    assert "cannot be valid" in refusal(**entry("mailbox:x%uname%@")).reason
    collected = TestIdentity(user="jörg", domain="example.com")
    assert render(made, collected).subject_alternative_names == (NAME,)
    assert render(made, TestIdentity(user="jörg")).left_out == ("mailbox:%uname%@%domain%",)


@pytest.mark.parametrize("alternative", ["x400Address", "ediPartyName", ""])
def test_a_kind_without_an_encoder_is_an_error(monkeypatch: pytest.MonkeyPatch, alternative: str) -> None:
    monkeypatch.setitem(KINDS, "odd", Kind(alternative, lambda value: None))
    validate_general_name(GeneralName("odd", "x"))
    with pytest.raises(InputError, match="'odd:x' is of a kind without an encoder"):
        encode_general_name(GeneralName("odd", "x"))


def test_an_alternative_without_a_kind_is_shown_in_hexadecimal(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = b"\x30" + bytes([len(encode_general_name(NAME))]) + encode_general_name(NAME)
    (entry,) = split_general_names(encoded)
    assert read_general_name(entry) == NAME
    monkeypatch.delitem(KINDS, "mailbox")
    assert read_general_name(entry) == (f"otherName {OID}", "0C11" + NAME.value.encode().hex().upper())
    (entry,) = split_general_names(b"\x30\x03\x83\x01a")  # x400Address
    assert read_general_name(entry) == ("[3]", "61")
