# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attributes of a subject may hold: the upper bounds of RFC 5280 appendix A.1, and their characters."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_OIDS,
    SubjectAttribute,
    check_attribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError

UPPER_BOUNDS = {
    "CN": 64,
    "L": 128,
    "ST": 128,
    "O": 64,
    "OU": 64,
    "G": 32768,
    "S": 32768,
    "I": 32768,
    "UID": 256,
    "SN": 64,
    "T": 64,
    "D": 1024,
    "DC": 63,
}


def check(name: str, value: str) -> None:
    check_attribute(SubjectAttribute(ATTRIBUTE_OIDS.get(name, name), value))


def test_every_attribute_has_a_bound() -> None:
    assert set(UPPER_BOUNDS) | {"C", "emailAddress"} == set(ATTRIBUTE_OIDS)


@pytest.mark.parametrize(("name", "bound"), UPPER_BOUNDS.items())
def test_upper_bound(name: str, bound: int) -> None:
    check(name, "x" * bound)
    with pytest.raises(NameSyntaxError) as caught:
        check(name, "x" * (bound + 1))
    assert str(caught.value) == f"has {bound + 1} characters in {name} (allowed: at most {bound})"


def test_upper_bound_of_an_email_address() -> None:
    domain = ".".join(["a" * 60] * 3) + ".example"
    check("emailAddress", "b" * (255 - 1 - len(domain)) + "@" + domain)
    with pytest.raises(NameSyntaxError, match="has 256 characters in emailAddress"):
        check("emailAddress", "b" * (256 - 1 - len(domain)) + "@" + domain)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("C", "DE"),
        ("SN", "A-1 (2)+3,.:=?/'"),
        ("DC", "example"),
        ("CN", "Łukasz"),
        ("2.5.4.97", "any thing"),
        ("O", "a\u200db"),
    ],
)
def test_valid(name: str, value: str) -> None:
    check(name, value)


@pytest.mark.parametrize(
    ("name", "value", "reason", "suggestion"),
    [
        ("C", "de", "has 'de' as C", "/C=DE"),
        ("C", "DEU", "has 'DEU' as C", ""),
        ("C", "D", "has 'D' as C", ""),
        ("C", "Germany", "has 'Germany' as C", ""),
        ("SN", "a_b", "has 'a_b' as SN", ""),
        ("SN", "ü", "has 'ü' as SN", ""),
        ("DC", "bücher", "has 'bücher' as DC", ""),
        ("emailAddress", "bob", "has an emailAddress 'bob' that has no '@'", ""),
        ("emailAddress", "b@bücher.example", "outside ASCII", "/emailAddress=b@xn--bcher-kva.example"),
        ("CN", "", "the attribute CN without a value", ""),
        ("CN", " a", "begins or ends with a space", ""),
        ("CN", "a\u00a0", "begins or ends with a space", ""),
        ("CN", "a\tb", "control character (U+0009) in the value of CN", ""),
        ("CN", "a\u200bb", "control character (U+200B) in the value of CN", ""),
        ("2.5.4.97", "", "the attribute 2.5.4.97 without a value", ""),
        ("2.5.4.97", "x" * 32769, "has 32769 characters in 2.5.4.97", ""),
        ("2.5.4.45", "x", "which is a BIT STRING and holds no text", ""),
        ("2.5.4.46", "a_b", "has 'a_b' as 2.5.4.46", ""),
        ("1.3.6.1.4.1.311.60.2.1.3", "us", "has 'us' as", "/1.3.6.1.4.1.311.60.2.1.3=US"),
        ("C", "ß", "has 'ß' as C", ""),
        ("emailAddress", "łu@example.com", "outside ASCII before the '@'", ""),
        ("emailAddress", "łu@bücher.example", "outside ASCII before the '@'", ""),
        ("CN", "a\ud800", "control character (U+D800)", ""),
    ],
)
def test_refused(name: str, value: str, reason: str, suggestion: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        check(name, value)
    assert reason in caught.value.reason
    assert caught.value.suggestion == suggestion
