# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which EST server a template asks, through which proxy, and how it authenticates there."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._names.addresses import check_host_name, is_host_name
from .._names.errors import NameSyntaxError, find_unprintable
from .errors import TemplateError, from_name_error, show
from .names import check_path, check_text

# ----------------------------------------------------------------------------------------------------------------------
# How a template authenticates to the EST server: HTTP Basic, a TLS client certificate, or both.


def check_password_given(username: str | None, password: str | None) -> None:
    """Refuse a user name without a password, and a password without a user name (which may be empty).

    :raises TemplateError: naming the option that is missing. The password is never shown.
    """
    if username is not None and password is None:
        raise TemplateError("password", "is missing, and username is given", allowed="both, or neither of them")
    if password is not None and username is None:
        raise TemplateError(
            "username",
            "is missing, and password is given",
            allowed="both; username: '' for a server that knows no user names",
        )


def check_basic(username: str | None, password: str | None) -> None:
    """Refuse what HTTP Basic cannot carry (RFC 7617 section 2): control characters, a colon in the user name.

    :raises TemplateError: naming the option. The password is never shown.
    """
    if username:
        unprintable = find_unprintable(username)
        if unprintable:
            raise TemplateError("username", f"has a control character ({unprintable}) in it", value=show(username))
        if ":" in username:
            raise TemplateError(
                "username", "has a colon in it, which HTTP Basic cannot carry (RFC 7617)", value=show(username)
            )
    _check_secret("password", password)


def check_client_certificate(certificate_path: str | None, key_path: str | None, passphrase: str | None) -> None:
    """Refuse half a TLS client certificate, a path that is not absolute, and a passphrase for no key.

    :raises TemplateError: naming the option. The passphrase is never shown.
    """
    if certificate_path is not None:
        check_path("client_certificate_path", certificate_path)
    if key_path is not None:
        check_path("client_key_path", key_path)
    if certificate_path is not None and key_path is None:
        raise TemplateError(
            "client_key_path", "is missing, and client_certificate_path is given", allowed="both, or neither"
        )
    if key_path is not None and certificate_path is None:
        raise TemplateError(
            "client_certificate_path", "is missing, and client_key_path is given", allowed="both, or neither"
        )
    if passphrase is not None and key_path is None:
        raise TemplateError(
            "client_key_passphrase", "is given, and client_key_path is not", allowed="with client_key_path only"
        )
    _check_secret("client_key_passphrase", passphrase)


def _check_secret(option: str, secret: str | None) -> None:
    unprintable = find_unprintable(secret) if secret else ""
    if unprintable in ("U+000A", "U+000D"):
        raise TemplateError(
            option,
            "has a line end in it",
            allowed="one line without control characters; | trim helps for a value read from a file",
        )
    if unprintable:
        raise TemplateError(option, f"has a control character ({unprintable}) in it", allowed="printable characters")


# ----------------------------------------------------------------------------------------------------------------------

DEFAULT_PORT = 443

_ALLOWED = "a host name, an IP address, or https://host[:port][/.well-known/est[/label]]"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)(/[^?#]*)?(\?[^#]*)?(#.*)?\Z")
_PORT_SUFFIX = re.compile(r"(.*):([0-9]*)\Z")
_WELL_KNOWN = "/.well-known/est"
# RFC 7030 section 3.2.2; a label of that name is legal, but in a URL it is far more likely a pasted operation.
_OPERATIONS = ("cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs")


class Endpoint(NamedTuple):
    """Where the EST server is: a host name or IP address without brackets, a port, and a CA label or None."""

    server: str
    port: int
    label: str | None


def read_endpoint(server: str | None, port: int | None, label: str | None) -> Endpoint:
    """Read the server as a host or an https URL (RFC 7030 sections 3.1 and 3.2.2), with the options that belong to it.

    :param server: a host name or IP address, either with or without a port, or an https URL.
    :param port: the option ``port``; None means that of the server, or 443.
    :param label: the option ``label``; None means that of the server's URL, or none.
    :raises TemplateError: for a wrong server, and for a port or label that contradicts it.
    """
    if server is None:
        raise TemplateError("server", "is missing", allowed=_ALLOWED)
    if port is not None:
        _check_port("port", port, show(port))
    if label is not None:
        _check_label("label", label, show(label))
    _check_credentials("server", server)
    check_text("server", server)
    if "://" in server:
        authority, url_label = _read_url(server)
    elif "/" in server:
        raise TemplateError(
            "server", "has a path but no https://", value=show(server), allowed=_ALLOWED, suggestion=f"https://{server}"
        )
    else:
        authority, url_label = server, None
    host, url_port = _read_authority("server", server, authority, _ALLOWED)
    if port is not None and url_port is not None and port != url_port:
        raise TemplateError(
            "port",
            f"contradicts the port {url_port} of server {show(server)}",
            value=show(port),
            allowed="one of the two",
        )
    if label is not None and url_label is not None and label != url_label:
        raise TemplateError(
            "label",
            f"contradicts the label {show(url_label)} of server {show(server)}",
            value=show(label),
            allowed="one of the two",
        )
    return Endpoint(host, port or url_port or DEFAULT_PORT, label if label is not None else url_label)


def read_proxy(proxy: str | None) -> str | None:
    """Return the URL of an HTTP proxy in its canonical form, ``http://host:port``.

    :raises TemplateError: for anything else. User name and password in the URL are refused and never shown.
    """
    if proxy is None:
        return None
    allowed = "http://host:port"
    _check_credentials("proxy", proxy)
    check_text("proxy", proxy)
    found = _URL.match(proxy)
    if not found:
        suggestion = f"http://{proxy}" if "/" not in proxy and ":" in proxy else ""
        raise TemplateError(
            "proxy", "is not the URL of a proxy", value=show(proxy), allowed=allowed, suggestion=suggestion
        )
    scheme, authority, path, query, fragment = found.groups()
    if scheme.lower() != "http":
        raise TemplateError(
            "proxy", f"has the scheme {scheme}", value=show(proxy), allowed=allowed, suggestion=f"http://{authority}"
        )
    if path not in (None, "/") or query or fragment:
        raise TemplateError(
            "proxy",
            "has something after the port",
            value=show(proxy),
            allowed=allowed,
            suggestion=f"http://{authority}",
        )
    host, port = _read_authority("proxy", proxy, authority, allowed)
    if port is None:
        raise TemplateError("proxy", "has no port", value=show(proxy), allowed=allowed)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _read_url(server: str) -> tuple[str, str | None]:
    found = _URL.match(server)
    if not found:
        raise TemplateError("server", "is not a URL", value=show(server), allowed=_ALLOWED)
    scheme, authority, path, query, fragment = found.groups()
    if scheme.lower() != "https":
        why = (
            "is not encrypted: EST needs HTTPS (RFC 7030 section 3.3)"
            if scheme.lower() == "http"
            else "is not an https URL"
        )
        raise TemplateError(
            "server", why, value=show(server), allowed=_ALLOWED, suggestion="https" + server[len(scheme) :]
        )
    if query or fragment:
        part = "a query" if query else "a fragment"
        raise TemplateError(
            "server",
            f"has {part} ({show(query or fragment)})",
            value=show(server),
            allowed=_ALLOWED,
            suggestion=f"{scheme}://{authority}{path or ''}",
        )
    return authority, _read_path(server, scheme, authority, path or "/")


def _read_path(server: str, scheme: str, authority: str, path: str) -> str | None:
    if path in ("/", _WELL_KNOWN, _WELL_KNOWN + "/"):
        return None
    segment = path[len(_WELL_KNOWN) + 1 :].rstrip("/") if path.startswith(_WELL_KNOWN + "/") else ""
    if not segment or "/" in segment:
        raise TemplateError(
            "server",
            f"has the path {show(path)}",
            value=show(server),
            allowed=_ALLOWED,
            suggestion=f"{scheme}://{authority}{_WELL_KNOWN}/{path.strip('/')}" if path.strip("/").isalnum() else "",
        )
    if segment in _OPERATIONS:
        raise TemplateError(
            "server",
            f"ends with the EST operation {segment}",
            value=show(server),
            allowed=f"{_ALLOWED}; where the CA label really is {segment}, give it as label",
            suggestion=f"{scheme}://{authority}",
        )
    from urllib.parse import unquote  # here, because it costs every start-up milliseconds and few URLs have a label

    label = unquote(segment)
    _check_label("server", label, show(server))
    return label


def _read_authority(option: str, value: str, authority: str, allowed: str) -> tuple[str, int | None]:
    """Split and check ``host``, ``host:port``, an IPv4 or IPv6 address, or an IPv6 address in brackets with a port."""
    host, port = authority, None
    bracketed = authority.startswith("[")
    if bracketed or authority.count(":") == 1:
        with_port = _PORT_SUFFIX.match(authority)
        if with_port and not with_port.group(1).endswith(":"):
            host = with_port.group(1)
            port = _read_port(option, value, with_port.group(2))
        elif not bracketed:
            wrong = authority.rpartition(":")[2]
            raise TemplateError(
                option, f"has {show(wrong)} as port", value=show(value), allowed="a port from 1 to 65535"
            )
    if bracketed:
        if not host.endswith("]") or ":" not in host:
            raise TemplateError(option, "has brackets around no IPv6 address", value=show(value), allowed=allowed)
        host = host[1:-1]
    if not bracketed and is_host_name(host):
        return host.lower(), port
    return _read_unusual_host(option, value, host, allowed), port


def _read_unusual_host(option: str, value: str, host: str, allowed: str) -> str:
    """Read an IP address or a name with a final dot; say what is wrong with anything else."""
    if ":" in host or (host and host.replace(".", "").isdigit()):
        import ipaddress  # here, because it costs every start-up some milliseconds and few servers have no name

        try:
            if "%" in host:
                raise ValueError
            return str(ipaddress.ip_address(host))
        except ValueError:
            raise TemplateError(option, "has no valid IP address", value=show(value), allowed=allowed) from None
    if host.endswith(".") and is_host_name(host[:-1]):
        return host[:-1].lower()
    try:
        check_host_name(host)
    except NameSyntaxError as exc:
        error = from_name_error(option, value, exc)
        if "://" in value and error.suggestion:
            error.suggestion = value.replace(host, error.suggestion, 1)
        raise error from None
    return host


def _read_port(option: str, value: str, text: str) -> int:
    if not text:
        raise TemplateError(
            option, "has a colon without a port", value=show(value), allowed="a port from 1 to 65535, or no colon"
        )
    port = int(text) if len(text) < 12 else 0
    _check_port(option, port, show(value), f"has {text} as port")
    return port


def _check_port(option: str, port: int, shown: str, reason: str = "is not a port") -> None:
    if not 1 <= port <= 65535:
        raise TemplateError(option, reason, value=shown, allowed="1 to 65535")


def _check_label(option: str, label: str, shown: str) -> None:
    """Refuse a label that is not one segment of a path (RFC 7030 section 3.2.2)."""
    what = "has a CA label that " if option == "server" else ""
    allowed = "a name without '/' and '\\', such as the one after /.well-known/est/"
    unprintable = find_unprintable(label)
    if unprintable:
        raise TemplateError(
            option, f"{what}has a control character ({unprintable}) in it", value=shown, allowed=allowed
        )
    if label != label.strip():
        raise TemplateError(option, f"{what}begins or ends with a space", value=shown, allowed=allowed)
    if "/" in label or "\\" in label or label in (".", ".."):
        raise TemplateError(option, f"{what}is not one segment of a path", value=shown, allowed=allowed)


def _check_credentials(option: str, value: str) -> None:
    """Refuse user information in a URL without showing it: it may be a password, so nothing before an '@' is shown."""
    if "@" in value:
        scheme = value.partition("://")[0].lower()
        start = f"{scheme}://***@" if scheme in ("http", "https") else "***@"
        other = "; give them as username and password" if option == "server" else ""
        raise TemplateError(
            option,
            f"has a user name or password before the '@'{other}",
            value=show(start + value.rpartition("@")[2]),
            allowed="a URL without them",
        )
