# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why there is no connection to a server, in codes: told where it was tried. ``failure_words.py`` says what they mean.

Both can happen on different machines: ``est_relay`` tells the codes of a host, and the controller has the words.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from typing import Tuple


class Failed(Exception):
    """Why a connection was not made, or broke.

    :param stage: ``resolve``, ``connect``, ``proxy`` or ``tls``; of a relay also ``input``, ``send`` and ``receive``.
    :param kind: one of ``CODES``.
    :param detail: a finer code, or empty; RETURN of ``est_relay`` has them all.
    :param alert: the TLS alert by which the server ended the connection; empty where there was none.
    :param proxy_status: the HTTP status with which the proxy refused.
    :param said: what the platform or the proxy says besides. It is shown, and nothing depends on it.
    """

    def __init__(
        self, stage: str, kind: str, detail: str = "", *, alert: str = "", proxy_status: int = 0, said: str = ""
    ) -> None:
        super().__init__()
        self.stage = stage
        self.kind = kind
        self.detail = detail
        self.alert = alert
        self.proxy_status = proxy_status
        self.said = said


# OpenSSL's names of the alerts of RFC 6066 do not say that they are alerts.
_ALERT = r"ALERT_([A-Z0-9_]+)|\ATLSV1_(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|(?:BAD_)?CERTIFICATE_[A-Z_]+)\Z"

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
#: What of an alert is about a client certificate, whether there was one or not.
_CLIENT_CERTIFICATE = ("CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR")

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

#: X509_V_ERR_* of OpenSSL. What is not here is "unfit", or an issuer that is not known.
_CHAIN_DETAILS = {
    7: "wrong_signature",
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    22: "chain_too_long",
    23: "revoked",
    24: "not_a_ca",
    25: "path_too_long",
    26: "wrong_purpose",
    32: "not_a_signer",
    47: "name_not_permitted",
    48: "name_not_permitted",
    66: "weak_key",
    67: "weak_ca_key",
    68: "weak_hash",
    79: "not_a_ca",
}
_UNTRUSTED = (2, 18, 19, 20, 21, 27)


def alert_of(error: object) -> str:
    """The TLS alert by which the server ended the connection, such as ``unknown_ca``; empty where it was not one."""
    found = re.search(_ALERT, error.reason or "") if isinstance(error, ssl.SSLError) else None
    return found.group(found.lastindex or 0).lower() if found else ""


def is_about_client_certificate(error: object) -> bool:
    """Whether the server ended the connection because of the client's certificate, or because there was none.

    In TLS 1.3 the client learns of it only when it reads its first answer.
    """
    return isinstance(error, ssl.SSLError) and bool(alert_of(error)) and _has(error, _CLIENT_CERTIFICATE)


def handshake_failed(error: Exception) -> Failed:
    """What an error of a handshake means, in codes: stage ``tls``, nothing has been sent."""
    kind, detail, said = _explained(error)
    return Failed("tls", kind, detail, alert=alert_of(error), said=said)


def _explained(error: Exception) -> Tuple[str, str, str]:
    said = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
    said = str(said).lower().replace("_", " ")
    if is_about_client_certificate(error):
        return "client_certificate_refused", "", said
    if isinstance(error, ssl.SSLCertVerificationError):
        untrusted = error.verify_code in _UNTRUSTED
        usual = "unknown_issuer" if untrusted else "unfit"
        detail = _CHAIN_DETAILS.get(error.verify_code, usual)
        return "untrusted_certificate" if untrusted else "invalid_server_certificate", detail, error.verify_message
    if isinstance(error, socket.timeout):
        return "tls_failed", "timeout", ""
    if isinstance(error, ssl.SSLError):
        for parts, kind, detail in (
            (_NOT_TLS, "not_tls", ""),
            (_TOO_OLD, "no_common_tls", ""),
            (_NO_CIPHER, "no_common_cipher", ""),
            (_NO_SECURE_RENEGOTIATION, "tls_failed", "no_secure_renegotiation"),
        ):
            if _has(error, parts):
                return kind, detail, said
    ended = isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError))
    if ended or getattr(error, "errno", None) == errno.ENOTCONN:
        return "tls_failed", "closed", ""
    return "tls_failed", "alert" if alert_of(error) else "failed", said


def _has(error: ssl.SSLError, parts: Tuple[str, ...]) -> bool:
    return any(part in (error.reason or "") for part in parts)
