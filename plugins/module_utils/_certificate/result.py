# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of ``est_certificate`` as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from .._exchange.compare import in_words
from .._exchange.failure import failure
from .._exchange.result import authenticated_by
from .._names.distinguished_names import format_slash_dn
from .._template.render import Rendered
from ..est.base.errors import EstError, Timeline
from ..est.http.url import EstUrl
from ..est.x509.certificate import describe, pem, public_key_words, subject_alternative_names
from ..est.x509.names import read_name
from .holder import Recovered

if TYPE_CHECKING:
    from ..est.client import EstClient
    from ..est.x509.fields import Certificate

#: How a failure names what failed.
WHAT = "production certificate"


def requested(rendered: Rendered) -> Dict[str, Any]:
    """What is asked for."""
    return {
        "subject": format_slash_dn(rendered.subject),
        "subject_alternative_names": [str(name) for name in rendered.subject_alternative_names],
    }


def server(url: EstUrl, trust: Optional[str], client: Optional[EstClient], client_certificate: bool) -> Dict[str, Any]:
    """The EST server, and what became known of it where it was reached."""
    peer = client.peer if client is not None else None
    return {
        "url": url.base,
        "tls_version": peer.tls_version if peer is not None else None,
        "trust": trust,
        "authenticated_by": authenticated_by(client, client_certificate),
    }


def certificate(issued: Certificate) -> Dict[str, Any]:
    """The certificate that the host has now."""
    return {"pem": pem(issued), **describe(issued)}


def difference(
    old: Optional[Certificate], new: Optional[Certificate], rendered: Rendered, place: str
) -> Dict[str, str]:
    """The old certificate against the new one, or against what would be asked for, for diff mode."""
    after = _lines(new) if new is not None else in_words(rendered.subject, rendered.subject_alternative_names)
    return {
        "before_header": place,
        "before": "".join(f"{line}\n" for line in (_lines(old) if old is not None else [])),
        "after_header": place if new is not None else f"{place} (to be asked for)",
        "after": "".join(f"{line}\n" for line in after),
    }


def recovery(recovered: Sequence[Recovered], place: str) -> Dict[str, str]:
    """What was put right, or would be, for diff mode."""
    return {
        "before_header": place,
        "before": "".join(f"{line}\n" for each in recovered for line in (f"({each.reason})", each.before) if line),
        "after_header": place,
        "after": "".join(f"{each.after}\n" for each in recovered if each.after),
    }


def reloaded(
    outcome: Dict[str, Any], template: str, exchange: str, reload: Callable[[], Sequence[str]]
) -> Dict[str, Any]:
    """The result once services have been told of the certificate, or a failed one where they could not be.

    :param outcome: what became of the certificate.
    :param template: the name of its template.
    :param reload: tells the services that are owed it, and returns them; raises an ``EstError`` where it cannot.
    """
    try:
        return {**outcome, "reloaded": list(reload())}
    except EstError as error:
        if outcome.get("failed"):  # and that is told; what is owed stays noted
            return outcome
        error.request_received = "received" if outcome["status"] == "issued" else "not_received"
        failed = failure(error, template, exchange, Timeline(), WHAT)
        return {**failed, "timeline": outcome["timeline"], "changed": True}


def _lines(shown: Certificate) -> List[str]:
    subject = read_name(shown.subject)
    facts = describe(shown)
    return [
        *in_words(subject, subject_alternative_names(shown)),
        *(f"{fact} {facts[fact]}" for fact in ("issuer", "serial_number", "not_before", "not_after")),
        f"public_key {public_key_words(shown)}",
    ]
