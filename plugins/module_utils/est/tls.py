# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS policy of the EST client: whom it trusts, which versions and ciphers it offers (RFC 7030 3.3, RFC 9325).

Known deviations:

- Python's ``ssl`` always applies OpenSSL's purpose "TLS server", so a certificate with an extended key usage must name
  serverAuth. RFC 7030 section 3.6.1 would let an RA's certificate name id-kp-cmcRA alone; such a server is refused.
- Certificate-less TLS (section 3.3.3) and the "Trusted CA Indication" extension (section 4.1.3) do not exist in it.
"""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from .errors import InputError
from .value import Value, not_shown

if TYPE_CHECKING:
    from .client_certificate import ClientCertificate

_CERTIFICATE = r"(?a)-----BEGIN (?:X509 )?CERTIFICATE-----[\x20-\x7e\s]*?-----END (?:X509 )?CERTIFICATE-----"

# ssl.VERIFY_X509_PARTIAL_CHAIN has a name from Python 3.10 on; OpenSSL has had the flag since 1.0.2.
_VERIFY_PARTIAL_CHAIN = 0x80000

# Best first. RSA key transport has no forward secrecy and comes last, for appliances that can do nothing else.
_CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES"
    ":!aNULL:!eNULL:!EXPORT:!DES:!3DES:!RC4:!MD5:!aDSS:!PSK:!SRP"
)


class Trust(Value):
    """Whom a server's certificate may come from (RFC 7030 section 3.1). Made by :meth:`explicit` or :meth:`system`.

    :param kind: ``"explicit"``: only the configured anchors. ``"system"``: only the host's own store.
    :param pem: the configured anchors, PEM; empty for the system's store.
    :param fingerprint: where the anchor was fetched from the server and accepted by its fingerprint
        (:func:`.bootstrap.bootstrap`): that fingerprint.
    """

    kind: str
    pem: str = not_shown(default="")
    fingerprint: Optional[str] = None

    @property
    def origin(self) -> str:
        """Where the anchors come from: ``"explicit"``, ``"system"`` or ``"fingerprint"``."""
        return "fingerprint" if self.fingerprint is not None else self.kind

    @classmethod
    def explicit(cls, pem_text: str) -> Trust:
        """Trust these certificates and nothing else.

        CA certificates are meant, roots or intermediates. A server's own certificate works as well: it is then the only
        one that is accepted.

        :param pem_text: one or more PEM certificates; comments and other PEM blocks between them are passed over.
        :raises InputError: there is no certificate in it.
        """
        blocks = re.findall(_CERTIFICATE, pem_text)
        if not blocks:
            raise InputError(
                "ca_certificate (or the file of ca_path) has no PEM certificate in it",
                hint="It begins with -----BEGIN CERTIFICATE-----. Convert a DER file with: openssl x509 -inform DER.",
            )
        return cls("explicit", "\n".join(blocks) + "\n")

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
    host name is not: that is for :func:`.server_identity.authorise`, directly after the handshake. There is no way to
    turn either off.

    :raises InputError: anchors that cannot be read or have all expired; a client certificate that cannot be used.
    """
    context = make_distrustful_context()
    # Real EST CAs leave basicConstraints uncritical, which OpenSSL's strict mode refuses.
    flags = int(context.verify_flags) & ~int(ssl.VERIFY_X509_STRICT)
    if trust.kind == "explicit":
        # Without it an intermediate could not be an anchor: OpenSSL would insist on its root.
        context.verify_flags = ssl.VerifyFlags(flags | _VERIFY_PARTIAL_CHAIN)
        _load_anchors(context, trust.pem)
    elif trust.kind == "system":
        context.verify_flags = ssl.VerifyFlags(flags)
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        raise ValueError(f"{trust.kind!r} is no kind of trust")
    if client is not None:
        from .client_certificate import load_client_certificate

        load_client_certificate(context, client)
    return context


def _load_anchors(context: ssl.SSLContext, pem: str) -> None:
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise InputError(
            "ca_certificate (or the file of ca_path) has a PEM block that is no X.509 certificate",
            hint="Look at it with: openssl x509 -noout -text. It may be cut off or damaged by copying.",
        ) from None
    now = time.time()
    # OpenSSL tells the dates of CA certificates only; another kind of anchor is left to the handshake.
    anchors: List[Mapping[str, Any]] = list(context.get_ca_certs())
    expired = [anchor for anchor in anchors if ssl.cert_time_to_seconds(anchor["notAfter"]) < now]
    if expired and len(expired) == context.cert_store_stats()["x509"]:
        names = ", ".join(f"{_common_name(anchor)} on {anchor['notAfter']}" for anchor in expired[:3])
        raise InputError(
            f"the trusted CA certificates in ca_certificate (or ca_path) have all expired: {names}",
            hint="Ask the CA's administrator for its current certificate, and check the clock of this host.",
        )


def _common_name(anchor: Mapping[str, Any]) -> str:
    names = [value for part in anchor.get("subject", ()) for kind, value in part if kind == "commonName"]
    return repr(names[0][:64]) if names else "a certificate without a common name"
