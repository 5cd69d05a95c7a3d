# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL of a server, its label and its operations."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import quote
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import OPERATIONS, EstUrl


def test_req_005_all_three_ways_build_the_same_url() -> None:
    expected = "https://est.example.com:8443/.well-known/est/lab/simpleenroll"
    built = [
        EstUrl.build("https://est.example.com:8443/.well-known/est/lab"),
        EstUrl.build("est.example.com:8443", label="lab"),
        EstUrl.build("est.example.com", port=8443, label="lab"),
        EstUrl.build("est.example.com", port="8443", label="lab"),
        EstUrl.build("https://est.example.com/.well-known/est/lab/", port=8443, label="lab"),
        EstUrl.build("https://EST.example.com.:8443", port=8443, label="lab"),
    ]
    assert {url.operation("simpleenroll") for url in built} == {expected}


def test_req_006_the_url_is_base_and_one_label_at_most_and_operation() -> None:
    assert EstUrl.build("est.example.com").base == "https://est.example.com:443/.well-known/est"
    assert EstUrl.build("est.example.com").operation("cacerts").endswith("/.well-known/est/cacerts")
    assert EstUrl.build("https://est.example.com/.well-known/est/").label is None
    with pytest.raises(InputError, match="ends with the EST operation cacerts"):
        EstUrl.build("https://est.example.com/.well-known/est/lab/cacerts")


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ({"server": "https://vault:8200/v1/pki/est"}, "https://vault:8200/v1/pki/est"),
        ({"server": "https://vault:8200/v1/pki/est", "label": "a:b"}, "https://vault:8200/v1/pki/est/a:b"),
        ({"server": "vault", "base_path": "/v1/ns1/pki_int/est"}, "https://vault:443/v1/ns1/pki_int/est"),
        ({"server": "https://tp/.well-known/est/domain/~tls"}, "https://tp:443/.well-known/est/domain/~tls"),
        ({"server": "tp", "base_path": "/.well-known/est/domain", "label": "~tls"},
         "https://tp:443/.well-known/est/domain/~tls"),
        ({"server": "https://proxy/pre/fix/.well-known/est/lab/"}, "https://proxy:443/pre/fix/.well-known/est/lab"),
    ],
)  # fmt: skip
def test_req_006_another_base_path_stands_in_place_of_the_well_known_one(options: dict[str, str], base: str) -> None:
    url = EstUrl.build(**options)  # type: ignore[arg-type]
    assert url.base == base
    assert url.operation("cacerts") == f"{base}/cacerts"
    assert EstUrl.build(base).base == base


def test_operation_takes_only_est_operations() -> None:
    with pytest.raises(ValueError, match="not an EST operation"):
        EstUrl.build("est.example.com").operation("index.html")


@pytest.mark.parametrize("label", OPERATIONS)
def test_req_007_a_label_with_the_name_of_an_operation_is_warned_of(label: str) -> None:
    url = EstUrl.build("est.example.com", label=label)
    assert label in url.warnings[0]
    assert url.operation("cacerts").endswith(f"/.well-known/est/{label}/cacerts")
    assert EstUrl.build("est.example.com", label="lab").warnings == ()


@pytest.mark.parametrize(
    ("label", "segment"),
    [
        ("my ca", "my%20ca"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("CA~1_x.y-z", "CA~1_x.y-z"),
        ("Züri", "Z%C3%BCri"),
        ("urn:ca:1", "urn:ca:1"),
        ("a!$&'()*+,;=b", "a!$&'()*+,;=b"),
    ],
)
def test_req_008_the_label_is_encoded_as_one_segment(label: str, segment: str) -> None:
    url = EstUrl.build("est.example.com", label=label)
    assert url.base == f"https://est.example.com:443/.well-known/est/{segment}"
    # ... and is taken out of a whole URL the same way.
    assert EstUrl.build(url.base) == url


def test_req_008_a_label_keeps_what_may_stand_in_a_segment() -> None:
    assert EstUrl.build("est.example.com", label="a:b@c").base.endswith("/a:b@c")
    # In a URL it may be a password that stands before an @.
    with pytest.raises(InputError, match="user name or password") as caught:
        EstUrl.build("https://est.example.com/.well-known/est/a:b@c")
    assert "%40" in caught.value.hint
    assert EstUrl.build("https://est.example.com/.well-known/est/a:b%40c").label == "a:b@c"


@pytest.mark.parametrize("label", ["a/b", "a\\b", "/", " ", "\t", "a\nb", ".", "..", "\x7f", "\udcff"])
def test_req_008_a_label_that_is_no_segment_is_refused(label: str) -> None:
    with pytest.raises(InputError) as caught:
        EstUrl.build("est.example.com", label=label)
    assert f"label is {quote(label)}, which" in caught.value.reason


@pytest.mark.parametrize("path", ["lab%2Fother", "%FF", "..", "%2e%2e"])
def test_req_008_a_label_in_a_url_is_held_to_the_same_rules(path: str) -> None:
    with pytest.raises(InputError, match=r"server is .*(CA label|may mean another one)"):
        EstUrl.build(f"https://est.example.com/.well-known/est/{path}")


@pytest.mark.parametrize(
    "server", ["http://est.example.com", "HTTP://est.example.com", "ftp://est.example.com", "://x"]
)
def test_req_009_anything_but_https_is_refused(server: str) -> None:
    with pytest.raises(InputError, match=r"needs HTTPS|not an https URL|not a URL"):
        EstUrl.build(server)


@pytest.mark.parametrize(
    ("server", "host", "authority"),
    [
        ("[2001:db8::1]", "2001:db8::1", "[2001:db8::1]:443"),
        ("[2001:db8::1]:8443", "2001:db8::1", "[2001:db8::1]:8443"),
        ("https://[2001:DB8::1]:8443", "2001:db8::1", "[2001:db8::1]:8443"),
        ("2001:db8::1", "2001:db8::1", "[2001:db8::1]:443"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1:443"),
        ("bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example:443"),
        ("faß.example", "xn--fa-hia.example", "xn--fa-hia.example:443"),
        ("my_est._sites.corp_1", "my_est._sites.corp_1", "my_est._sites.corp_1:443"),
    ],
)
def test_addresses_and_international_names(server: str, host: str, authority: str) -> None:
    url = EstUrl.build(server)
    assert (url.host, url.authority) == (host, authority)


@pytest.mark.parametrize(
    "server",
    ["", " ", " est.example.com", "est.example.com\n", "est example.com", "est.example.com/path", "https://", "https:///x",
     "https://user:secret@est.example.com", "https://est.example.com/?a=b", "https://est.example.com/#a", "a:b:c",
     "https://[::1", "[::1]8443", "[::1]x", "est.example.com:0", "est.example.com:65536", "est.example.com:https",
     "https://est.example.com:99999"],
)  # fmt: skip
def test_wrong_servers_are_refused_in_words(server: str) -> None:
    with pytest.raises(InputError) as caught:
        EstUrl.build(server)
    assert caught.value.reason.startswith(("server", "port is"))
    assert "secret" not in caught.value.reason + caught.value.hint


@pytest.mark.parametrize("port", [0, -1, 65536, "", "x", "8443 ", "٨٤٤٣", "1" * 30, True, 443.5])
def test_wrong_ports_are_refused(port: object) -> None:
    with pytest.raises(InputError, match=r"port is .*(from 1 to 65535|not a port)"):
        EstUrl.build("est.example.com", port=port)  # type: ignore[arg-type]


@pytest.mark.parametrize("server", ["https://est.example.com:443/", "est.example.com:443"])
def test_a_port_that_contradicts_the_server_is_refused(server: str) -> None:
    with pytest.raises(InputError, match=r"port is 8443, which contradicts the port 443 of server"):
        EstUrl.build(server, port=8443)


def test_a_label_that_contradicts_the_server_is_refused() -> None:
    with pytest.raises(InputError, match="label is 'b', which contradicts the label 'a' of server"):
        EstUrl.build("https://est.example.com/.well-known/est/a", label="b")


def test_an_empty_label_is_none() -> None:
    assert EstUrl.build("est.example.com", label="") == EstUrl.build("est.example.com")
