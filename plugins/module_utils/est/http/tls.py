# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS policy of the EST client: trust, versions and ciphers (RFC 7030 section 3.3, RFC 9325).

Known deviations:

- Python's ``ssl`` always applies OpenSSL's purpose "TLS server", so a certificate with an extended key usage must name
  serverAuth. RFC 7030 section 3.6.1 would let an RA's certificate name id-kp-cmcRA alone; such a server is refused.
- Certificate-less TLS (section 3.3.3) and the "Trusted CA Indication" extension (section 4.1.3) do not exist there.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING, List, Optional, Tuple, Union

from ..._names.pem import pem_text
from ..._value import Value, field
from ..base.errors import InputError, TransportError
from ..x509.bundle import load_pem_certificates, read_bundle
from ..x509.certificate import iso_utc, subject_text
from .transport import NO_CHANNEL_BINDING

if TYPE_CHECKING:
    from ..x509.client_certificate import ClientCertificate
    from ..x509.fields import Certificate

# ssl.VERIFY_X509_PARTIAL_CHAIN has a name from Python 3.10 on; OpenSSL has had the flag since 1.0.2.
_VERIFY_PARTIAL_CHAIN = 0x80000

# Best first. RSA key transport has no forward secrecy and comes last, for appliances that can do nothing else.
_CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES"
    ":!aNULL:!eNULL:!EXPORT:!DES:!3DES:!RC4:!MD5:!aDSS:!PSK:!SRP"
)


class Trust(Value):
    """Whom a server's certificate may come from (RFC 7030 section 3.1). Made by ``explicit()`` or ``system()``.

    :param kind: ``"explicit"``: only the configured anchors. ``"system"``: only the host's own store.
    :param pem: the configured anchors, PEM; empty for the system's store.
    :param fingerprint: where the anchor was fetched from the server and accepted by its fingerprint
        (``bootstrap()``): that fingerprint.
    :param source: where the anchors come from, as an error says it.
    :param warnings: which of the configured certificates are no anchors, and why.
    """

    kind: str
    pem: str = field(default="", repr=False)
    fingerprint: Optional[str] = None
    source: str = "the text of CA certificates"
    warnings: Tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the anchors come from: ``"explicit"``, ``"system"`` or ``"fingerprint"``."""
        return "fingerprint" if self.fingerprint is not None else self.kind

    @property
    def anchors(self) -> Optional[Tuple[Certificate, ...]]:
        """The configured anchors; ``None`` for the system's store."""
        return load_pem_certificates(self.pem) if self.kind == "explicit" else None

    @classmethod
    def explicit(cls, content: Union[str, bytes], source: str = "the text of CA certificates") -> Trust:
        """Trust these certificates and nothing else.

        CA certificates are meant, roots or intermediates. A server's own certificate works as well: it is then the only
        one that is accepted. One that cannot be read is left out, with a warning.

        :param content: one or more certificates, in any shape that ``read_bundle()`` reads.
        :param source: where they come from, as an error says it.
        :raises InputError: there is no certificate in it that can be read.
        """
        bundle = read_bundle(content, source, anchors=True)
        texts: List[str] = []
        unread: List[str] = []
        scratch = make_distrustful_context()
        for certificate in bundle.certificates:
            try:
                scratch.load_verify_locations(cadata=certificate.der)
                texts.append(pem_text(certificate.der))
            except (ssl.SSLError, ValueError):
                words = "cannot be used: OpenSSL does not read it"
                unread.append(f"the certificate {subject_text(certificate)} of {source} {words}")
        if not texts:
            raise InputError(
                "; ".join(unread[:3]),
                code="invalid_trust_anchors",
                hint="openssl x509 -noout -text says what is wrong with them.",
            )
        left_out = (f"{reason}; it was left out" for reason in unread)
        return cls("explicit", "".join(texts), source=source, warnings=(*bundle.skipped, *left_out))

    @classmethod
    def system(cls) -> Trust:
        """Trust the CA certificates that the host's operating system trusts."""
        return cls("system")


def make_distrustful_context() -> ssl.SSLContext:
    """A TLS context with the versions and ciphers of this client, and without any anchor: it refuses every server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # RFC 8996 and RFC 9325: nothing below TLS 1.2, and TLS 1.3 is offered.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.set_ciphers(_CIPHERS)
    return context


def make_context(trust: Trust, client: Optional[ClientCertificate] = None) -> ssl.SSLContext:
    """The TLS context for connections to an EST server.

    Chains are validated by OpenSSL (RFC 5280: signatures, validity, basicConstraints, path length, key usages). The
    host name is not: that is for ``authorize()``, directly after the handshake. There is no way to turn either off.

    :param client: for TLS client authentication.
    :raises InputError: anchors that cannot be read or have all expired; a client certificate that cannot be used.
    """
    context = make_distrustful_context()
    # Real EST CAs leave basicConstraints non-critical, which OpenSSL's strict mode refuses.
    flags = int(context.verify_flags) & ~int(ssl.VERIFY_X509_STRICT)
    if trust.kind == "explicit":
        # Without it an intermediate could not be an anchor: OpenSSL would insist on its root.
        context.verify_flags = ssl.VerifyFlags(flags | _VERIFY_PARTIAL_CHAIN)
        _load_anchors(context, trust, client)
    elif trust.kind == "system":
        context.verify_flags = ssl.VerifyFlags(flags)
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        raise ValueError(f"{trust.kind!r} is not a kind of trust")
    if client is not None:
        from ..x509.client_certificate import load_client_certificate

        load_client_certificate(context, client)
    return context


def _load_anchors(context: ssl.SSLContext, trust: Trust, client: Optional[ClientCertificate]) -> None:
    anchors = trust.anchors or ()
    used = anchors
    if client is not None and client.alone:
        from ..x509.client_certificate import own_issuer

        # OpenSSL sends anchors along that have issued the client's certificate. The only one has to stay.
        issuer = own_issuer(client)
        used = tuple(anchor for anchor in anchors if anchor.subject.encoded != issuer) or anchors
    context.load_verify_locations(cadata=trust.pem if used == anchors else "".join(pem_text(one.der) for one in used))
    now = datetime.now(timezone.utc)
    if all(anchor.not_after < now for anchor in anchors):
        names = ", ".join(f"{subject_text(anchor)} on {iso_utc(anchor.not_after)}" for anchor in anchors[:3])
        raise InputError(
            f"the trusted CA certificates in {trust.source} have all expired: {names}",
            code="invalid_trust_anchors",
            hint="Ask the CA's administrator for its current certificate, and check the clock of this host.",
        )


# ----------------------------------------------------------------------------------------------------------------------
# Why a TLS handshake failed, in words that an administrator can act on.

_CLOCK = "Renew the certificate on the server. If its dates look right, check the clock of this host."
_CHAIN = "Have the CA's administrator look at the server's chain: openssl s_client -showcerts shows it."
_WEAK = "Have a certificate with a larger key and at least SHA-256 issued for the server or its CA."

# X509_V_ERR_* of OpenSSL: what it means, and what to do. Those of _UNTRUSTED depend on the trust.
_CHAIN_ERRORS = {
    7: ("a signature in the server's certificate chain is wrong", _CHAIN),
    9: ("the server's certificate, or one in its chain, is not valid yet", "Check the clock of this host."),
    10: ("the server's certificate, or a CA certificate in its chain, has expired", _CLOCK),
    22: ("the server's certificate chain is too long", _CHAIN),
    23: ("the server's certificate has been revoked", "Have a new certificate issued for the server."),
    24: ("a certificate in the server's chain may not issue certificates (it is not a CA)", _CHAIN),
    25: ("the server's chain has more CAs than its path length constraint allows", _CHAIN),
    26: (
        "the server's certificate is not meant for TLS servers (no serverAuth in its extended key usage)",
        "Have the server's certificate issued again with the extended key usage serverAuth.",
    ),
    32: ("a certificate in the server's chain may not sign certificates (key usage)", _CHAIN),
    47: ("the server's certificate has a name that its CA may not certify (name constraints)", _CHAIN),
    48: ("the server's certificate has a name that its CA may not certify (name constraints)", _CHAIN),
    66: ("the key of the server's certificate is too small", _WEAK),
    67: ("the key of a CA in the server's chain is too small", _WEAK),
    68: ("a certificate in the server's chain is signed with a weak hash", _WEAK),
    79: ("a certificate in the server's chain may not issue certificates (it is not a CA)", _CHAIN),
}
_UNTRUSTED = (2, 18, 19, 20, 21, 27)

_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
_TOO_OLD = ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW")
_NO_CIPHER = ("HANDSHAKE_FAILURE", "INSUFFICIENT_SECURITY", "NO_CIPHERS_AVAILABLE", "DH_KEY_TOO_SMALL")
_NO_SECURE_RENEGOTIATION = ("UNSAFE_LEGACY_RENEGOTIATION",)
_CLIENT_CERTIFICATE = ("CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR")


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


_NO_CLIENT = ShownClient()


def handshake_failure(
    error: Exception, where: str, trust: Trust, seconds: float, shown: ShownClient = _NO_CLIENT
) -> TransportError:
    """The error for a handshake that did not complete: stage ``tls``, nothing has been sent.

    :param where: ``host:port`` of the server.
    :param seconds: the time that the handshake was given.
    """
    if is_client_certificate_alert(error, shown):
        return client_certificate_refused(error, where, shown)
    code, reason, hint = _explain(error, where, trust, seconds)
    return shown.tell(TransportError(reason, code=code, stage="tls", hint=hint, alert=alert_of(error)), where)


#: Alerts by which a server refuses a client certificate (RFC 8446 section 6.2, RFC 5246 section 7.2.2), but not the one
#: that says that it was revoked.
REFUSING_ALERTS = (
    "access_denied",
    "bad_certificate",
    "bad_certificate_hash_value",
    "bad_certificate_status_response",
    "certificate_expired",
    "certificate_required",
    "certificate_unknown",
    "certificate_unobtainable",
    "decrypt_error",
    "handshake_failure",
    "illegal_parameter",
    "insufficient_security",
    "no_certificate",
    "unknown_ca",
    "unsupported_certificate",
)
#: The same of a server that has got one, for which they can have no other reason.
_REFUSING_WHERE_SHOWN = (*REFUSING_ALERTS, "decode_error")


# OpenSSL's names of the alerts of RFC 6066 do not say that they are alerts.
_ALERT = r"ALERT_([A-Z0-9_]+)|\ATLSV1_(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|(?:BAD_)?CERTIFICATE_[A-Z_]+)\Z"


def alert_of(error: object) -> str:
    """The TLS alert by which the server ended the connection, such as ``unknown_ca``; empty where it was not one."""
    found = re.search(_ALERT, error.reason or "") if isinstance(error, ssl.SSLError) else None
    return found.group(found.lastindex or 0).lower() if found else ""


def is_client_certificate_alert(error: object, shown: ShownClient = _NO_CLIENT) -> bool:
    """Whether the server ended the connection because of the client's certificate, or because there was none.

    In TLS 1.3 the client learns of it only when it reads its first answer.
    """
    alert = alert_of(error)
    if alert and shown.may_be_it and alert in _REFUSING_WHERE_SHOWN:
        return True
    return isinstance(error, ssl.SSLError) and bool(alert) and _has(error, _CLIENT_CERTIFICATE)


def client_certificate_refused(error: object, where: str, shown: ShownClient = _NO_CLIENT) -> TransportError:
    """The error for ``is_client_certificate_alert()``."""
    words = str(getattr(error, "reason", "")).lower().replace("_", " ")
    what = "the TLS client certificate, or the lack of one"
    if shown.client is None:
        what = "a client without a TLS client certificate"
    elif shown.sent:
        what = shown.in_words()
    return shown.tell(
        TransportError(
            f"{where} refused {what} ({words})",
            code="client_certificate_refused",
            stage="tls",
            hint="Give a TLS client certificate (with its intermediates) from a CA that the EST server accepts for TLS "
            "clients, with a key of a kind that it accepts, and check that it has not expired.",
            alert=alert_of(error),
        ),
        where,
    )


def is_version_alert(error: object) -> bool:
    """Whether client and server have no TLS version in common."""
    return isinstance(error, ssl.SSLError) and _has(error, _TOO_OLD)


def tls_1_2_refused(where: str) -> TransportError:
    """The error for ``is_version_alert()`` where TLS 1.2 alone was offered, because of the proof of possession."""
    return TransportError(
        f"{where} does not speak TLS 1.2, which the proof of possession needs: in TLS 1.3 there is no tls-unique (RFC "
        "9266 section 3), and Python has no tls-exporter to put in its place",
        code="no_channel_binding",
        stage="tls",
        hint=NO_CHANNEL_BINDING,
    )


def _explain(error: Exception, where: str, trust: Trust, seconds: float) -> Tuple[str, str, str]:
    """Code, reason and hint."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verification(error, where, trust)
    if isinstance(error, socket.timeout):
        return (
            "tls_failed",
            f"{where} accepted the connection but did not complete the TLS handshake within {seconds:g} seconds",
            "Check that the port is the one of the EST server, and that no firewall stops the connection half way.",
        )
    if isinstance(error, ssl.SSLError) and _has(error, _NOT_TLS):
        return (
            "not_tls",
            f"the server does not speak TLS on this port ({where}); it may be a plain HTTP port",
            "Set port to the server's HTTPS port.",
        )
    if is_version_alert(error):
        return (
            "no_common_tls",
            f"{where} speaks no TLS version that may still be used: TLS 1.2 or 1.3 is needed (RFC 8996)",
            "Switch on TLS 1.2 or TLS 1.3 on the server.",
        )
    if isinstance(error, ssl.SSLError) and _has(error, _NO_CIPHER):
        return (
            "no_common_cipher",
            f"{where} and this client have no cipher suite in common, or the server wants a TLS client certificate",
            "Allow a current cipher suite (ECDHE with AES-GCM) on the server; if it asks for a client certificate, "
            "give one.",
        )
    if isinstance(error, ssl.SSLError) and _has(error, _NO_SECURE_RENEGOTIATION):
        return (
            "tls_failed",
            f"{where} does not know secure renegotiation (RFC 5746), and OpenSSL connects to no such server",
            "Update what ends TLS there, the EST server or a proxy before it, or switch on TLS 1.3 on it.",
        )
    ended = isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError))
    if ended or getattr(error, "errno", None) == errno.ENOTCONN:
        return (
            "tls_failed",
            f"{where} closed the connection during the TLS handshake",
            "Check that the port is the one of the EST server; the server's log may say why it closed the connection.",
        )
    words = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
    return (
        "tls_failed",
        f"the TLS handshake with {where} failed ({str(words).lower().replace('_', ' ')})",
        f"Look at what the server does with: openssl s_client -connect {where}.",
    )


def _has(error: ssl.SSLError, parts: Tuple[str, ...]) -> bool:
    return any(part in (error.reason or "") for part in parts)


def _verification(error: ssl.SSLCertVerificationError, where: str, trust: Trust) -> Tuple[str, str, str]:
    number = error.verify_code
    if number in _UNTRUSTED:
        anchors = "the trusted CA certificates" if trust.kind == "explicit" else "this host's trust store"
        words = "self-signed and not" if number == 18 else "not issued by a CA that is"
        return (
            "untrusted_certificate",
            f"the certificate of {where} is {words} in {anchors}",
            "Trust the certificate of the CA that issued the server's certificate; if that is trusted, check that it "
            "belongs to this server, and that the server sends its intermediate CA certificates.",
        )
    other = f"the server's certificate is not accepted: {error.verify_message}"
    words, hint = _CHAIN_ERRORS.get(number, (other, _CHAIN))
    return "invalid_server_certificate", f"{words} ({where})", hint
