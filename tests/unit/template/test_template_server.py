# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which EST server a template asks: host, port, CA label, proxy."""

from __future__ import annotations

from typing import Any

import pytest
from support.templates import refusal, template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl

LONG_LABEL = "a" * 64


def endpoint(**options: Any) -> tuple[str, int, str | None]:
    made = template(**options)
    return made.server, made.port, made.label


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("est.example.com", "est.example.com"),
        ("EST.Example.COM", "est.example.com"),
        ("est.example.com.", "est.example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::1", "::1"),
        ("https://est.example.com", "est.example.com"),
        ("HTTPS://EST.example.com/", "est.example.com"),
        ("https://192.0.2.1/", "192.0.2.1"),
        ("https://[2001:db8::1]", "2001:db8::1"),
        ("https://[::1]/.well-known/est/", "::1"),
        ("est_1.example.com", "est_1.example.com"),
        ("https://EST._Sites.corp_x", "est._sites.corp_x"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("https://bücher.example./", "xn--bcher-kva.example"),
    ],
)
def test_server(server: str, host: str) -> None:
    assert endpoint(server=server) == (host, 443, None)


@pytest.mark.parametrize(
    "options",
    [
        {"server": "https://est.example.com:8443/.well-known/est/devices"},
        {"server": "https://est.example.com:8443/.well-known/est/devices/"},
        {"server": "https://est.example.com:8443", "label": "devices"},
        {"server": "https://est.example.com", "port": 8443, "label": "devices"},
        {"server": "est.example.com:8443", "label": "devices"},
        {"server": "est.example.com", "port": 8443, "label": "devices"},
        {"server": "https://est.example.com:8443/.well-known/est/devices", "port": 8443, "label": "devices"},
    ],
)
def test_req_005_every_way_to_write_the_server(options: dict[str, Any]) -> None:
    assert endpoint(**options) == ("est.example.com", 8443, "devices")


@pytest.mark.parametrize("server", ["https://[::1]:8443/", "[::1]:8443"])
def test_ipv6_with_port(server: str) -> None:
    assert endpoint(server=server) == ("::1", 8443, None)


def test_label_of_a_url_is_percent_decoded() -> None:
    assert endpoint(server="https://a/.well-known/est/My%20CA")[2] == "My CA"


@pytest.mark.parametrize("port", [1, 443, 65535])
def test_port(port: int) -> None:
    assert endpoint(port=port)[1] == port


@pytest.mark.parametrize("port", [0, -1, 65536, 70000, 99999999])
def test_port_out_of_range(port: int) -> None:
    assert str(refusal(port=port)) == f"port: {port} is not a port (allowed: 1 to 65535)."


@pytest.mark.parametrize("server", ["http://est.example.com", "HTTP://est.example.com:80/x", "http://"])
def test_req_009_http_is_refused(server: str) -> None:
    error = refusal(server=server)
    assert error.option == "server"
    assert error.reason == "is not encrypted: EST needs HTTPS (RFC 7030 section 3.3)"
    assert error.value == f"'{server}'"
    assert error.suggestion == "https" + server[4:]


@pytest.mark.parametrize(
    ("server", "reason", "suggestion"),
    [
        ("ftp://est.example.com", "is not an https URL", "https://est.example.com"),
        ("htps://est.example.com", "is not an https URL", "https://est.example.com"),
        ("://est.example.com", "is not a URL", ""),
        ("https://", "has no host name", ""),
        ("https://:8443", "has no host name", ""),
        ("https://est.example.com?x=1", "has a query ('?x=1')", "https://est.example.com"),
        ("https://est.example.com/#x", "has a fragment ('#x')", "https://est.example.com/"),
        ("https://est.example.com//est", "has the path '//est'", ""),
        ("https://est.example.com/a//b", "has the path '/a//b'", ""),
        ("https://est.example.com/a/../est", "has the path '/a/../est', which may mean another one", ""),
        ("https://est.example.com/a/%2E%2e/est", "which may mean another one", ""),
        ("https://est.example.com/a%2/est", "which may mean another one", ""),
        ("https://a/v1/pki/est/cacerts", "ends with the EST operation cacerts", "https://a/v1/pki/est"),
        ("https://a/.well-known/est/x/cacerts/", "ends with the EST operation", "https://a/.well-known/est/x"),
        ("https://est.example.com/.well-known/", "has the path '/.well-known/'", ""),
        ("https://est.example.com/.well-known/estx", "has the path '/.well-known/estx'", ""),
        ("https://est.example.com/.well-known/est//", "has the path '/.well-known/est//'", ""),
        ("https://est.example.com/.well-known/est/..", "which may mean another one", ""),
        ("https://est.example.com/.well-known/est/a%2Fb", "a CA label that is not one segment", ""),
        ("https://est.example.com/.well-known/est/a%0Ab", "a CA label that has a control character (U+000A)", ""),
        ("https://est.example.com/.well-known/est/%20a", "a CA label that begins or ends with a space", ""),
        ("https://a/.well-known/est/simpleenroll", "ends with the EST operation simpleenroll", "https://a"),
        ("https://est.example.com:0", "has 0 as port", ""),
        ("https://est.example.com:65536/", "has 65536 as port", ""),
        ("https://est.example.com:", "has a colon without a port", ""),
        ("est.example.com:70000", "has 70000 as port", ""),
        ("est.example.com:x", "has 'x' as port", ""),
        ("https://est.example.com:8x/", "has '8x' as port", ""),
        ("[::1]:99999999999999", "has 99999999999999 as port", ""),
        ("est.example.com/devices", "has a path but no https://", "https://est.example.com/devices"),
        ("est example.com", "has the label 'est example'", ""),
        ("-est.example.com", "has the label '-est'", ""),
        ("est..example.com", "has an empty label", "est.example.com"),
        ("https://est..example.com/", "has an empty label", "https://est.example.com/"),
        (f"{LONG_LABEL}.example", "has a label of 64 characters", ""),
        ("bü_cher.example", "has letters outside ASCII", ""),
        ("https://bü cher.example", "has letters outside ASCII", ""),
        ("192.0.2", "has no valid IP address", ""),
        ("192.0.2.256", "has no valid IP address", ""),
        ("2001:db8::zz", "has no valid IP address", ""),
        ("fe80::1%eth0", "has no valid IP address", ""),
        ("[192.0.2.1]", "has brackets around no IPv6 address", ""),
        ("[::1", "has brackets around no IPv6 address", ""),
        ("https://[::1]x", "has brackets around no IPv6 address", ""),
        ("est.example.123", "ends in a number", ""),
        (r"\\est\share", r"has the label '\\est\share'", ""),
        ("   ", "has only spaces in it", ""),
        (" est.example.com", "begins or ends with a space", "est.example.com"),
        ("est.example.com\n", "has a control character (U+000A)", ""),
        ("est\u200b.example.com", "has a control character (U+200B)", ""),
    ],
)
def test_server_refused(server: str, reason: str, suggestion: str) -> None:
    error = refusal(server=server)
    assert error.option == "server"
    assert reason in error.reason
    assert error.suggestion == suggestion
    assert error.value
    assert error.allowed or error.suggestion


@pytest.mark.parametrize(
    "server",
    [
        "https://bob:canary@est.example.com",
        "https://canary@est.example.com",
        "http://bob:canary@est.example.com",
        "bob:canary@est.example.com",
        "https://bob:can?ary@est.example.com",
        "https://bob:can#ary@est.example.com",
        "https://bob:can/ary@est.example.com",
        "https://bob:can@ary@est.example.com",
        "canary://x@est.example.com",
        "https://bob:canary@est.example.com\n",
    ],
)
def test_credentials_in_a_server_are_refused_and_not_shown(server: str) -> None:
    message = str(refusal(server=server))
    assert message.startswith("server: '")
    assert "has a user name or password before the '@'; give them as username and password" in message
    assert "***@est.example.com" in message
    assert "can" not in message
    assert "bob" not in message


def test_a_port_that_contradicts_the_server() -> None:
    assert str(refusal(server="https://est.example.com:8443", port=443)) == (
        "port: 443 contradicts the port 8443 of server 'https://est.example.com:8443' (allowed: one of the two)."
    )


def test_a_label_that_contradicts_the_server() -> None:
    assert str(refusal(server="https://a/.well-known/est/x", label="y")) == (
        "label: 'y' contradicts the label 'x' of server 'https://a/.well-known/est/x' (allowed: one of the two)."
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"server": "https://a/v1/pki/est"}, ("/v1/pki/est", None)),
        ({"server": "https://a/v1/pki/est/"}, ("/v1/pki/est", None)),
        ({"server": "https://a/v1/pki/est", "label": "lab"}, ("/v1/pki/est", "lab")),
        ({"server": "a", "base_path": "/v1/pki/est", "label": "lab"}, ("/v1/pki/est", "lab")),
        ({"server": "https://a/v1/pki/est", "base_path": "/v1/pki/est/"}, ("/v1/pki/est", None)),
        ({"server": "https://a/.well-known/est/domain/~profile"}, ("/.well-known/est/domain", "~profile")),
        ({"server": "https://a/.well-known/est/domain/tls", "label": "tls"}, ("/.well-known/est/domain", "tls")),
        ({"server": "a", "base_path": "/.well-known/est/domain", "label": "tls"}, ("/.well-known/est/domain", "tls")),
        ({"server": "https://a/proxy/.well-known/est"}, ("/proxy/.well-known/est", None)),
        ({"server": "https://a/proxy/.well-known/est/lab"}, ("/proxy/.well-known/est", "lab")),
        ({"server": "https://a/.well-known/est/lab", "base_path": "/.well-known/est"}, (None, "lab")),
        ({"server": "a", "base_path": "/.well-known/est/"}, (None, None)),
        ({"server": "a", "base_path": "/my pki/ü/a:b@c"}, ("/my%20pki/%C3%BC/a:b@c", None)),
    ],
)
def test_base_path(options: dict[str, Any], found: tuple[str | None, str | None]) -> None:
    made = template(**options)
    assert (made.base_path, made.label) == found
    again = template(server=made.server, port=made.port, label=made.label, base_path=made.base_path)
    assert again == made


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({"base_path": "v1/pki/est"}, "base_path", "has the path 'v1/pki/est', which is none"),
        ({"base_path": "/"}, "base_path", "has the path '/', which is none"),
        ({"base_path": "/a?b"}, "base_path", "has the path '/a?b', which is none"),
        ({"base_path": "/a\\b"}, "base_path", "which is none"),
        ({"base_path": "/a/./b"}, "base_path", "which may mean another one"),
        ({"base_path": "/100%"}, "base_path", "which may mean another one"),
        ({"base_path": "/a\nb"}, "base_path", "has a control character (U+000A) in its path"),
        ({"base_path": "/a/csrattrs"}, "base_path", "ends with the EST operation csrattrs"),
        ({"server": "https://a/x", "base_path": "/y"}, "base_path", "contradicts the base path '/x' of server"),
        (
            {"server": "https://a/.well-known/est/l", "base_path": "/y"},
            "base_path",
            "contradicts the base path '/.well-known/est' of server",
        ),
    ],
)
def test_a_base_path_that_cannot_be_used(options: dict[str, Any], option: str, reason: str) -> None:
    error = refusal(**options)
    assert error.option == option
    assert reason in error.reason
    assert error.allowed


@pytest.mark.parametrize(
    "options",
    [
        {"server": "my_est.corp_1"},
        {"server": "bücher.example"},
        {"server": "https://a:8443/v1/pki/est", "label": "a:b"},
        {"server": "https://a/.well-known/est/d/p"},
        {"server": "a", "label": "a\\b"},
        {"server": "a", "label": " x"},
        {"server": "https://a/.well-known/est/simpleenroll"},
        {"server": "-a.example"},
        {"server": "a..example"},
        {"server": "http://a"},
        {"server": "https://a/a@b"},
    ],
)
def test_the_client_takes_what_a_template_takes_and_nothing_else(options: dict[str, Any]) -> None:
    try:
        url = EstUrl.build(**options)
    except EstError as error:
        assert refusal(**options).reason in error.reason
    else:
        made = template(**options)
        assert EstUrl.build(made.server, made.port, made.label, made.base_path) == url
        assert f"{url.base}/".startswith(f"{made.address}/") or made.base_path is None


def test_the_address_of_a_template_tells_servers_apart() -> None:
    assert template(server="::1", label="x").address == "https://[::1]:443"
    assert template(server="https://a/v1/pki/est", label="x").address == "https://a:443/v1/pki/est"


@pytest.mark.parametrize("label", ["devices", "My CA", "ü", "a.b", "a?b#c", "100%"])
def test_label(label: str) -> None:
    assert endpoint(label=label)[2] == label


@pytest.mark.parametrize("label", ["cacerts", "csrattrs", "simpleenroll"])
def test_req_007_a_label_named_as_an_operation_is_not_refused(label: str) -> None:
    assert endpoint(label=label)[2] == label


@pytest.mark.parametrize("label", ["a/b", "/a", "a/", "/", "a\\b", ".", ".."])
def test_req_006_req_008_label_is_one_segment(label: str) -> None:
    error = refusal(label=label)
    assert error.option == "label"
    assert error.reason == "is not one segment of a path"
    assert "without '/'" in error.allowed


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (" a", "begins or ends with a space"),
        ("  ", "begins or ends with a space"),
        ("a\x00", "has a control character (U+0000) in it"),
        ("a\nb", "has a control character (U+000A) in it"),
    ],
)
def test_label_refused(label: str, reason: str) -> None:
    error = refusal(label=label)
    assert (error.option, error.reason) == ("label", reason)


@pytest.mark.parametrize(
    ("proxy", "canonical"),
    [
        ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("HTTP://Proxy.example.com:3128/", "http://proxy.example.com:3128"),
        ("http://192.0.2.1:80", "http://192.0.2.1:80"),
        ("http://[2001:DB8::1]:80", "http://[2001:db8::1]:80"),
        (None, None),
    ],
)
def test_proxy(proxy: str | None, canonical: str | None) -> None:
    assert template(proxy=proxy).proxy == canonical


@pytest.mark.parametrize(
    ("proxy", "reason", "suggestion"),
    [
        ("proxy.example.com:3128", "is not the URL of a proxy", "http://proxy.example.com:3128"),
        ("proxy.example.com", "is not the URL of a proxy", ""),
        ("https://proxy.example.com:3128", "has the scheme https", "http://proxy.example.com:3128"),
        ("socks5://proxy.example.com:1080", "has the scheme socks5", "http://proxy.example.com:1080"),
        ("http://proxy.example.com", "has no port", ""),
        ("http://proxy.example.com:0", "has 0 as port", ""),
        ("http://proxy.example.com:x", "has 'x' as port", ""),
        ("http://:3128", "has no host name", ""),
        ("http://proxy:3128/x", "has something after the port", "http://proxy:3128"),
        ("http://proxy:3128?x", "has something after the port", "http://proxy:3128"),
        ("http://pro xy:3128", "has the label 'pro xy'", ""),
        (" http://proxy:3128", "begins or ends with a space", "http://proxy:3128"),
    ],
)
def test_proxy_refused(proxy: str, reason: str, suggestion: str) -> None:
    error = refusal(proxy=proxy)
    assert error.option == "proxy"
    assert reason in error.reason
    assert error.suggestion == suggestion
    assert proxy in error.value


@pytest.mark.parametrize("proxy", ["http://bob:canary@proxy:3128", "http://canary@proxy:1", "bob:canary@proxy:3128"])
def test_credentials_in_a_proxy_are_refused_and_not_shown(proxy: str) -> None:
    message = str(refusal(proxy=proxy))
    assert message.startswith("proxy: '")
    assert "has a user name or password before the '@'" in message
    assert "canary" not in message
    assert "bob" not in message
