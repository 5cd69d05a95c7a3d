# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of a test enrolment as plain data, with the keys that playbooks rely on."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from .._names.distinguished_names import format_slash_dn
from .._template.model import Template
from .._template.render import Rendered
from ..est.base.errors import Timeline
from ..est.client import EstClient, VerifiedCertificate
from ..est.http.url import EstUrl
from ..est.pending import PendingEnrolment
from ..est.x509.certificate import describe, iso_utc, pem, subject_alternative_names
from ..est.x509.names import read_name
from ..est.x509.path import is_self_signed
from .acceptance import Acceptance
from .compare import in_words
from .files import CERTIFICATE_FILE, CHAIN_FILE, PRIVATE_KEY_FILE, ROOT_CERTIFICATE_FILE
from .issued import Comparison


def success(
    status: str,
    *,
    changed: bool,
    template: Template,
    rendered: Rendered,
    url: EstUrl,
    trust: str,
    exchange: str,
    timeline: Timeline,
    acceptance: Acceptance,
    client: Optional[EstClient] = None,
    path: Optional[str] = None,
    separator: str = "/",
    verified: Optional[VerifiedCertificate] = None,
    comparison: Optional[Comparison] = None,
    pending: Optional[PendingEnrolment] = None,
    warnings: Sequence[str] = (),
) -> Dict[str, Any]:
    """The result of a test that is ``issued``, ``pending`` or, in check mode, ``not_asked``.

    :param trust: ``explicit``, ``system`` or ``fingerprint``.
    :param acceptance: what is accepted of a certificate that is not what was asked for.
    :param client: that carried the exchange; ``None`` where nothing was sent.
    :param path: the folder on the host in which the files were saved.
    :param separator: between the parts of its paths.
    :param comparison: of the certificate in ``verified`` with what was asked for.
    """
    peer = client.peer if client is not None else None
    requested = {
        "subject": format_slash_dn(rendered.subject),
        "subject_alternative_names": [str(name) for name in rendered.subject_alternative_names],
    }
    found: Dict[str, Any] = {
        "changed": changed,
        "status": status,
        "template": template.name,
        "requested": requested,
        "substitutions": dict(rendered.substitutions),
        "omitted_attributes": list(rendered.left_out),
        "server": {
            "url": url.base,
            "tls_version": peer.tls_version if peer is not None else None,
            "trust": trust,
            "authenticated_by": authenticated_by(client, template.client_certificate_path is not None),
        },
        "exchange": exchange,
        "timeline": timeline.as_list(),
        "warnings": [*url.warnings, *(client.warnings if client is not None else ()), *warnings],
    }
    if verified is not None and path is not None:
        found["certificate"] = {
            "path": separator.join((path, CERTIFICATE_FILE)),
            "pem": pem(verified.certificate),
            **describe(verified.certificate),
        }
        found["chain_path"] = separator.join((path, CHAIN_FILE))
        if any(is_self_signed(above) for above in verified.chain):
            found["root_certificate_path"] = separator.join((path, ROOT_CERTIFICATE_FILE))
        found["private_key_path"] = separator.join((path, PRIVATE_KEY_FILE))
        asked = (rendered.subject, rendered.subject_alternative_names)
        issued = (read_name(verified.certificate.subject), subject_alternative_names(verified.certificate))
        found["diff"] = {
            "before_header": f"asked for by template {template.name}",
            "before": "".join(f"{line}\n" for line in in_words(*asked)),
            "after_header": separator.join((path, CERTIFICATE_FILE)),
            "after": "".join(f"{line}\n" for line in in_words(*issued)),
        }
        found["warnings"] += verified.warnings
        if comparison is not None:
            found.update(comparison.as_result(acceptance))
            found["warnings"] += comparison.warnings(acceptance, template.certificate_authority, template.name)
    elif path is not None:
        found["private_key_path"] = separator.join((path, PRIVATE_KEY_FILE))
    return {**found, **pending_result(pending)}


def pending_result(pending: Optional[PendingEnrolment]) -> Dict[str, Any]:
    """What the result says of a pending enrolment, where there is one."""
    if pending is None:
        return {}
    message = {"server_message": pending.server_message} if pending.server_message else {}
    return {"retry_at": iso_utc(pending.retry_at), **message}


def authenticated_by(client: Optional[EstClient], client_certificate: bool) -> List[str]:
    """How the client proved itself to the server, as far as it did.

    :param client_certificate: whether it had one for TLS.
    :returns: ``client_certificate``, and ``basic`` or ``digest``; none of them where it did not.
    """
    ways = []
    peer = client.peer if client is not None else None
    # Where nobody can tell whether the server asked for the client certificate, it counts.
    if peer is not None and client_certificate and peer.client_certificate_sent is not False:
        ways.append("client_certificate")
    if client is not None and client.authenticated_by is not None:
        ways.append(client.authenticated_by)
    return ways
