# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST transport that sends the HTTPS requests from a managed host through C(ansible.builtin.uri).

Keys, certificate request and checks stay on the controller; the host needs no Python library for the exchange. The
module on the host verifies the server's certificate and host name before it sends anything, with the host's trust store
or with one file of anchors. What this way cannot do is refused by the caller (see ``UriConnector``), never skipped.

What the module decides for itself, and nobody can see from here: it takes a host name that stands only in the common
name of the server's certificate, and its timeout is for each read, not for the whole answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.challenge import parse_challenges
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import (
    InputError,
    ServerError,
    TransportError,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.transport import (
    SYSTEM_TRUST_WARNING,
    Binding,
    Body,
    Credentials,
    Peer,
    Response,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.url import EstUrl

#: Runs a module on the host: name, arguments -> result.
Execute = Callable[[str, Mapping[str, Any]], dict[str, Any]]

#: Suites that exist only from TLS 1.2 on: C(uri) has no option for the protocol version (RFC 8996, RFC 9325).
CIPHERS = ["ECDHE+AESGCM", "ECDHE+CHACHA20", "DHE+AESGCM"]

#: What C(uri) says -> stage (empty: what the request was for), reason, hint, and whether the request can have arrived.
_FAILURES = (
    (
        r"Name or service not known|nodename nor servname|getaddrinfo|name resolution|No address associated",
        "resolve",
        "the host cannot resolve the name of the EST server",
        "Check the server name of the template and the name resolution of the host.",
        "no",
    ),
    (
        r"Connection refused",
        "connect",
        "the EST server refused the connection",
        "Check the port of the template, whether the EST server runs, and the firewalls on the way.",
        "no",
    ),
    (
        r"No route to host|Network is unreachable|Host is unreachable",
        "connect",
        "the host has no route to the EST server",
        "Check network, routes and proxy of the host.",
        "no",
    ),
    (
        r"Hostname mismatch|IP address mismatch|doesn't match",
        "tls",
        "the certificate of the EST server is for another name",
        "Set the server of the template to a name that the certificate of the EST server carries.",
        "no",
    ),
    (
        r"certificate has expired",
        "tls",
        "the certificate of the EST server has expired",
        "Renew the certificate of the EST server, or check the clock of the host.",
        "no",
    ),
    (
        r"certificate is not yet valid",
        "tls",
        "the certificate of the EST server is not valid yet",
        "Check the clock of the host and that of the EST server.",
        "no",
    ),
    (
        r"certificate purpose",
        "tls",
        "the certificate of the EST server is not for a server",
        "Give the EST server a certificate with the extended key usage serverAuth.",
        "no",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "tls",
        "the certificate of the EST server is not issued by a trusted CA",
        "Set ca_certificate or ca_path of the template to the CA that issued the server's certificate.",
        "no",
    ),
    (
        r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL",
        "tls",
        "the server does not speak TLS on this port",
        "Check the port of the template.",
        "no",
    ),
    (
        r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_SHARED_CIPHER|HANDSHAKE_FAILURE|NO_PROTOCOLS_AVAILABLE",
        "tls",
        "no common TLS version and cipher with the EST server",
        "The EST server must offer TLS 1.2 or later with an AEAD cipher suite.",
        "no",
    ),
    (
        r"handshake operation timed out",
        "tls",
        "the EST server did not finish the TLS handshake in time",
        "Check that the port of the template is the HTTPS port of the EST server.",
        "no",
    ),
    (
        r"error (\[Errno \d+\] )?(Connection )?timed out",
        "connect",
        "no connection to the EST server in time",
        "Check server and port of the template and the firewalls on the way.",
        "no",
    ),
    (
        r"timed out",
        "",
        "the EST server did not answer in time",
        "Check the EST server, the firewalls on the way and the timeout option.",
        "unknown",
    ),
    (
        r"IncompleteRead",
        "",
        "the answer of the EST server is cut off",
        "Look at the EST server and at proxies on the way.",
        "yes",
    ),
    (
        r"invalid UTF8 string",
        "",
        "the answer of the EST server is not text, and Ansible does not carry it",
        "Use exchange=host, or run Ansible with ANSIBLE_MODULE_STRICT_UTF8_RESPONSE=false.",
        "yes",
    ),
    (
        r"before a valid response was received|got more than \d+ headers",
        "",
        "the EST server answered with something that is not valid HTTP",
        "Check that server and port of the template are those of an EST server.",
        "yes",
    ),
    (
        r"closed connection without response|Connection reset by peer",
        "",
        "the EST server closed the connection without an answer",
        "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off.",
        "unknown",
    ),
)

_UNKNOWN_FAILURE = (
    "",
    "the connection to the EST server failed",
    "Look at the log of the EST server, and try exchange=host for a closer diagnosis.",
    "unknown",
)


class UriTransport:
    """Carries EST requests through the C(uri) module of a managed host.

    :param execute: runs a module on the host, really, in check mode too.
    :param trust: C(explicit) or C(system), as told in the result.
    :param ca_path: a file on the host with the only trusted CA certificates; ``None`` for the host's own store.
    :param only_basic: do not answer a Digest challenge.
    :param timeout: seconds without an answer before a request is given up.
    :param max_response_bytes: an answer with a larger body is refused.
    """

    def __init__(
        self,
        execute: Execute,
        *,
        trust: str,
        ca_path: Optional[str] = None,
        credentials: Optional[Credentials] = None,
        only_basic: bool = False,
        client_certificate_path: Optional[str] = None,
        client_key_path: Optional[str] = None,
        timeout: int = 30,
        max_response_bytes: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
    ) -> None:
        self._execute = execute
        self._trust = trust
        self._credentials = credentials
        self._only_basic = only_basic
        self._max_response_bytes = max_response_bytes
        self._timeline = timeline
        self._peer: Optional[Peer] = None
        self._authenticated_by: Optional[str] = None
        self._client_certificate = (client_certificate_path, client_key_path)
        self._ca_path = ca_path
        self._timeout = timeout
        self._options: dict[str, Any] = {
            "validate_certs": True,
            "follow_redirects": "none",
            "use_proxy": False,
            "use_netrc": False,
            "return_content": True,
            "decompress": False,
            "ciphers": CIPHERS,
            "timeout": timeout,
        }
        if ca_path is not None:
            self._options["ca_path"] = ca_path
        if client_certificate_path is not None:
            self._options.update(client_cert=client_certificate_path, client_key=client_key_path)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request from the host; see :meth:`Transport.request`.

        A function for the body gets a binding that says nothing: the module tells nothing of its connection.
        """
        if callable(body):
            body = body(Binding())
        arguments = {
            **self._options,
            "method": method,
            "url": url,
            "headers": {**headers, "Accept-Encoding": "identity"},
        }
        if body is not None:
            arguments.update(body=body.decode("ascii"), body_format="raw")
        if authenticate and self._credentials is not None:
            self._authenticated_by = "basic"
            arguments.update(
                url_username=self._credentials.username,
                url_password=self._credentials.password,
                force_basic_auth=True,
            )
        result = self._execute("ansible.builtin.uri", arguments)
        if "url_password" in arguments and not self._only_basic and _wants_digest(result):
            # Without force_basic_auth the module waits for a challenge, and can answer this one.
            self._authenticated_by = "digest"
            result = self._execute("ansible.builtin.uri", {**arguments, "force_basic_auth": False})
        status = result.get("status", -1)
        if not isinstance(status, int) or status < 100:
            raise self._failure(result)
        self._connected()
        data = _octets(result)
        if len(data) > self._max_response_bytes:
            raise ServerError(
                f"the answer of the EST server is larger than {self._max_response_bytes} bytes",
                http_status=status,
                request_received="yes",
                hint="An EST answer takes a few kilobytes: check that this is the EST server.",
            )
        self._refuse_short_body(result, data, status)
        found = {name: str(result[key]) for name, key in _HEADERS.items() if result.get(key) is not None}
        if authenticate and status < 300 and (_CENSORED in data or _CENSORED.decode() in "".join(found.values())):
            raise ServerError(
                "the answer of the EST server cannot be read: the password of the template occurs in it by chance, and "
                "Ansible censored it",
                http_status=status,
                request_received="yes",
                hint="Use a longer password, or exchange=host.",
            )
        return Response(status=status, headers=found, body=data, url=url)

    @property
    def peer(self) -> Optional[Peer]:
        """The server, once it has answered. The module tells neither its TLS version nor its certificate."""
        return self._peer

    @property
    def authenticated_by(self) -> Optional[str]:
        """C(basic) or C(digest), once a request went out with it."""
        return self._authenticated_by

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is risky about trust and credentials together (RFC 7030 section 6)."""
        return (SYSTEM_TRUST_WARNING,) if self._credentials is not None and self._trust == "system" else ()

    def require_tls_unique(self) -> None:
        """Refuse: a module of its own opens the connection, and nothing can be signed for it."""
        raise InputError(
            "proof of possession needs the TLS connection that carries the request, and ansible.builtin.uri does not "
            "show its own",
            hint="Set exchange to host or controller, or proof_of_possession of the template to never.",
        )

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> UriTransport:
        """A transport to another server. See :meth:`Transport.for_origin`."""
        certificate, key = self._client_certificate if with_credentials else (None, None)
        return UriTransport(
            self._execute,
            trust=self._trust,
            ca_path=self._ca_path,
            credentials=self._credentials if with_credentials else None,
            only_basic=self._only_basic,
            client_certificate_path=certificate,
            client_key_path=key,
            timeout=self._timeout,
            max_response_bytes=self._max_response_bytes,
            timeline=self._timeline,
        )

    def close(self) -> None:
        """Nothing is kept open: every request is a connection of its own."""

    def _connected(self) -> None:
        if self._peer is not None:
            return
        self._peer = Peer(trust=self._trust)
        if self._timeline is not None:
            for stage in ("resolve", "connect", "tls"):
                self._timeline.add(stage, True, None, "by ansible.builtin.uri on the host")

    def _refuse_short_body(self, result: Mapping[str, Any], data: bytes, status: int) -> None:
        length = str(result.get("content_length") or "")
        if length.isdigit() and status != 204 and len(data) < int(length):
            raise ServerError(
                f"the answer of the EST server is cut off: {len(data)} of {length} bytes",
                http_status=status,
                request_received="yes",
                hint="Look at the EST server and at proxies on the way.",
            )

    def _failure(self, result: Mapping[str, Any]) -> TransportError:
        said = _words(result)
        stage, reason, hint, received = next(
            (meaning for pattern, *meaning in _FAILURES if re.search(pattern, said, re.IGNORECASE)), _UNKNOWN_FAILURE
        )
        error = TransportError(f"{reason} ({_shortened(said)})", hint=hint, request_received=received)
        if stage:  # else the caller knows: it is what the request was for
            error.stage = stage
            if self._timeline is not None:
                self._timeline.add(stage, False, None, error.reason)
        return error


#: The response headers that the EST client reads, and the keys under which C(uri) returns them.
_HEADERS = {
    "content-type": "content_type",
    "retry-after": "retry_after",
    "location": "location",
    "www-authenticate": "www_authenticate",
    "content-length": "content_length",
}


#: What ansible-core puts in place of a secret of a module, wherever it occurs in the module's result.
_CENSORED = b"********"

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


def _octets(result: Mapping[str, Any]) -> bytes:
    """The body as it was sent.

    The module decodes it with the character set of the Content-Type, and keeps every byte that it cannot decode as a
    surrogate: this is the way back.
    """
    declared = _CHARSET.search(str(result.get("content_type") or ""))
    return str(result.get("content") or "").encode(declared.group(1) if declared else "utf-8", "surrogateescape")


def _words(result: Mapping[str, Any]) -> str:
    """What the module says of its failure; of a traceback the last line."""
    said = str(result.get("msg") or "")
    if said and not said.startswith("MODULE FAILURE"):
        return said
    lines = [line for line in str(result.get("module_stderr") or "").splitlines() if line.strip()]
    return lines[-1] if lines else said or "no answer"


def _wants_digest(result: Mapping[str, Any]) -> bool:
    """A 401 whose challenge Python's own Digest client can answer: MD5, and not the session kind of it."""
    return result.get("status") == 401 and any(
        challenge.scheme.lower() == "digest" and challenge.parameters.get("algorithm", "MD5").upper() == "MD5"
        for challenge in parse_challenges(result.get("www_authenticate"))
    )


def _shortened(text: str, limit: int = 200) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else f"{folded[:limit]}..."
