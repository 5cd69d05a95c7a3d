# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host needs a new certificate, and why: a decision without network, files and side effects."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Tuple

from .._exchange.acceptance import Acceptance
from .._exchange.connection import chosen_key
from .._exchange.issued import compare_certificate
from .._exchange.options import KEY_OF_HOST
from .._template.model import Template
from .._template.render import Rendered
from .._value import Value
from ..est.http.url import EstUrl
from ..est.pending import request_digest
from ..est.reenrolment import kind_of_key
from ..est.x509.certificate import days_left, iso_utc, not_after, not_before, public_key_words
from ..est.x509.path import is_self_issued
from .holder import CurrentCertificate

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate

#: What is to be done: nothing, ask for a first certificate, or for one in place of an older one.
NONE, ENROL, RENEW = "none", "enrol", "renew"


class Need(Value):
    """What is to be done, and why.

    :param action: ``NONE``, ``ENROL`` or ``RENEW``.
    :param reason: a sentence without capital and full stop, which is as true once it has been done.
    """

    action: str
    reason: str


def asked_digest(template: Template, rendered: Rendered, url: EstUrl, key_origin: str = KEY_OF_HOST) -> str:
    """What tells whether a certificate was issued for what is asked for now: SHA-256, 64 hexadecimal digits.

    It is over what was asked for, not over what was issued: a CA that changes or drops names changes nothing. Account,
    proxy and trust are not in it: they are the way to the certificate and not what it is.
    """
    return request_digest(
        url=url.base,
        subject=rendered.subject,
        subject_alternative_names=rendered.subject_alternative_names,
        key=[template.key_type, template.key_size, template.key_curve],
        **({} if key_origin == KEY_OF_HOST else {"key_origin": key_origin}),
    )


def decide(
    found: CurrentCertificate,
    template: Template,
    rendered: Rendered,
    digest: str,
    *,
    renewal_period_days: int,
    renewal_spread: int,
    force: bool,
    now: datetime,
    allowed_lost: Tuple[str, ...] = (),
) -> Need:
    """Decide whether a new certificate is needed.

    :param found: what is there.
    :param digest: of what is asked for; see ``asked_digest()``.
    :param renewal_period_days: a certificate that ends within so many days is renewed, but none before half of its
        lifetime is over: one that is shorter than the period would be renewed on every run.
    :param renewal_spread: see ``renewal_time()``.
    :param force: renew one that needs nothing.
    :param now: an aware time.
    :param allowed_lost: names that a certificate of unknown origin may lack; see ``acceptance``.
    """
    if found.old is None:
        if found.defect:
            return Need(ENROL, f"the certificate that was there could not be used: {found.defect}")
        return Need(ENROL, "no certificate was there")
    certificate = found.old.certificate
    if found.digest:
        # Where there is room for less, the beginning of a digest is kept.
        if not digest.startswith(found.digest):
            return Need(ENROL, "what is asked for has changed since the old certificate was issued")
    else:
        difference = _difference(certificate, template, rendered, allowed_lost)
        if difference:
            return Need(ENROL, f"the certificate that was there is not what is asked for: {difference}")
    until = iso_utc(not_after(certificate))
    left = days_left(certificate, now)
    if now > not_after(certificate):
        return Need(RENEW, f"the old certificate expired on {until}")
    if now >= renewal_time(certificate, renewal_period_days, renewal_spread):
        return Need(RENEW, f"the old certificate ends on {until}, in {left} days")
    if force:
        return Need(RENEW, "force is set")
    return Need(NONE, f"the certificate is valid until {until}, for {left} days")


def renewal_time(certificate: Certificate, renewal_period_days: int, renewal_spread: int = 0) -> datetime:
    """When a certificate is to be renewed.

    :param renewal_spread: percent of the time from when it could be renewed to its end, over which certificates that
        could be renewed together are spread. Where one is, its fingerprint says: the first 8 octets as a number,
        divided by 2 to the power of 64. So it is the same on every run, and needs nothing that the host does not have.
    """
    first, last = not_before(certificate), not_after(certificate)
    start = max(last - timedelta(days=renewal_period_days), first + (last - first) / 2)
    place = int.from_bytes(hashlib.sha256(certificate.der).digest()[:8], "big")
    return start + timedelta(seconds=int((last - start).total_seconds()) * renewal_spread * place // (100 << 64))


def _difference(certificate: Certificate, template: Template, rendered: Rendered, allowed_lost: Tuple[str, ...]) -> str:
    """In what a certificate of unknown origin is not what is asked for, in words; empty where it is."""
    if is_self_issued(certificate):
        return "it is self-issued"
    # Only names that are listed are accepted here: on_lost says what a CA may do, and this may be of any CA.
    acceptance = Acceptance(allowed_lost=allowed_lost)
    comparison = compare_certificate(rendered.subject, rendered.subject_alternative_names, certificate)
    missing = acceptance.unaccepted(comparison.lost)
    if missing:
        return f"it lacks {', '.join(missing)}"
    wanted = chosen_key(template)
    if wanted is not None and wanted != kind_of_key(certificate):
        return f"its key is {public_key_words(certificate)}"
    return ""
