# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subject and the subject alternative name of a template, with variables in them."""

from __future__ import annotations

from typing import Any

import pytest
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import entries_of

CUSTOM = ["Any", "Object Sid", "Last, First"]


def other(*entries: str) -> tuple[str, ...]:
    return template(
        subject_alternative_name="other", subject_alternative_name_other=list(entries), custom_attributes=CUSTOM
    ).subject_alternative_name_other


def other_refused(*entries: str) -> TemplateError:
    return refusal(
        subject_alternative_name="other", subject_alternative_name_other=list(entries), custom_attributes=CUSTOM
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("/CN=%uname%", "/CN=%uname%"),
        ("/cn=%uname%/EMAILADDRESS=%email%", "/CN=%uname%/emailAddress=%email%"),
        ("/CN=%uname%@%domain%", "/CN=%uname%@%domain%"),
        ("/CN=%Any%/O=100%% Acme", "/CN=%Any%/O=100%% Acme"),
        ("/C=%Any%", "/C=%Any%"),
        ("/C=D%Any%", "/C=D%Any%"),
        ("/emailAddress=%uname%@example.com", "/emailAddress=%uname%@example.com"),
        ("/emailAddress=%uname%", "/emailAddress=%uname%"),
        (r"/CN=%uname%\/%domain%\\x\+y", r"/CN=%uname%\/%domain%\\x+y"),
        (r"/CN=%uname%\+OU=x", r"/CN=%uname%\+OU=x"),
        ("/CN=%uname% %domain% %email% %imei%" + "x" * 70, "/CN=%uname% %domain% %email% %imei%" + "x" * 70),
        ("/2.5.4.97=%Any%", "/2.5.4.97=%Any%"),
        ("/S=Jones/SN=%imei%", "/S=Jones/SN=%imei%"),
        ("CN=%uname%", "/CN=%uname%"),
        ("CN=%uname%,OU=Phones,DC=example,DC=com", "/DC=com/DC=example/OU=Phones/CN=%uname%"),
        (r"cn=%uname%\, %domain%, o=5%% / x", r"/O=5%% \/ x/CN=%uname%, %domain%"),
        (r"serialNumber=%imei%,surname=%Last\, First%", "/S=%Last, First%/SN=%imei%"),
    ],
)
def test_subject(text: str, canonical: str) -> None:
    assert template(subject=text, custom_attributes=CUSTOM).subject == canonical
    assert template(subject=canonical, custom_attributes=CUSTOM).subject == canonical


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("   ", "is not a distinguished name", ""),
        (" /CN=%uname%", "begins with a space", "/CN=%uname%"),
        ("CN=%uname%/O=Acme", "has '/O=' in the value of CN", "/CN=%uname%/O=Acme"),
        ("SN=%uname%,O=Acme", "which is the serial number to Cloud Extender and the surname to LDAP", ""),
        ("CN=%user%,O=Acme", "has the unknown variable %user%", ""),
        ("CN=%Last, First%", "has 'First%' without an attribute name", r"CN=%Last\, First%"),
        (r"CN=100\25", "has an unbalanced '%' at character 4", ""),
        ("%cn%=x,O=Acme", "has the unknown attribute '%cn%'", "CN"),
        ("CN=%uname%+UID=%udid%", "several attributes in one RDN", ""),
        ("CN=%uname%,C=germany", "has 'germany' as C", ""),
        ("%dn%", "is not a distinguished name", ""),
        ("/CN=", "the attribute CN without a value", ""),
        ("/CN", "the attribute CN without a value", ""),
        ("/CN=%uname%/", "ends with '/'", "/CN=%uname%"),
        ("/E=%email%", "emailAddress is IBM's name of it", "emailAddress"),
        ("/serialNumber=%imei%", "SN is IBM's name of it", "SN"),
        ("/%cn%=x", "has the unknown attribute '%cn%'", "CN"),
        ("/CN=%uname%+OU=%ou%", "has '+OU=' in the value of CN", ""),
        ("/CN=%user%", "has the unknown variable %user%", ""),
        ("/CN=%uname", "has an unbalanced '%' at character 5", ""),
        ("/CN=%upn%", "has %upn%, which is a wildcard of the portal", "%uname%@%domain%"),
        ("/CN=" + "x" * 65, "has 65 characters in CN", ""),
        ("/CN=" + "x" * 65 + "%uname%", "has a value of CN that cannot be valid, whatever its variables hold", ""),
        ("/C=germany", "has 'germany' as C", ""),
        ("/C=de", "has 'de' as C", "/C=DE"),
        ("/C=USA%Any%", "has a value of C that cannot be valid", ""),
        ("/C=d%Any%", "has a value of C that cannot be valid", ""),
        ("/SN=%imei%_1", "has a value of SN that cannot be valid", ""),
        ("/emailAddress=bob", "has an emailAddress 'bob' that has no '@'", ""),
        ("/emailAddress=a b%email%", "has a value of emailAddress that cannot be valid", ""),
        ("/CN=a\nb", "has a control character (U+000A) in it", ""),
    ],
)
def test_subject_refused(text: str, reason: str, suggestion: str) -> None:
    error = refusal(subject=text, custom_attributes=CUSTOM)
    assert error.option == "subject"
    assert reason in error.reason
    assert error.suggestion == suggestion
    assert error.value


@pytest.mark.parametrize(
    ("choice", "entries"),
    [
        ("none", []),
        ("upn", ["UPN:%uname%@%domain%"]),
        ("upn_and_email", ["UPN:%uname%@%domain%", "email:%email%"]),
    ],
)
def test_choices_of_the_wizard(choice: str, entries: list[str]) -> None:
    made = template(subject_alternative_name=choice)
    assert made.subject_alternative_name_other == ()
    assert [str(name) for name in entries_of(choice, ())] == entries


@pytest.mark.parametrize(
    ("entry", "canonical"),
    [
        ("upn:%uname%@%domain%", "UPN:%uname%@%domain%"),
        ("UPN:%Any%", "UPN:%Any%"),
        ("UPN:%uname%@corp.example", "UPN:%uname%@corp.example"),
        ("EMAIL:%email%", "email:%email%"),
        ("email:%uname%@%domain%", "email:%uname%@%domain%"),
        ("dns:%model%.devices.example", "DNS:%model%.devices.example"),
        ("DNS:*.%domain%", "DNS:*.%domain%"),
        ("DNS:%Any%", "DNS:%Any%"),
        ("ip:%Any%", "IP:%Any%"),
        ("IP:10.0.0.%Any%", "IP:10.0.0.%Any%"),
        ("IP:10.%Any%", "IP:10.%Any%"),
        ("IP:2001:db8::%Any%", "IP:2001:db8::%Any%"),
        ("IP:%Any%.%imei%.0.1", "IP:%Any%.%imei%.0.1"),
        ("uri:https://example.com/%udid%", "URI:https://example.com/%udid%"),
        ("URI:%Any%", "URI:%Any%"),
        ("URI:%Any%://example.com/%udid%?%csn%", "URI:%Any%://example.com/%udid%?%csn%"),
        ("URI:https://[%Any%]/", "URI:https://[%Any%]/"),
        ("URI:https://example.com/%%20", "URI:https://example.com/%%20"),
        ("rid:1.3.6.1.%Any%", "RID:1.3.6.1.%Any%"),
        ("RID:%Any%", "RID:%Any%"),
        ("sid:%Object Sid%", "SID:%Object Sid%"),
        ("SID:S-1-5-21-1-2-3-%Any%", "SID:S-1-5-21-1-2-3-%Any%"),
        ("SID:S-%Any%", "SID:S-%Any%"),
        ("dirname:/cn=%cn%/o=Acme", "dirName:/CN=%cn%/O=Acme"),
        ("dirName:%dn%", "dirName:%dn%"),
        ("dirName:CN=%cn%,O=Acme", "dirName:/O=Acme/CN=%cn%"),
        ("URI:tag:microsoft.com,2022-09-14:sid:%Object Sid%", "SID:%Object Sid%"),
        ("email:%uname%.%imei%.%model%.%sim%@%domain%", "email:%uname%.%imei%.%model%.%sim%@%domain%"),
        ("DNS:est.example.com", "DNS:est.example.com"),
    ],
)
def test_entry(entry: str, canonical: str) -> None:
    assert other(entry) == (canonical,)
    assert other(canonical) == (canonical,)


@pytest.mark.parametrize(
    ("entry", "reason", "suggestion"),
    [
        ("IP:300.1.1.1", "is not an IP address", ""),
        ("IP:300.1.1.%Any%", "cannot be valid, whatever its variables hold", ""),
        ("IP:%Any%x", "cannot be valid, whatever its variables hold", ""),
        ("IP:10.0.0.0/%Any%", "cannot be valid, whatever its variables hold", ""),
        ("UPN:bob", "is not a user principal name", ""),
        ("UPN:a b%uname%@%domain%", "cannot be valid, whatever its variables hold", ""),
        ("UPN:%uname%@@%domain%", "cannot be valid, whatever its variables hold", ""),
        ("email:%uname% <%email%>", "cannot be valid, whatever its variables hold", ""),
        ("email:bob", "has no '@'", ""),
        ("DNS:%model% x.example", "cannot be valid, whatever its variables hold", ""),
        ("DNS:a.*.%domain%", "cannot be valid, whatever its variables hold", ""),
        ("DNS:bücher.example", "A-label form", "DNS:xn--bcher-kva.example"),
        ("URI:example.com/%udid%", "cannot be valid, whatever its variables hold", ""),
        ("URI:https://a b/%udid%", "cannot be valid, whatever its variables hold", ""),
        ("RID:3.%Any%", "cannot be valid, whatever its variables hold", ""),
        ("SID:T-%Any%", "cannot be valid, whatever its variables hold", ""),
        ("SID:bob", "is not a security identifier", ""),
        ("dirName:CN=%cn%/O=x", "has '/O=' in the value of CN", "/CN=%cn%/O=x"),
        ("SID:S-1-5-21-%Any%-x", "cannot be valid, whatever its variables hold", ""),
        ("dirName:/C=USA%Any%", "has a value of C that cannot be valid", ""),
        ("dirName:/XX=%Any%", "has the unknown attribute 'XX'", ""),
        ("dirName:%dn%%cn%", "is not a distinguished name", ""),
        ("DNS:%upn%", "has %upn%, which is a wildcard of the portal", "%uname%@%domain%"),
        ("DNS:%Other%", "has the unknown variable %Other%", ""),
        ("DNS:%model", "has an unbalanced '%' at character 5", ""),
        ("%Any%:x", "has the unknown type '%Any%'", ""),
        ("%Any%", "has no type before a ':'", ""),
        ("bob@example.com", "has no type before a ':'", "email:bob@example.com"),
        ("rfc822Name:%email%", "has the unknown type 'rfc822Name'", "email:%email%"),
        ("DNS:", "has no value after 'DNS:'", ""),
        ("DNS: %model%", "has a space before or after its value", "DNS:%model%"),
        ("DNS:a\x07", "has a control character (U+0007) in it", ""),
    ],
)
def test_entry_refused(entry: str, reason: str, suggestion: str) -> None:
    error = other_refused("DNS:first.example", entry)
    assert error.option == "subject_alternative_name_other[1]"
    assert reason in error.reason
    assert error.suggestion == suggestion
    assert error.value
    if "cannot be valid" in reason:
        assert error.allowed


def test_an_entry_twice() -> None:
    assert str(other_refused("DNS:a.example", "dns:a.example")) == (
        "subject_alternative_name_other[1]: 'dns:a.example' is in the list twice (subject_alternative_name_other[0])."
    )


@pytest.mark.parametrize(
    "entries", [{}, {"subject_alternative_name_other": []}, {"subject_alternative_name_other": None}]
)
def test_other_without_entries(entries: dict[str, Any]) -> None:
    assert str(refusal(subject_alternative_name="other", **entries)) == (
        "subject_alternative_name_other: is missing, and subject_alternative_name is 'other'"
        " (allowed: a list of TYPE:value, TYPE one of UPN, email, DNS, IP, URI, RID, dirName, SID)."
    )


@pytest.mark.parametrize("choice", ["none", "upn", "upn_and_email", None])
def test_entries_without_other(choice: str | None) -> None:
    error = refusal(subject_alternative_name=choice, subject_alternative_name_other=["DNS:a", "DNS:b"])
    assert str(error) == (
        f"subject_alternative_name: '{choice or 'none'}' uses no entries, and subject_alternative_name_other has 2"
        " (allowed: 'other', or no subject_alternative_name_other). Did you mean 'other'?"
    )
