# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an EST server answers, as plain data for people and playbooks. Nothing on the server changes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

from .base.errors import EstError, ParseError
from .base.text import printable
from .bootstrap import CaBag
from .client import EstClient
from .http.digest_authentication import parse_challenges
from .http.tls import Trust
from .http.transport import Peer, Transport
from .http.url import EstUrl
from .x509.certificate import days_left, describe, load_certificate, subject_text
from .x509.fields import Certificate
from .x509.path import is_self_signed

_SOON_DAYS = 30
_COMPARE = (
    "Nothing of this server has been verified. Compare the SHA-256 fingerprint of its root with the one that the "
    "administrator of the CA names, over another way than this connection, and then trust it by that fingerprint."
)


def server_info(client: EstClient, transport: Transport, trust: Trust) -> Dict[str, Any]:
    """Ask a verified server for everything that it says without a certificate request.

    :param transport: the one of ``client``.
    :param trust: the one of ``transport``.
    :returns: the keys of the result of ``est_server_info``; see its documentation.
    :raises EstError: the server cannot be reached, is not trusted, or gives no CA certificates. What else it does not
        answer becomes a warning.
    """
    now = datetime.now(timezone.utc)
    client.announce("cacerts", "csrattrs")
    authorities = client.cacerts()
    warnings = list(client.url.warnings)
    attributes = _csr_attributes(client, warnings)
    authentication = _authentication(client, transport, warnings)
    peer = transport.peer
    if peer is None:
        raise AssertionError("an answer comes from a peer")
    server = _server(client.url, peer, trust.origin, peer.authorized_by, now, warnings)
    _warn_of_one(authorities.root, f"root {subject_text(authorities.root)}", now, warnings)
    warnings.extend(client.warnings)
    return {
        "trusted": True,
        "server": server,
        "ca_certificates": [
            {**described, "self_signed": is_self_signed(certificate)}
            for described, certificate in zip(authorities.describe(now), authorities.certificates)
        ],
        "root_certificate": describe(authorities.root, now),
        "root_trusted_by": authorities.root_trusted_by,
        "untrusted_certificates": [
            {
                "subject": one.subject,
                "fingerprint_sha256": one.fingerprint_sha256,
                "error_code": one.code,
                "reason": one.reason,
            }
            for one in authorities.dropped
        ],
        "csr_attributes": attributes,
        "authentication": authentication,
        "warnings": warnings,
    }


def unverified_server_info(url: EstUrl, bag: CaBag) -> Dict[str, Any]:
    """Describe what a server sent of which nothing was verified: the fingerprints that an administrator compares."""
    now = datetime.now(timezone.utc)
    warnings = [*url.warnings, *bag.warnings]
    return {
        "trusted": False,
        "server": _server(url, bag.peer, "none", None, now, warnings),
        "ca_certificates": [
            {
                **describe(certificate, now),
                "current_root": False,
                "self_signed": is_self_signed(certificate),
            }
            for certificate in bag.certificates
        ],
        "hint": _COMPARE,
        "warnings": warnings,
    }


def _server(
    url: EstUrl, peer: Peer, trust: str, authorized_by: Optional[str], now: datetime, warnings: List[str]
) -> Dict[str, Any]:
    certificate = None
    if peer.certificate is not None:
        try:
            loaded = load_certificate(peer.certificate)
        except ParseError as error:
            warnings.append(f"the certificate of the server: {error.reason}")
        else:
            certificate = describe(loaded, now)
            _warn_of_one(loaded, "certificate of the server", now, warnings)
    return {
        "url": url.base,
        "tls_version": peer.tls_version,
        "cipher": peer.cipher,
        "certificate": certificate,
        "trust": trust,
        "authorized_by": authorized_by,
    }


def _warn_of_one(certificate: Certificate, name: str, now: datetime, warnings: List[str]) -> None:
    """RFC 7030 section 4.1.2: the CA certificates should be fetched anew before they expire."""
    left = days_left(certificate, now)
    if left < 0:
        warnings.append(f"the {name} has expired")
    elif left < _SOON_DAYS:
        warnings.append(f"the {name} expires in {left} days")


def _csr_attributes(client: EstClient, warnings: List[str]) -> List[Dict[str, str]]:
    try:
        answer = client.csrattrs(strict=True)
    except EstError as error:
        warnings.append(f"the server does not tell what it wants of certificate requests: {error.reason}")
        return []
    warnings.extend(answer.warnings)
    return answer.attributes.describe() if answer.attributes is not None else []


def _authentication(client: EstClient, transport: Transport, warnings: List[str]) -> Optional[Dict[str, Any]]:
    """Which HTTP authentication the server asks for, from its answer to an enrolment request that is empty.

    There is no certificate request in it and no user name, so nothing can be issued and no account locked: a server
    asks who is there (401), or says that this is not a request (400).
    """
    url = client.url.operation("simpleenroll")
    try:
        with client.timeline.stage("authentication") as step:
            response = transport.request("POST", url, {"Content-Type": "application/pkcs10"}, b"")
            step.detail = f"HTTP {response.status} to an empty request without a user name"
    except EstError as error:
        warnings.append(f"it is not known which authentication the server asks for: {error.reason}")
        return None
    challenges = parse_challenges(response.headers.get("www-authenticate")) if response.status == 401 else ()
    if response.status == 401 and not challenges:
        warnings.append(
            "the server asks who the client is without saying in which way (no WWW-Authenticate): it gets a user name "
            "and a password as HTTP Basic, and may take TLS client certificates only"
        )
    return {
        "required": response.status == 401,
        "http_status": response.status,
        "schemes": [
            {
                "scheme": printable(challenge.scheme, 40).lower(),
                "realm": printable(challenge.parameters.get("realm", ""), 200),
                "algorithm": printable(challenge.parameters.get("algorithm", ""), 40),
            }
            for challenge in challenges
        ],
    }
