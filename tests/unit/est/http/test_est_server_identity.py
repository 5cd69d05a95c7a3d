# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For whom a server's certificate speaks: RFC 9525, and RFC 7030 section 3.6."""

from __future__ import annotations

from typing import Any

import pytest
from support.tls_certificates import CMC_RA, SERVER_AUTH, authority, make

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.server_identity import authorize
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust

CA = authority()
EXPLICIT = Trust.explicit(CA.pem)
BOTH = pytest.mark.parametrize("trust", [EXPLICIT, Trust.system()], ids=["explicit", "system"])


def certificate(**options: Any) -> bytes:
    return make(options.pop("common_name", "server"), **options).der


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("est.example.com", "est.example.com"),
        ("EST.example.com.", "est.EXAMPLE.com"),
        ("est.example.com", "est.example.com."),
        ("est.example.com", "*.example.com"),
        ("xn--bcher-kva.example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
    ],
)
@BOTH
def test_req_022_matching_dns_names(host: str, name: str, trust: Trust) -> None:
    assert authorize(certificate(dns=["other.example", name]), host, trust) == "host_name"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("est.example.com", "example.com"),
        ("example.com", "est.example.com"),
        ("est.example.com", "*.est.example.com"),
        ("example.com", "*.example.com"),
        ("a.est.example.com", "*.example.com"),
        ("est.example.com", "e*.example.com"),
        ("est.example.com", "*t.example.com"),
        ("est.example.com", "est.*.com"),
        ("est.example.com", "*.*.com"),
        ("est.example.com", "*"),
        ("example.com", "*.com"),
        ("est.example.com", "est.example.com.evil.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "*.0.2.1"),
    ],
)
@BOTH
def test_req_022_req_025_req_026_other_dns_names_are_refused(host: str, name: str, trust: Trust) -> None:
    with pytest.raises(TransportError) as caught:
        authorize(certificate(dns=[name]), host, trust)
    assert caught.value.stage == "tls"
    assert f"is not for {host}: it is for {name}" in caught.value.reason


@BOTH
def test_req_022_the_common_name_does_not_count(trust: Trust) -> None:
    with pytest.raises(TransportError, match=r"its common name est.example.com does not count"):
        authorize(certificate(common_name="est.example.com"), "est.example.com", trust)
    with pytest.raises(TransportError, match=r"it is for other.example"):
        authorize(certificate(common_name="est.example.com", dns=["other.example"]), "est.example.com", trust)


@pytest.mark.parametrize(
    ("host", "address"),
    [("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1"), ("2001:DB8:0::1", "2001:db8::1")],
)
def test_req_022_addresses_are_matched_with_addresses(host: str, address: str) -> None:
    assert authorize(certificate(addresses=["198.51.100.7", address]), host, EXPLICIT) == "host_name"
    with pytest.raises(TransportError, match=r"it is for 198.51.100.7"):
        authorize(certificate(addresses=["198.51.100.7"]), host, EXPLICIT)


def test_req_024_with_explicit_anchors_cmc_ra_will_do() -> None:
    der = certificate(dns=["ra.example"], usages=[SERVER_AUTH, CMC_RA])
    assert authorize(der, "est.example.com", EXPLICIT) == "cmc_ra"
    assert authorize(der, "ra.example", EXPLICIT) == "host_name"


def test_req_025_with_system_trust_cmc_ra_does_not_replace_the_name() -> None:
    der = certificate(dns=["ra.example"], usages=[SERVER_AUTH, CMC_RA])
    with pytest.raises(TransportError, match=r"is not for est.example.com"):
        authorize(der, "est.example.com", Trust.system())
    assert authorize(der, "ra.example", Trust.system()) == "host_name"


def test_req_026_with_explicit_anchors_neither_name_nor_cmc_ra_is_refused() -> None:
    with pytest.raises(TransportError, match=r"is not for est.example.com"):
        authorize(certificate(dns=["ra.example"], usages=[SERVER_AUTH]), "est.example.com", EXPLICIT)


def test_the_error_lists_some_names_and_how_many_more() -> None:
    names = [f"host{number}.example" for number in range(40)]
    with pytest.raises(TransportError) as caught:
        authorize(certificate(dns=names, addresses=["192.0.2.1"]), "est.example.com", EXPLICIT)
    assert caught.value.reason.endswith("host4.example and 36 more")


def test_names_in_the_error_are_cleaned_and_cut() -> None:
    with pytest.raises(TransportError) as caught:
        authorize(certificate(dns=["a\x1b[31m\n" + "x" * 5000]), "est.example.com", EXPLICIT)
    assert "a?[31m?xxx" in caught.value.reason
    assert len(caught.value.reason) < 200


def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(TransportError, match="what it is for cannot be read"):
        authorize(b"\x30\x03\x02\x01\x00", "est.example.com", EXPLICIT)
