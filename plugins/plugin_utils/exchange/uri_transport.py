# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST transport that sends the HTTPS requests from a managed host through ``ansible.builtin.uri``.

The host needs no Python library for the exchange. The module verifies the server with the host's trust store or with
one file of anchors.

What the module decides for itself, and nobody can see from here: it takes a host name that stands only in the common
name of the server's certificate, and its timeout is for each read, not for the whole answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ServerError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials

from ..base.host_answer import failure_words
from .module_transport import CENSORED, CUT_OFF_HINT, Answer, Execute, Failure, ModuleTransport

#: Suites that exist only from TLS 1.2 on: ``uri`` has no option for the protocol version (RFC 8996, RFC 9325).
CIPHERS = ["ECDHE+AESGCM", "ECDHE+CHACHA20", "DHE+AESGCM"]

#: What OpenSSL says of a certificate that it only refuses where it is told to be strict (X509_V_FLAG_X509_STRICT), as
#: Python 3.13 tells it.
_STRICT = (
    "(Authority|Subject) Key Identifier|marked critical|not critical|does not include key usage|keyCertSign|"
    "Path length|(Subject|Issuer) name empty|Empty Subject Alternative Name|at least X509v3|algorithm mismatch"
)

#: What ``uri`` says -> stage (empty: what the request was for), reason, hint, and whether the request can have arrived.
_FAILURES = (
    Failure(
        r"Name or service not known|nodename nor servname|getaddrinfo|name resolution|No address associated",
        "resolve",
        "the host cannot resolve the name of the EST server",
        "Check the server name of the template and the name resolution of the host.",
        "not_received",
        "name_not_resolved",
    ),
    Failure(
        r"Connection refused",
        "connect",
        "the EST server refused the connection",
        "Check the port of the template, whether the EST server runs, and the firewalls on the way.",
        "not_received",
        "connection_refused",
    ),
    Failure(
        r"No route to host|Network is unreachable|Host is unreachable",
        "connect",
        "the host has no route to the EST server",
        "Check network, routes and proxy of the host.",
        "not_received",
        "connection_failed",
    ),
    Failure(
        r"Hostname mismatch|IP address mismatch|doesn't match",
        "tls",
        "the certificate of the EST server is for another name",
        "Set the server of the template to a name that the certificate of the EST server carries.",
        "not_received",
        "wrong_server_name",
    ),
    Failure(
        r"certificate has expired",
        "tls",
        "the certificate of the EST server has expired",
        "Renew the certificate of the EST server, or check the clock of the host.",
        "not_received",
        "invalid_server_certificate",
    ),
    Failure(
        r"certificate is not yet valid",
        "tls",
        "the certificate of the EST server is not valid yet",
        "Check the clock of the host and that of the EST server.",
        "not_received",
        "invalid_server_certificate",
    ),
    Failure(
        r"certificate purpose",
        "tls",
        "the certificate of the EST server is not for a server",
        "Give the EST server a certificate with the extended key usage serverAuth.",
        "not_received",
        "invalid_server_certificate",
    ),
    Failure(
        rf"CERTIFICATE_VERIFY_FAILED.*({_STRICT})",
        "tls",
        "the certificate of the EST server or of its CA is not as RFC 5280 wants it, and Python on the host, from 3.13 "
        "on, is strict about that",
        "Use exchange: host, whose client takes such a certificate, or have the CA certificate issued anew.",
        "not_received",
        "invalid_server_certificate",
    ),
    Failure(
        r"CERTIFICATE_VERIFY_FAILED",
        "tls",
        "the certificate of the EST server is not issued by a trusted CA",
        "Set ca_certificate or ca_path of the template to the CA that issued the server's certificate.",
        "not_received",
        "untrusted_certificate",
    ),
    Failure(
        r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL",
        "tls",
        "the server does not speak TLS on this port",
        "Check the port of the template.",
        "not_received",
        "not_tls",
    ),
    Failure(
        r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_SHARED_CIPHER|HANDSHAKE_FAILURE|NO_PROTOCOLS_AVAILABLE",
        "tls",
        "no common TLS version and cipher with the EST server",
        "The EST server must offer TLS 1.2 or later with an AEAD cipher suite.",
        "not_received",
        "no_common_tls",
    ),
    Failure(
        r"handshake operation timed out",
        "tls",
        "the EST server did not finish the TLS handshake in time",
        "Check that the port of the template is the HTTPS port of the EST server.",
        "not_received",
        "tls_failed",
    ),
    Failure(
        r"error (\[Errno \d+\] )?(Connection )?timed out",
        "connect",
        "no connection to the EST server in time",
        "Check server and port of the template and the firewalls on the way.",
        "not_received",
        "connection_failed",
    ),
    Failure(
        r"timed out",
        "",
        "the EST server did not answer in time",
        "Check the EST server, the firewalls on the way and the timeout option.",
        "unknown",
        "no_answer",
    ),
    Failure(
        r"IncompleteRead",
        "",
        "the answer of the EST server is cut off",
        CUT_OFF_HINT,
        "received",
        "connection_closed",
    ),
    Failure(
        r"unknown encoding|not a text encoding|undefined encoding|Unsupported error handling",
        "",
        "the EST server declares a character set for its answer that Python on the host does not know",
        "Use exchange: host, which reads the octets of the answer, or correct charset in the server's Content-Type.",
        "received",
        "not_supported",
    ),
    Failure(
        r"invalid UTF8 string",
        "",
        "the answer of the EST server is not text, and Ansible does not carry it",
        "Use exchange=host, or run Ansible with ANSIBLE_MODULE_STRICT_UTF8_RESPONSE=false.",
        "received",
        "not_supported",
    ),
    Failure(
        r"before a valid response was received|got more than \d+ headers",
        "",
        "the EST server answered with something that is not valid HTTP",
        "Check that server and port of the template are those of an EST server.",
        "received",
        "invalid_http",
    ),
    Failure(
        r"closed connection without response|Connection reset by peer",
        "",
        "the EST server closed the connection without an answer",
        "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off.",
        "unknown",
        "connection_closed",
    ),
)

_UNKNOWN_FAILURE = Failure(
    "",
    "",
    "the connection to the EST server failed",
    "Look at the log of the EST server, and try exchange=host for a closer diagnosis.",
    "unknown",
    "connection_failed",
)


class UriTransport(ModuleTransport):
    """Carries EST requests through the ``uri`` module of a managed host.

    :param execute: runs a module on the host, for real even in check mode.
    :param trust: ``explicit`` or ``system``, as told in the result.
    :param ca_path: a file on the host with the only trusted CA certificates; ``None`` for the host's own store.
    :param only_basic: do not answer a Digest challenge.
    :param unasked: see ``HttpsTransport``.
    :param timeout: seconds without an answer before a request is given up.
    :param max_response_bytes: an answer with a larger body is refused.
    """

    module = "ansible.builtin.uri"
    failures = _FAILURES
    unknown_failure = _UNKNOWN_FAILURE
    instead = "host or controller"
    client_options = ("client_cert", "client_key")

    def __init__(
        self,
        execute: Execute,
        *,
        trust: str,
        ca_path: Optional[str] = None,
        credentials: Optional[Credentials] = None,
        only_basic: bool = False,
        unasked: bool = True,
        client_certificate_path: Optional[str] = None,
        client_key_path: Optional[str] = None,
        timeout: int = 30,
        max_response_bytes: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
    ) -> None:
        options: dict[str, Any] = {
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
            options["ca_path"] = ca_path
        if client_certificate_path is not None:
            options.update(client_cert=client_certificate_path, client_key=client_key_path)
        super().__init__(
            execute,
            options,
            trust=trust,
            credentials=credentials,
            only_basic=only_basic,
            unasked=unasked,
            max_response_bytes=max_response_bytes,
            timeline=timeline,
        )

    def arguments(self, method: str, url: str, headers: Mapping[str, str], body: Optional[str]) -> dict[str, Any]:
        """See ``ModuleTransport.arguments()``."""
        arguments = {
            **self._options,
            "method": method,
            "url": url,
            "headers": {**headers, "Accept-Encoding": "identity"},
        }
        if body is not None:
            arguments.update(body=body, body_format="raw")
        return arguments

    def send(self, arguments: Mapping[str, Any]) -> Answer:
        """See ``ModuleTransport.send()``."""
        result = self._execute(self.module, arguments)
        status = result.get("status", -1)
        if not isinstance(status, int) or status < 100:
            raise self.failure(result)
        headers = {name: str(result[key]) for name, key in _HEADERS.items() if result.get(key) is not None}
        answer = Answer(status, headers, _octets(result))
        if "url_password" in arguments and status < 300 and _is_censored(answer):
            raise ServerError(
                "the answer of the EST server cannot be read: the password of the template occurs in it by chance, and "
                "Ansible censored it",
                http_status=status,
                request_received="received",
                hint="Use a longer password, or exchange=host.",
            )
        return answer

    def words(self, result: Mapping[str, Any]) -> str:
        """What the module says of its failure; of a traceback the last line."""
        return failure_words(result) or "no answer"


#: The response headers that the EST client reads, and the keys under which ``uri`` returns them.
_HEADERS = {
    "content-type": "content_type",
    "retry-after": "retry_after",
    "location": "location",
    "www-authenticate": "www_authenticate",
    "content-length": "content_length",
}

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


def _octets(result: Mapping[str, Any]) -> bytes:
    """The body as it was sent.

    The module decodes it with the character set of the Content-Type, and keeps every byte that it cannot decode as a
    surrogate: this is the way back.
    """
    declared = _CHARSET.search(str(result.get("content_type") or ""))
    content = str(result.get("content") or "")
    try:
        return content.encode(declared.group(1) if declared else "utf-8", "surrogateescape")
    except (LookupError, UnicodeError):  # one that the host knows and this Python does not; what is ASCII stays so
        return content.encode("utf-8", "surrogateescape")


def _is_censored(answer: Answer) -> bool:
    return CENSORED in answer.body or CENSORED.decode() in "".join(answer.headers.values())
