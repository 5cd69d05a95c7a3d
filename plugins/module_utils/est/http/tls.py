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

import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING, List, Optional, Tuple, Union

from ..._names.pem import pem_text
from ..._value import Value, field
from ..base.errors import InputError
from ..x509.bundle import load_pem_certificates, read_bundle
from ..x509.certificate import iso_utc, subject_text

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

    :param client: for TLS client authentication. One that is on another machine is shown there.
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
    if client is not None and not client.elsewhere:
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
