# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names and addresses, as people write them."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import ascii_host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("est.example.com", "est.example.com"),
        ("EST.Example.COM.", "est.example.com"),
        ("localhost", "localhost"),
        ("my_host.corp", "my_host.corp"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_hosts_have_one_spelling(text: str, expected: str) -> None:
    assert ascii_host(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "-a.example", "a-.example", "a b", "a/b", "x" * 64, ".".join(["x" * 60] * 5), "1.2.3",
     "300.1.1.1", "[192.0.2.1", "[est.example]", "fe80::1%eth0", "a:b",
     "*.example.com", "xn--\u00fc.example", "\u2014.example"],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ascii_host(text)
