# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an EST server is, as a user gives it: host, port, base path and CA label (RFC 7030 sections 3.1 and 3.2.2).

Templates, the store, the command and the EST client all read an address here, so that all of them take the same.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .addresses import a_label_form, check_host_name, is_host_name
from .errors import NameSyntaxError, find_unprintable, quote

DEFAULT_PORT = 443
#: Where an EST server answers, unless it says otherwise.
WELL_KNOWN = "/.well-known/est"
#: RFC 7030 section 3.2.2, table of operation paths.
OPERATIONS = ("cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs")
#: What may stand in a segment of a path as it is (RFC 3986 section 3.3, pchar), besides letters, digits and ``-._~``.
SEGMENT_CHARACTERS = "!$&'()*+,;=:@"

ALLOWED = "a host name, an IP address, https://host[:port][/.well-known/est[/label]], or a URL with another base path"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)(/[^?#]*)?(\?[^#]*)?(#.*)?\Z")
_PORT_SUFFIX = re.compile(r"(.*):([0-9]*)\Z")
_WHOLE_ESCAPES = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*\Z")


class AddressError(NameSyntaxError):
    """A part of an address that cannot be used.

    :param option: ``server``, ``port``, ``label``, ``base_path`` or ``proxy``.
    :param shown: the value as it may be shown, in quotes.
    :param has_credentials: there is a user name or a password in it, which ``shown`` does not show.
    """

    def __init__(
        self,
        option: str,
        reason: str,
        *,
        shown: str,
        allowed: str = "",
        suggestion: str = "",
        has_credentials: bool = False,
    ) -> None:
        super().__init__(reason, allowed=allowed, suggestion=suggestion)
        self.option = option
        self.shown = shown
        self.has_credentials = has_credentials


class ServerAddress(NamedTuple):
    """Where an EST server is.

    :param host: a host name in lower case and A-labels, without a final dot, or an IP address without brackets.
    :param label: the CA label, not encoded; None for none.
    :param base_path: what operations and label are added to, as it stands in a URL; None for ``WELL_KNOWN``.
    """

    host: str
    port: int
    label: str | None
    base_path: str | None

    @property
    def authority(self) -> str:
        """``host:port``, with IPv6 addresses in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_server_address(
    server: str, port: int | None = None, label: str | None = None, base_path: str | None = None
) -> ServerAddress:
    """Read the server as a host or an https URL, with the options that belong to it. Nothing is guessed.

    The path of a URL is taken as it is: the last segment after ``/.well-known/est`` is the CA label, before it may be
    the prefix of a proxy, and a path without it is the base path of a server that answers elsewhere (``/v1/pki/est``).

    :param server: a host name or IP address, either with or without a port, or an https URL.
    :param port: the option ``port``; None means that of the server, or 443.
    :param label: the option ``label``; None means that of the server's URL, or none.
    :param base_path: the option ``base_path``; None means that of the server's URL, or ``WELL_KNOWN``.
    :raises AddressError: for a part that cannot be used, and for options that contradict the server.
    """
    if port is not None:
        _check_port("port", port, repr(port))
    if label is not None:
        _check_label("label", label, quote(label))
    given_path = read_base_path("base_path", base_path, quote(base_path)) if base_path is not None else None
    refuse_credentials("server", server)
    _check_text("server", server)
    if "://" in server:
        authority, url_path, url_label = _read_url(server)
    elif "/" in server:
        raise AddressError(
            "server",
            "has a path but no https://",
            shown=quote(server),
            allowed=ALLOWED,
            suggestion=f"https://{server}",
        )
    else:
        authority, url_path, url_label = server, None, None
    host, url_port = read_authority("server", server, authority, ALLOWED)
    for option, given, in_url in (
        ("port", port, url_port),
        ("label", label, url_label),
        ("base_path", given_path, url_path or (WELL_KNOWN if url_label is not None else None)),
    ):
        if given is not None and in_url is not None and given != in_url:
            words = option.replace("_", " ")
            found = quote(in_url) if isinstance(in_url, str) else in_url
            raise AddressError(
                option,
                f"contradicts the {words} {found} of server {quote(server)}",
                shown=quote(given) if isinstance(given, str) else str(given),
                allowed="one of the two",
            )
    path = given_path or url_path
    return ServerAddress(
        host,
        port or url_port or DEFAULT_PORT,
        label if label is not None else url_label,
        None if path == WELL_KNOWN else path,
    )


def read_base_path(option: str, path: str, shown: str) -> str:
    """Return a base path without a final slash, with whatever no URL can hold percent-encoded.

    :param shown: the value that holds it, in quotes.
    :raises AddressError: it is not a path, or ends with an operation of EST.
    """
    allowed = "a path such as /v1/pki/est"
    unprintable = find_unprintable(path)
    if unprintable:
        raise AddressError(option, f"has a control character ({unprintable}) in its path", shown=shown, allowed=allowed)
    stripped = path[:-1] if path.endswith("/") else path
    segments = stripped.split("/")[1:]
    if not path.startswith("/") or not segments or not all(segments) or re.search(r"[?#\\]", path):
        raise AddressError(option, f"has the path {quote(path)}, which is none", shown=shown, allowed=allowed)
    if any(_unquoted(segment) in (".", "..") for segment in segments) or not _WHOLE_ESCAPES.match(stripped):
        raise AddressError(
            option, f"has the path {quote(path)}, which may mean another one", shown=shown, allowed=allowed
        )
    if ".well-known" in segments and "est" not in segments[segments.index(".well-known") + 1 :][:1]:
        raise AddressError(
            option, f"has the path {quote(path)}, where est does not follow .well-known", shown=shown, allowed=ALLOWED
        )
    if segments[-1] in OPERATIONS:
        raise AddressError(
            option,
            f"ends with the EST operation {segments[-1]}",
            shown=shown,
            allowed=f"{allowed}; where the CA label really is {segments[-1]}, give it as label",
        )
    if stripped.isascii() and not re.search(r"[^A-Za-z0-9._~/%!$&'()*+,;=:@-]", stripped):
        return stripped
    from urllib.parse import quote as percent_encode  # here, because it costs every start-up milliseconds

    return percent_encode(stripped, safe=f"/%~{SEGMENT_CHARACTERS}")


def read_authority(option: str, value: str, authority: str, allowed: str) -> tuple[str, int | None]:
    """Split and check ``host``, ``host:port``, an IPv4 or IPv6 address, or an IPv6 address in brackets with a port.

    :param value: what ``authority`` is a part of, for the error.
    :raises AddressError: the host or the port cannot be used.
    """
    shown = quote(value)
    host, port = authority, None
    bracketed = authority.startswith("[")
    if bracketed or authority.count(":") == 1:
        with_port = _PORT_SUFFIX.match(authority)
        if with_port and not with_port.group(1).endswith(":"):
            host = with_port.group(1)
            port = _read_port(option, shown, with_port.group(2))
        elif not bracketed:
            wrong = authority.rpartition(":")[2]
            raise AddressError(option, f"has {quote(wrong)} as port", shown=shown, allowed="a port from 1 to 65535")
    try:
        return ascii_host(host), port
    except NameSyntaxError as error:
        suggestion = error.suggestion
        if "://" in value and suggestion:
            suggestion = value.replace(host, suggestion, 1)
        raise AddressError(
            option, error.reason, shown=shown, allowed=error.allowed or allowed, suggestion=suggestion
        ) from None


def ascii_host(host: str) -> str:
    """Return a host in the form in which hosts are compared: lower case, A-labels (RFC 5890), no final dot.

    IP addresses come back in their shortest form, IPv6 without brackets.

    :raises NameSyntaxError: it is neither a host name nor an IP address.
    """
    if is_host_name(host):
        return host.lower()
    if host.startswith("["):
        if not host.endswith("]") or ":" not in host:
            raise NameSyntaxError("has brackets around no IPv6 address")
        host = host[1:-1]
    if ":" in host or (host and host.replace(".", "").isdigit()):
        import ipaddress  # here, because it costs every start-up some milliseconds and few servers have no name

        try:
            if "%" in host:
                raise ValueError
            return ipaddress.ip_address(host).compressed
        except ValueError:
            raise NameSyntaxError("has no valid IP address") from None
    if not host.isascii():
        ascii_host = _a_labels(host)
        if ascii_host:
            return ascii_host
    if host.endswith(".") and is_host_name(host[:-1]):
        return host[:-1].lower()
    check_host_name(host)
    return host.lower()


def refuse_credentials(option: str, value: str) -> None:
    """Refuse user information in a URL without showing it: it may be a password, so nothing before an '@' is shown.

    :raises AddressError: there is an ``@``, wherever it is: a password may hold a slash.
    """
    if "@" in value:
        scheme = value.partition("://")[0].lower()
        start = f"{scheme}://***@" if scheme in ("http", "https") else "***@"
        other = "; give them as username and password" if option == "server" else ""
        raise AddressError(
            option,
            f"has a user name or password before the '@'{other}",
            shown=quote(start + value.rpartition("@")[2]),
            allowed="a URL without them" + ("; an '@' in its path as %40" if option == "server" else ""),
            has_credentials=True,
        )


def read_proxy_address(proxy: str) -> tuple[str, int]:
    """Read the URL of an HTTP proxy, ``http://host:port``: its host, without brackets, and its port.

    :raises AddressError: for anything else. User name and password in the URL are refused and never shown.
    """
    allowed = "http://host:port"
    refuse_credentials("proxy", proxy)
    _check_text("proxy", proxy)
    shown = quote(proxy)
    parts = _split_url(proxy)
    if parts is None:
        suggestion = f"http://{proxy}" if "/" not in proxy and ":" in proxy else ""
        raise AddressError("proxy", "is not the URL of a proxy", shown=shown, allowed=allowed, suggestion=suggestion)
    scheme, authority, path, query, fragment = parts
    wrong = (
        f"has the scheme {scheme}"
        if scheme != "http"
        else "has something after the port"
        if path not in ("", "/") or query or fragment
        else ""
    )
    if wrong:
        raise AddressError("proxy", wrong, shown=shown, allowed=allowed, suggestion=f"http://{authority}")
    host, port = read_authority("proxy", proxy, authority, allowed)
    if port is None:
        raise AddressError("proxy", "has no port", shown=shown, allowed=allowed)
    return host, port


def _split_url(value: str) -> tuple[str, str, str, str, str] | None:
    """Return scheme, authority, path, query and fragment of a URL, each empty where there is none; None for no URL."""
    found = _URL.match(value)
    if not found:
        return None
    scheme, authority, path, query, fragment = found.groups()
    return scheme.lower(), authority, path or "", query or "", fragment or ""


def _read_url(server: str) -> tuple[str, str | None, str | None]:
    """Return the authority of a URL, its base path and its label; None for what it does not have."""
    shown = quote(server)
    parts = _split_url(server)
    if parts is None:
        raise AddressError("server", "is not a URL", shown=shown, allowed=ALLOWED)
    scheme, authority, path, query, fragment = parts
    if scheme != "https":
        why = "is not encrypted: EST needs HTTPS (RFC 7030 section 3.3)" if scheme == "http" else "is not an https URL"
        raise AddressError("server", why, shown=shown, allowed=ALLOWED, suggestion="https" + server[len(scheme) :])
    if query or fragment:
        part = "a query" if query else "a fragment"
        raise AddressError(
            "server",
            f"has {part} ({quote(query or fragment)})",
            shown=shown,
            allowed=ALLOWED,
            suggestion=f"https://{authority}{path}",
        )
    if path in ("", "/"):
        return authority, None, None
    try:
        base_path = read_base_path("server", path, shown)
    except AddressError as error:
        # What is before the operation is the address; without a label in it, the host alone says the same.
        if not error.suggestion and path.rstrip("/").rpartition("/")[2] in OPERATIONS:
            before = path.rstrip("/").rpartition("/")[0]
            error.suggestion = f"https://{authority}{'' if before == WELL_KNOWN else before}"
        raise
    before, well_known, after = base_path.rpartition(WELL_KNOWN + "/")
    if not well_known:
        return authority, base_path, None
    # Of two segments the last is taken for the label, so that what is given is one thing, however it is given.
    domain, _slash, segment = after.rpartition("/")
    label = _unquoted(segment)
    _check_label("server", label, shown)
    return authority, f"{before}{WELL_KNOWN}{'/' if domain else ''}{domain}", label


def _unquoted(segment: str) -> str:
    if "%" not in segment:
        return segment
    from urllib.parse import unquote  # here, because it costs every start-up milliseconds and few URLs have a label

    return unquote(segment, errors="surrogateescape")


def _a_labels(host: str) -> str:
    """Return the A-label form of an internationalised name as the HTTP library makes it; empty for none."""
    try:
        import idna  # comes with requests, so a host that only keeps a store may not have it
    except ImportError:
        return a_label_form(host)
    try:
        ascii_host = idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""
    ascii_host = ascii_host[:-1] if ascii_host.endswith(".") else ascii_host
    return ascii_host.lower() if is_host_name(ascii_host) else ""


def _read_port(option: str, shown: str, text: str) -> int:
    if not text:
        raise AddressError(
            option, "has a colon without a port", shown=shown, allowed="a port from 1 to 65535, or no colon"
        )
    port = int(text) if len(text) < 12 else 0
    _check_port(option, port, shown, f"has {text} as port")
    return port


def _check_port(option: str, port: int, shown: str, reason: str = "is not a port") -> None:
    if not 1 <= port <= 65535:
        raise AddressError(option, reason, shown=shown, allowed="1 to 65535")


def _check_label(option: str, label: str, shown: str) -> None:
    """Refuse a label that is not one segment of a path (RFC 7030 section 3.2.2)."""
    what = "has a CA label that " if option == "server" else ""
    allowed = "a name without '/' and '\\', such as the one after /.well-known/est/"
    unprintable = find_unprintable(label)
    if unprintable:
        raise AddressError(option, f"{what}has a control character ({unprintable}) in it", shown=shown, allowed=allowed)
    if label != label.strip():
        raise AddressError(option, f"{what}begins or ends with a space", shown=shown, allowed=allowed)
    if not label or "/" in label or "\\" in label or label in (".", ".."):
        raise AddressError(option, f"{what}is not one segment of a path", shown=shown, allowed=allowed)


def _check_text(option: str, value: str) -> None:
    """Refuse a text that has control characters or is surrounded by spaces, and one that is empty."""
    unprintable = find_unprintable(value)
    if unprintable:
        raise AddressError(
            option,
            f"has a control character ({unprintable}) in it",
            shown=quote(value),
            allowed="printable characters",
        )
    stripped = value.strip()
    if not value or not stripped:
        what = "has only spaces in it" if value else "is empty"
        raise AddressError(option, what, shown=quote(value), allowed="a string")
    if stripped != value:
        raise AddressError(option, "begins or ends with a space", shown=quote(value), suggestion=stripped)
