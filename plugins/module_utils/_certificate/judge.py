# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate is what was asked for, and what becomes of it where it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from .._exchange.acceptance import Acceptance
from .._exchange.failure import NotAsAsked
from .._exchange.hints import hint_of
from .._exchange.issued import Comparison, compare_certificate, compare_with_older
from .._template.model import Template
from .._template.render import Rendered
from .._value import Value, field
from ..est.base.errors import EstError
from ..est.base.text import hiding
from ..est.client import VerifiedCertificate
from ..est.pending import request_digest
from ..est.x509.certificate import iso_utc
from .holder import CertificateHolder
from .parameters import CertificateOptions

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate

# ----------------------------------------------------------------------------------------------------------------------
# A certificate that the CA issued and that was refused here, noted so that it is not asked for again in every run.
#
# A CA that does not issue what is asked for will not do so an hour later, and each try is a certificate that nobody
# uses. That holds for one with other names as for one with another key, of an unrelated issuer, or that has expired.

#: How long a certificate that was refused is not asked for again.
DELAY = timedelta(hours=24)

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
#: What is noted of each text and of each list.
_LONGEST, _MOST = 2000, 50
_FOUND = ("lost", "differs", "accepted_lost")


class Refusal(Value):
    """What is noted of a certificate that was refused.

    :param digest: of what was asked for; see ``refusal_digest()``.
    :param at: when it was refused, UTC.
    :param reason: why.
    :param hint: what to do.
    :param found: see ``Comparison.as_result()``.
    """

    digest: str
    at: datetime
    reason: str
    hint: str = ""
    found: Mapping[str, List[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, error: EstError, digest: str) -> Refusal:
        """Note an error that is happening now. One that is not about names has none in ``found``."""
        told = error.found if isinstance(error, NotAsAsked) else {}
        found = {key: [text[:_LONGEST] for text in told.get(key, [])[:_MOST]] for key in _FOUND}
        return cls(digest, datetime.now(timezone.utc), error.reason[:_LONGEST], hint_of(error)[:_LONGEST], found)

    @property
    def until(self) -> datetime:
        """Until when it is not asked for again."""
        return self.at + DELAY

    def holds(self, digest: str, now: datetime) -> bool:
        """Whether it says something about what would be asked for now. One from the future is of a wrong clock."""
        return digest == self.digest and self.at <= now < self.until

    def error(self) -> NotAsAsked:
        """The error of a run that does not ask again."""
        error = NotAsAsked(
            self.reason, self.found, code="refused_before", hint=self.hint, request_received="not_received"
        )
        error.note(self.delay())
        return error

    def delay(self) -> str:
        """Until when nothing is asked for."""
        return (
            f"It was refused at {iso_utc(self.at)}, and no other is asked for before {iso_utc(self.until)}, unless "
            "what is declared changes, on_lost and allowed_lost among it, or force is true."
        )

    def as_data(self) -> Dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "digest": self.digest,
            "at": self.at.strftime(_TIME_FORMAT),
            "reason": self.reason,
            "hint": self.hint,
            **self.found,
        }

    def as_text(self) -> str:
        """The same as JSON, for a file of its own."""
        return json.dumps(self.as_data(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Optional[Refusal]:
        """Read it back; ``None`` where it is something else, or damaged."""
        try:
            return cls.from_data(json.loads(text))
        except (ValueError, RecursionError):
            return None

    @classmethod
    def from_data(cls, data: Any) -> Optional[Refusal]:
        """Read it back; ``None`` where it is something else, or damaged."""
        try:
            at = datetime.strptime(data["at"], _TIME_FORMAT).replace(tzinfo=timezone.utc)
            digest, reason, hint = (data[key] for key in ("digest", "reason", "hint"))
            found = {key: list(data[key]) for key in _FOUND}
        except (KeyError, TypeError, ValueError):
            return None
        texts = [digest, reason, hint, *(text for entries in found.values() for text in entries)]
        return cls(digest, at, reason, hint, found) if all(isinstance(text, str) for text in texts) else None


def refusal_digest(request: str, template: Template, acceptance: Acceptance, *, on_unverified_chain: str) -> str:
    """What tells whether a certificate that was refused is asked for again, and would be refused again.

    :param request: the digest of the request.
    :param template: whose trust says which issuers are known.
    :param on_unverified_chain: ``warn`` where any issuer will do.
    """
    return request_digest(
        request=request,
        on_lost=acceptance.on_lost,
        allowed_lost=sorted(map(str.lower, acceptance.allowed_lost)),
        on_unverified_chain=on_unverified_chain,
        trust=[template.ca_certificate, template.ca_path, template.ca_fingerprint, template.use_system_trust],
    )


# ----------------------------------------------------------------------------------------------------------------------


class Judge:
    """Judges the certificates of one run.

    :param rendered: what is asked for.
    :param options: with what is accepted.
    :param holder: keeps the note of a refused one.
    """

    def __init__(
        self, template: Template, rendered: Rendered, options: CertificateOptions, holder: CertificateHolder
    ) -> None:
        self._rendered = rendered
        self._template = template
        self._name = template.name
        self._authority = template.certificate_authority
        self._secrets = tuple(template.secrets().values())
        self._acceptance = options.acceptance
        self._on_unverified_chain = options.on_unverified_chain
        self._force = options.force
        self._holder = holder
        #: The kind of key that the server was asked to make, as ``describe_public_key()`` says it; None where it makes
        #: none.
        self.asked_key: Optional[str] = None
        self._last: Optional[Tuple[Any, Comparison]] = None

    def result(self, certificate: Certificate) -> Dict[str, List[str]]:
        """What the result says of a certificate that the host has."""
        return self._compared(certificate).as_result(self._acceptance)

    def warnings(self, certificate: Certificate) -> List[str]:
        """What is told of it."""
        return self._compared(certificate).warnings(self._acceptance, self._authority, self._name)

    def check_kept(self, certificate: Optional[Certificate]) -> None:
        """Fail where the certificate that stays is not what was asked for, and that is to be a failure.

        :raises NotAsAsked: it is so.
        """
        if not self._acceptance.fails or certificate is None:
            return
        try:
            self._refuse(self._compared(certificate), "the certificate that is there is not what was asked for")
        except NotAsAsked as error:
            error.request_received = "not_received"
            error.note("It stays, and no other was asked for.")
            raise

    def check_issued(self, old: Optional[Certificate], issued: VerifiedCertificate) -> None:
        """Refuse an issued certificate that must not take the place of the old one.

        One that renews another has its names (RFC 7030 section 4.2.2), also where ``on_lost`` is ``warn``.

        :param old: the one that was renewed; ``None`` where one was enrolled anew.
        :raises NotAsAsked: it is refused.
        """
        if old is not None:
            comparison = compare_with_older(issued.certificate, old, key=self.asked_key)
            self._refuse(comparison, "the renewed certificate differs from the old one")
        elif self._acceptance.fails:
            comparison = self._compared(issued.certificate)
            self._refuse(comparison, "the CA issued a certificate that is not what was asked for")

    def check_refusal(self, request: str) -> None:
        """Do not ask for what was refused a short while ago.

        :param request: the digest of the request.
        :raises NotAsAsked: with the reason of that time.
        """
        if self._force:
            return
        refusal = self._holder.read_refusal()
        if refusal is not None and refusal.holds(self._digest(request), datetime.now(timezone.utc)):
            raise refusal.error()

    def note(self, error: EstError, request: str, there: Optional[Certificate]) -> None:
        """Note that a certificate was refused, and forget its request. That it cannot be noted is told in the error.

        :param request: the digest of the request.
        :param there: the certificate that the host has.
        """
        if there is not None:
            error.note("The old certificate and its key stay.")
        refusal = Refusal.of(error, self._digest(request))
        try:
            self._holder.save_refusal(refusal)
            self._holder.drop_pending()
        except EstError as trouble:
            error.note(f"The next run asks again, as this could not be noted: {trouble.reason}.")
        else:
            error.note(refusal.delay())

    def _digest(self, request: str) -> str:
        return refusal_digest(request, self._template, self._acceptance, on_unverified_chain=self._on_unverified_chain)

    def _compared(self, certificate: Certificate) -> Comparison:
        """The comparison of a certificate with what is asked for; the last one is remembered."""
        rendered, which = self._rendered, (certificate, self.asked_key)
        if self._last is None or self._last[0] != which:
            with hiding(self._secrets):
                names = rendered.subject_alternative_names
                found = compare_certificate(rendered.subject, names, certificate, key=self.asked_key)
            self._last = which, found
        return self._last[1]

    def _refuse(self, comparison: Comparison, words: str) -> None:
        comparison.refuse(self._acceptance, words, self._authority)
