# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTPS request as HttpWebRequest of .NET makes it: its connection, its headers, the words of its failures.

It trusts what the machine has in its store of root CAs, and nothing of this machine's own.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import select
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)
from cryptography.x509 import load_der_x509_certificate
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header
from windows.machine import Fail, Machine

#: How long it waits for "100 Continue" before it sends the body all the same.
_CONTINUE_SECONDS = 0.35
_CLOSED = "The underlying connection was closed: "
_TRUST = f"{_CLOSED}Could not establish trust relationship for the SSL/TLS secure channel."
_CHANNEL = "The request was aborted: Could not create SSL/TLS secure channel."
_ON_A_SEND = f"{_CLOSED}An unexpected error occurred on a send."
_ON_A_RECEIVE = f"{_CLOSED}An unexpected error occurred on a receive."
_UNEXPECTEDLY = f"{_CLOSED}The connection was closed unexpectedly."
_TIMED_OUT = "The operation has timed out"


class Denied(Exception):
    """A WebException, or another of .NET's."""


@dataclass
class Response:
    """An answer whose body has not been read yet."""

    status: int
    reason: str
    url: str
    headers: list[tuple[str, str]]
    _response: http.client.HTTPResponse

    def header(self, name: str) -> str | None:
        """Return one header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def read(self) -> bytes:
        """Read the body. One of a known length that is cut off is not an error for .NET: it ends where it ends.

        :raises Denied: when it does not come to its end.
        """
        try:
            return self._response.read()
        except http.client.IncompleteRead as cut_off:
            if self.header("Content-Length"):
                return cut_off.partial
            words = "Unable to read data from the transport connection: The connection was closed."
        except TimeoutError:
            words = f"{_TIMED_OUT}."
        except OSError:
            words = "Unable to read data from the transport connection: An existing connection was forcibly closed."
        raise Denied(f'Exception calling "CopyTo" with "1" argument(s): "{words}"')


def exchange(machine: Machine, method: str, arguments: dict[str, Any], opened: contextlib.ExitStack) -> Response:
    """Send a request; a second one where there are credentials and the server challenges the first.

    :param opened: closes the connections in the end.
    :raises Denied: when there is no answer.
    """
    sent: dict[str, str] = {}
    username, password = arguments["url_username"], arguments["url_password"] or ""
    if username and arguments["force_basic_auth"]:
        # ASCII.GetBytes
        pair = f"{username}:{password}".encode("ascii", "replace")
        sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    response = _once(machine, method, arguments, sent, opened)
    if response.status != 401 or not username or arguments["force_basic_auth"]:
        return response
    challenge = response.header("WWW-Authenticate") or ""
    for scheme in ("Negotiate", "NTLM", "Kerberos"):
        assert scheme.lower() not in challenge.lower(), "Windows would prove who its own account is"
    if "digest" not in challenge.lower() or "sha-256" in challenge.lower():
        return response
    response.read()
    digest = HTTPDigestAuth(username, password)
    digest.init_per_thread_state()
    digest._thread_local.chal = parse_dict_header(challenge[challenge.lower().index("digest ") + 7 :])
    sent["Authorization"] = str(digest.build_digest_header(method, arguments["url"]))
    return _once(machine, method, arguments, sent, opened)


def _once(
    machine: Machine, method: str, arguments: dict[str, Any], more: dict[str, str], opened: contextlib.ExitStack
) -> Response:
    body = None if arguments["body"] is None else str(arguments["body"]).encode("utf-8")
    url = urlsplit(arguments["url"])
    try:
        connection = _connect(machine, url.hostname or "", url.port or 443, arguments, opened)
    except Denied as denied:
        if body is None:
            raise
        raise Denied(f'Exception calling "GetRequestStream" with "0" argument(s): "{denied}"') from None
    headers = {**(arguments["headers"] or {}), **more, "User-Agent": arguments["http_agent"], "Host": url.netloc}
    if body is not None:
        headers.update({"Content-Length": str(len(body)), "Expect": "100-continue"})
    headers["Connection"] = "Keep-Alive"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    target = url.path + (f"?{url.query}" if url.query else "")
    try:
        connection.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        if body is not None:
            select.select([connection], [], [], _CONTINUE_SECONDS)
            with contextlib.suppress(ConnectionError):  # it may have answered already
                connection.sendall(body)
        response = opened.enter_context(http.client.HTTPResponse(connection, method=method))
        response.begin()  # passes over "100 Continue"
    except TimeoutError:
        raise Denied(_TIMED_OUT) from None
    except http.client.RemoteDisconnected:
        raise Denied(_UNEXPECTEDLY) from None
    except http.client.HTTPException:
        raise Denied("The server committed a protocol violation. Section=ResponseStatusLine") from None
    except OSError:
        raise Denied(_ON_A_RECEIVE) from None
    return Response(response.status, response.reason, arguments["url"], response.getheaders(), response)


def _connect(
    machine: Machine, host: str, port: int, arguments: dict[str, Any], opened: contextlib.ExitStack
) -> ssl.SSLSocket:
    proxy = urlsplit(arguments["proxy_url"]) if arguments["use_proxy"] and not _is_local(host) else None
    context = _context(machine)
    if arguments["client_cert"]:
        _load(machine, context, arguments["client_cert"])
    seconds = arguments["url_timeout"]
    try:
        if proxy is not None:
            connection = _open(proxy.hostname or "", proxy.port or 80, seconds, "The proxy name", opened)
            _tunnel(connection, f"{host}:{port}")
        else:
            connection = _open(host, port, seconds, "The remote name", opened)
        return opened.enter_context(context.wrap_socket(connection, server_hostname=host))
    except TimeoutError:
        raise Denied(_TIMED_OUT) from None
    except ssl.SSLCertVerificationError:
        raise Denied(_TRUST) from None
    except ssl.SSLError as error:
        alert = "ALERT" in (error.reason or "") or "PROTOCOL" in (error.reason or "")
        raise Denied(_CHANNEL if alert else _ON_A_SEND) from None
    except OSError:
        raise Denied(_ON_A_SEND) from None


def _open(host: str, port: int, seconds: float, what: str, opened: contextlib.ExitStack) -> socket.socket:
    try:
        return opened.enter_context(socket.create_connection((host, port), seconds))
    except socket.gaierror:
        raise Denied(f"{what} could not be resolved: '{host}'") from None
    except TimeoutError:
        raise
    except OSError:
        raise Denied("Unable to connect to the remote server") from None


def _tunnel(connection: socket.socket, target: str) -> None:
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: Keep-Alive\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        if not octet:
            raise Denied(_UNEXPECTEDLY)
        answer += octet
    _version, status, reason = answer.split(b"\r\n")[0].decode().split(" ", 2)
    if status != "200":
        raise Denied(f"The remote server returned an error: ({status}) {reason}.")


def _is_local(host: str) -> bool:
    """Say whether a WebProxy that bypasses local addresses goes past the proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host


def _context(machine: Machine) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = True
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    roots = b"".join(certificate.der for certificate in machine.certificates("LocalMachine\\Root"))
    if roots:
        context.load_verify_locations(cadata=roots)
    return context


def _load(machine: Machine, context: ssl.SSLContext, client_cert: str) -> None:
    """Load a TLS client certificate: from a store of the machine, or a PKCS#12 file."""
    missing = Fail(f"Unhandled exception while executing module: Client certificate '{client_cert}' does not exist")
    if client_cert.lower().startswith("cert:\\"):
        store, _slash, thumbprint = client_cert[len("cert:\\") :].rpartition("\\")
        held = [entry for entry in machine.certificates(store) if entry.thumbprint == thumbprint.upper()]
        if not held:
            raise missing
        certificate = load_der_x509_certificate(held[0].der)
        key = load_der_private_key(held[0].key, None) if held[0].key else None
    else:
        if not machine.real(client_cert).is_file():
            raise missing
        key, certificate, _others = pkcs12.load_key_and_certificates(machine.read(client_cert), None)
    if key is None or certificate is None:  # .NET sends none then
        return
    with _file(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ) as path:
        context.load_cert_chain(path)


@contextlib.contextmanager
def _file(content: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name
