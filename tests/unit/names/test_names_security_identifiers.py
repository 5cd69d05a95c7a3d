# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security identifiers, and the URI of Microsoft's strong certificate mapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.properties import steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    GeneralName,
    held_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.identifiers import (
    SID_URI_PREFIX,
    check_sid,
    check_sid_uri,
    is_sid,
)

SID = "S-1-5-21-1004336348-1177238915-682003330-512"


def held_in_uri(uri: str) -> GeneralName | None:
    return held_general_name("uniformResourceIdentifier", uri)


@pytest.mark.parametrize(
    "sid",
    [
        SID,
        "S-1-1-0",
        "S-1-5-21-0-0-0-0",
        "S-1-5-21-4294967295-4294967295-4294967295-4294967295",
        "S-1-12-1-1-2-3-4",  # Microsoft Entra ID
        "S-1-4294967295-1",
        "S-1-0x000100000000-1",
        "S-1-0xFFFFFFFFFFFF-1",
        "S-1-5" + "-1" * 15,
    ],
)
def test_a_security_identifier_is_the_same_as_uri_and_back(sid: str) -> None:
    check_sid(sid)
    check_sid_uri(SID_URI_PREFIX + sid)
    assert held_in_uri(SID_URI_PREFIX + sid) == GeneralName("SID", sid)


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("", "is not a security identifier", ""),
        ("S-1-5", "is not a security identifier", ""),
        ("S-2-5-21-1-2-3-4", "is not a security identifier", ""),
        ("S-1-5-21-1-2-3-04", "is not a security identifier", ""),
        ("S-1-05-21-1-2-3-4", "is not a security identifier", ""),
        ("S-1-5-21-1-2-3--4", "is not a security identifier", ""),
        ("S-1-5-21-1-2-3-x", "is not a security identifier", ""),
        ("S-1-5-21-1-2-3-٤", "is not a security identifier", ""),
        ("S-1-5" + "-1" * 16, "is not a security identifier", ""),
        (SID + "\n", "is not a security identifier", SID),
        (f" {SID}", "is not a security identifier", SID),
        (SID.lower(), "is not a security identifier", SID),
        (f"{SID_URI_PREFIX}{SID}", "is not a security identifier", SID),
        ("S-1-5-21-1-2-3-4294967296", "has the number 4294967296", ""),
        ("S-1-4294967296-1", "has the number 4294967296", ""),
        ("S-1-0x000000000005-21-1-2-3-4", "has the authority 0x000000000005", "S-1-5-21-1-2-3-4"),
        ("S-1-0x5-21-1-2-3-4", "is not a security identifier", ""),
        ("S-1-5-21-1-2-3", "has 3 numbers after S-1-5-21", ""),
        ("S-1-5-21-1-2-3-4-5", "has 5 numbers after S-1-5-21", ""),
    ],
)
def test_refused(text: str, reason: str, suggestion: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        check_sid(text)
    assert caught.value.reason == reason
    assert caught.value.suggestion == suggestion
    assert caught.value.allowed
    assert not is_sid(text)
    assert held_in_uri(SID_URI_PREFIX + text) == GeneralName("URI", SID_URI_PREFIX + text)


@pytest.mark.parametrize(
    ("uri", "suggestion"),
    [
        (SID_URI_PREFIX.upper() + SID, SID_URI_PREFIX + SID),
        (SID_URI_PREFIX.replace("sid", "SID") + SID, SID_URI_PREFIX + SID),
        (SID_URI_PREFIX.upper() + "x", ""),
        (SID_URI_PREFIX + "x", ""),
        (SID_URI_PREFIX, ""),
    ],
)
def test_a_uri_that_only_looks_like_strong_mapping_is_refused(uri: str, suggestion: str) -> None:
    assert held_in_uri(uri) == GeneralName("URI", uri)
    with pytest.raises(NameSyntaxError) as caught:
        check_sid_uri(uri)
    assert caught.value.suggestion == suggestion
    assert SID_URI_PREFIX in caught.value.allowed


def test_an_ordinary_uri_is_none_of_its_business() -> None:
    for uri in ("", "https://example.com/x", "tag:microsoft.com,2022-09-14:other:x"):
        check_sid_uri(uri)
        assert held_in_uri(uri) == GeneralName("URI", uri)


@steady
@given(st.text(alphabet=st.sampled_from("S-10x5249673 s"), max_size=30))
def test_any_text_is_one_or_refused(text: str) -> None:
    try:
        check_sid(text)
    except NameSyntaxError as exc:
        assert exc.allowed
        assert not exc.suggestion or is_sid(exc.suggestion)
    else:
        assert held_in_uri(SID_URI_PREFIX + text) == GeneralName("SID", text)
