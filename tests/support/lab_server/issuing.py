# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the authority: certificates and keys other than those that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from cryptography import x509
from cryptography.x509.oid import NameOID
from est_lab_server.authority.authority import Authority, generate_key, key_type_of
from est_lab_server.laboratory import Exchange

_OWN_EXTENSIONS = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)


def other_key(private_key: Any) -> Any:
    """A private key of another type."""
    return generate_key("ec" if key_type_of(private_key) == "rsa" else "rsa")


def other_certificates(
    authority: Authority, exchange: Exchange, certificates: Sequence[x509.Certificate]
) -> tuple[Authority, Sequence[x509.Certificate]]:
    """What the fault of the request makes of the certificates of its answer, and the authority that they are from."""
    fault = exchange.details["fault"]
    of_authority = exchange.route is not None and exchange.route.operation == "cacerts"
    if fault == "empty-bag":
        return authority, ()
    if fault == "unrelated-issuer":
        stranger = Authority.create("EST Lab Stranger CA", key_type_of(authority.private_key))
        return stranger, stranger.chain if of_authority else (_issued_anew(stranger, certificates[0]),)
    if fault == "wrong-key" and not of_authority:
        key = generate_key(key_type_of(authority.private_key)).public_key()
        return authority, (_issued_anew(authority, certificates[0], public_key=key),)
    if fault == "other-name" and not of_authority:
        return authority, (_issued_anew(authority, certificates[0], subject=_renamed(certificates[0].subject)),)
    if fault == "ca-certificate" and not of_authority:
        return authority, (_issued_anew(authority, certificates[0], ca=True),)
    return authority, certificates


def _issued_anew(
    authority: Authority,
    certificate: x509.Certificate,
    subject: Optional[x509.Name] = None,
    public_key: Any = None,
    ca: bool = False,
) -> x509.Certificate:
    extensions = []
    for each in certificate.extensions:
        value = each.value
        if isinstance(value, x509.BasicConstraints):
            value = x509.BasicConstraints(ca=ca, path_length=None)
        if not isinstance(value, _OWN_EXTENSIONS):
            extensions.append((value, each.critical))
    return authority.issue(
        subject or certificate.subject,
        public_key or certificate.public_key(),
        extensions,
        # cryptography 42 renamed these, later versions dropped the old names
        getattr(certificate, "not_valid_before_utc", None) or certificate.not_valid_before,
        getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after,
    )


def _renamed(subject: x509.Name) -> x509.Name:
    others = [attribute for attribute in subject if attribute.oid != NameOID.COMMON_NAME]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root"), *others])
