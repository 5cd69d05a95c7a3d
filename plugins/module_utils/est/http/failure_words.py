# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why there is no connection to a server, or no answer, in words that an administrator can act on.

``failures.py`` has the codes, which may come from another machine.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Dict, Optional, Tuple

from ..._value import Value
from ..base.errors import TransportError
from .failures import REFUSING_ALERTS, Failed, alert_of, is_about_client_certificate
from .transport import NO_CHANNEL_BINDING

if TYPE_CHECKING:
    from ..x509.client_certificate import ClientCertificate
    from .deadline import Exchange
    from .url import EstUrl, Proxy

#: Alerts that a server which has got a client certificate can have sent for no other reason.
_REFUSING_WHERE_SHOWN = (*REFUSING_ALERTS, "decode_error")


class ShownClient(Value):
    """The TLS client certificate of a connection that failed, for the words of the failure.

    :param client: the certificate; ``None`` where there is none to show.
    :param sent: whether the server got it; ``None`` where nobody can tell.
    """

    client: Optional[ClientCertificate] = None
    sent: Optional[bool] = False

    @property
    def may_be_it(self) -> bool:
        """Whether the server can have ended the connection because of it."""
        return self.client is not None and self.sent is not False

    def is_refused_by(self, error: object) -> bool:
        """Whether an error says that the server ended the connection because of it, or because there was none."""
        return is_about_client_certificate(error) or self._explains(alert_of(error))

    def _explains(self, alert: str) -> bool:
        return bool(alert) and self.may_be_it and alert in _REFUSING_WHERE_SHOWN

    def in_words(self) -> str:
        """The certificate, its subject and the kind of its key."""
        from ..x509.client_certificate import in_words

        return in_words(self.client) if self.client is not None else ""

    def tell(self, error: TransportError, where: str) -> TransportError:
        """Say in an error that the certificate was shown, and how to see what the server says to it."""
        if self.client is None or self.sent is False:
            return error
        from ..x509.client_certificate import openssl_options

        words = self.in_words()
        if words not in error.reason:
            error.reason += f"; {'it had got' if self.sent else 'it may have got'} {words}"
        command = f"openssl s_client -connect {where}"
        if command in error.hint:
            error.hint = error.hint.replace(command, f"{command}{openssl_options(self.client)}")
        else:
            error.note(
                f"What the server says to that certificate, this shows: {command}{openssl_options(self.client)}."
            )
        return error


class Way(Value):
    """The way to a server that was tried.

    :param trust: the kind of trust; see ``Trust``.
    :param seconds: that each step was given.
    :param only_tls_1_2: no later version was offered, because of the proof of possession.
    """

    url: EstUrl
    proxy: Optional[Proxy]
    trust: str
    seconds: float
    shown: ShownClient = ShownClient()
    only_tls_1_2: bool = False


def in_words(failed: Failed, way: Way) -> TransportError:
    """The error for a connection that was not made: nothing of HTTP was sent.

    :param failed: of the stages resolve, connect, proxy or tls.
    """
    if failed.stage != "tls":
        explain = {"resolve": _not_resolved, "connect": _not_connected, "proxy": _no_tunnel}[failed.stage]
        reason, hint = explain(failed, way)
        stage = "connect" if failed.stage == "proxy" else failed.stage
        return TransportError(reason, code=failed.kind, stage=stage, hint=hint)
    where = way.url.authority
    if way.only_tls_1_2 and failed.kind == "no_common_tls":
        return _tls_1_2_refused(where)
    if failed.kind == "client_certificate_refused" or way.shown._explains(failed.alert):
        return client_certificate_refused(failed.alert, where, way.shown, failed.said)
    reason, hint = _no_handshake(failed, where, way)
    error = TransportError(reason, code=failed.kind, stage="tls", hint=hint, alert=failed.alert)
    return way.shown.tell(error, where)


def _not_resolved(failed: Failed, way: Way) -> Tuple[str, str]:
    host, option = (way.proxy.host, "proxy") if way.proxy else (way.url.host, "server")
    if failed.detail == "timeout":
        return (
            f"the name service did not say within {way.seconds:g} seconds where {host} is",
            "Check the name servers of the host from which the exchange leaves.",
        )
    return (
        f"the name service gave no answer for {host}"
        if failed.detail == "no_answer"
        else f"the host {host} is not known",
        f"Check the spelling of {option}, and that the host of the exchange can resolve it.",
    )


def _not_connected(failed: Failed, way: Way) -> Tuple[str, str]:
    where, checked = way.url.authority, "server and port"
    if way.proxy:
        where, checked = f"the proxy {way.proxy.host}:{way.proxy.port}", "proxy"
    if failed.kind == "connection_refused":
        return f"nothing listens on {where} (connection refused)", f"Check {checked}, and that the EST server runs."
    if failed.detail == "timeout":
        return (
            f"{where} did not accept a connection within {way.seconds:g} seconds",
            f"Check {checked}, and that no firewall stands between this host and the EST server.",
        )
    said = failed.said or ("no route to host" if failed.detail == "unreachable" else "")
    return (
        f"{where} cannot be reached{f' ({said})' if said else ''}",
        "Check the network between the host from which the exchange leaves and the EST server.",
    )


def _no_tunnel(failed: Failed, way: Way) -> Tuple[str, str]:
    where = f"the proxy {way.proxy.host}:{way.proxy.port}" if way.proxy else "the proxy"
    target = way.url.authority
    if failed.detail == "timeout":
        return (
            f"{where} did not answer in time when asked for a connection to {target}",
            "The proxy cannot reach the EST server, or the port is not the one of a proxy.",
        )
    if failed.detail == "refused":
        return (
            f"{where} refused a connection to {target} (HTTP {failed.said or failed.proxy_status})",
            "Allow this host to reach the EST server in the proxy's rules. Proxy passwords are not supported."
            if failed.proxy_status in (403, 405, 407)
            else "Check server and port: the proxy could not reach them.",
        )
    if failed.detail == "not_http" or not failed.said:
        return (
            f"{where} does not answer as an HTTP proxy does",
            "Check that proxy names an HTTP proxy and its port (not an HTTPS or SOCKS proxy).",
        )
    return (
        f"{where} broke the connection when asked for one to {target} ({failed.said})",
        "Check that proxy names an HTTP proxy and its port.",
    )


def _no_handshake(failed: Failed, where: str, way: Way) -> Tuple[str, str]:
    if failed.kind == "untrusted_certificate":
        anchors = "the trusted CA certificates" if way.trust == "explicit" else "this host's trust store"
        words = "self-signed and not" if failed.detail == "self_signed" else "not issued by a CA that is"
        return (
            f"the certificate of {where} is {words} in {anchors}",
            "Trust the certificate of the CA that issued the server's certificate; if that is trusted, check that it "
            "belongs to this server, and that the server sends its intermediate CA certificates.",
        )
    if failed.kind == "invalid_server_certificate":
        said = f": {failed.said}" if failed.said else ""
        words, hint = _OF_A_CHAIN.get(failed.detail, (f"the server's certificate is not accepted{said}", _CHAIN))
        return f"{words} ({where})", hint
    if failed.kind == "wrong_server_name":
        return (
            f"the server's certificate is not for {way.url.host}",
            "Set server to a name that the certificate has, or have one issued with the name that is used.",
        )
    if failed.kind == "not_tls":
        return (
            f"the server does not speak TLS on this port ({where}); it may be a plain HTTP port",
            "Set port to the server's HTTPS port.",
        )
    if failed.kind == "no_common_tls":
        return (
            f"{where} speaks no TLS version that may still be used: TLS 1.2 or 1.3 is needed (RFC 8996)",
            "Switch on TLS 1.2 or TLS 1.3 on the server.",
        )
    if failed.kind == "no_common_cipher":
        return (
            f"{where} and this client have no cipher suite in common, or the server wants a TLS client certificate",
            "Allow a current cipher suite (ECDHE with AES-GCM) on the server; if it asks for a client certificate, "
            "give one.",
        )
    if failed.detail == "timeout":
        return (
            f"{where} accepted the connection but did not complete the TLS handshake within {way.seconds:g} seconds",
            "Check that the port is the one of the EST server, and that no firewall stops the connection half way.",
        )
    if failed.detail == "no_secure_renegotiation":
        return (
            f"{where} does not know secure renegotiation (RFC 5746), and OpenSSL connects to no such server",
            "Update what ends TLS there, the EST server or a proxy before it, or switch on TLS 1.3 on it.",
        )
    if failed.detail == "closed":
        return (
            f"{where} closed the connection during the TLS handshake",
            "Check that the port is the one of the EST server; the server's log may say why it closed the connection.",
        )
    said = _said(failed.said, failed.alert)
    return (
        f"the TLS handshake with {where} failed{f' ({said})' if said else ''}",
        f"Look at what the server does with: openssl s_client -connect {where}.",
    )


def _said(said: str, alert: str) -> str:
    return said or (f"alert {alert.replace('_', ' ')}" if alert else "")


_CLOCK = "Renew the certificate on the server. If its dates look right, check the clock of this host."
_CHAIN = "Have the CA's administrator look at the server's chain: openssl s_client -showcerts shows it."
_WEAK = "Have a certificate with a larger key and at least SHA-256 issued for the server or its CA."
_OF_A_CHAIN: Dict[str, Tuple[str, str]] = {
    "wrong_signature": ("a signature in the server's certificate chain is wrong", _CHAIN),
    "not_yet_valid": (
        "the server's certificate, or one in its chain, is not valid yet",
        "Check the clock of this host.",
    ),
    "expired": ("the server's certificate, or a CA certificate in its chain, has expired", _CLOCK),
    "chain_too_long": ("the server's certificate chain is too long", _CHAIN),
    "revoked": ("the server's certificate has been revoked", "Have a new certificate issued for the server."),
    "not_a_ca": ("a certificate in the server's chain may not issue certificates (it is not a CA)", _CHAIN),
    "path_too_long": ("the server's chain has more CAs than its path length constraint allows", _CHAIN),
    "wrong_purpose": (
        "the server's certificate is not meant for TLS servers (no serverAuth in its extended key usage)",
        "Have the server's certificate issued again with the extended key usage serverAuth.",
    ),
    "not_a_signer": ("a certificate in the server's chain may not sign certificates (key usage)", _CHAIN),
    "name_not_permitted": (
        "the server's certificate has a name that its CA may not certify (name constraints)",
        _CHAIN,
    ),
    "weak_key": ("the key of the server's certificate is too small", _WEAK),
    "weak_ca_key": ("the key of a CA in the server's chain is too small", _WEAK),
    "weak_hash": ("a certificate in the server's chain is signed with a weak hash", _WEAK),
}


def client_certificate_refused(alert: str, where: str, shown: ShownClient, said: str = "") -> TransportError:
    """The error where a server ended the connection because of the client's certificate, or the lack of one.

    :param said: the words of the platform.
    """
    what = "the TLS client certificate, or the lack of one"
    if shown.client is None:
        what = "a client without a TLS client certificate"
    elif shown.sent:
        what = shown.in_words()
    return shown.tell(
        TransportError(
            f"{where} refused {what} ({_said(said, alert)})",
            code="client_certificate_refused",
            stage="tls",
            hint="Give a TLS client certificate (with its intermediates) from a CA that the EST server accepts for TLS "
            "clients, with a key of a kind that it accepts, and check that it has not expired.",
            alert=alert,
        ),
        where,
    )


def _tls_1_2_refused(where: str) -> TransportError:
    return TransportError(
        f"{where} does not speak TLS 1.2, which the proof of possession needs: in TLS 1.3 there is no tls-unique (RFC "
        "9266 section 3), and Python has no tls-exporter to put in its place",
        code="no_channel_binding",
        stage="tls",
        hint=NO_CHANNEL_BINDING,
    )


def answer_too_large(where: str, limit: int, http_status: Optional[int] = None) -> TransportError:
    """The error for an answer with a body of more than ``limit`` bytes."""
    return TransportError(
        f"{where}: its answer is larger than {limit} bytes",
        code="answer_too_large",
        stage="",
        hint="Check that server, port, label and base path are those of an EST server.",
        request_received="received",
        http_status=http_status,
    )


def broken(exchange: Exchange, server: str, request: str, shown: ShownClient) -> TransportError:
    """Why there is no answer, from what was seen on the wire: the libraries' exceptions differ by version.

    :param server: ``host:port``.
    :param request: its method and target.
    :param shown: the TLS client certificate of the connection.
    """
    where = f"{server} ({request})"
    unanswered = "unknown" if exchange.written else "not_received"
    received = "received" if exchange.received else unanswered
    if shown.is_refused_by(exchange.failure) and received != "received" and not exchange.reused:
        said = str(getattr(exchange.failure, "reason", "")).lower().replace("_", " ")
        return client_certificate_refused(alert_of(exchange.failure), server, shown, said)
    if isinstance(exchange.failure, socket.timeout):
        if exchange.deadline.passed:
            reason = f"{where} did not complete its answer within {exchange.deadline.seconds:g} seconds"
        else:
            reason = f"{where} sent nothing for {exchange.step_seconds:g} seconds"
        code = "no_answer"
        hint = "The server is overloaded or hangs: look at its log. Where it is known to be slow, allow more time."
    elif exchange.failure is not None or exchange.ended:
        moment = "in the middle of its answer" if exchange.received else "without an answer"
        reason = f"{where} closed the connection {moment}"
        code = "connection_closed"
        hint = "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off."
    else:
        reason = f"{where} answered with something that is not valid HTTP"
        code, hint = "invalid_http", "Check that server and port are those of an EST server."
    alert = alert_of(exchange.failure) if received != "received" else ""
    error = TransportError(reason, code=code, stage="", hint=hint, request_received=received, alert=alert)
    return error if exchange.received or exchange.reused else shown.tell(error, server)
