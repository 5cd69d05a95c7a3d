# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate is what was asked for, and what becomes of it where it is not."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Dict, List, Optional

from ..est.client import VerifiedCertificate
from ..est.errors import EstError
from ..template.model import Template
from ..template.render import Rendered
from ..test_enroll.issued import Comparison, NotAsAsked, compare_certificate, compare_with_older
from .holder import CertificateHolder
from .options import CertificateOptions
from .refusal import Refusal, refusal_digest

if TYPE_CHECKING:
    from cryptography import x509


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
        self._allow_unverified_chain = options.allow_unverified_chain
        self._force = options.force
        self._holder = holder

    def result(self, certificate: x509.Certificate) -> Dict[str, List[str]]:
        """What the result says of a certificate that the host has."""
        return self._compared(certificate).as_result(self._acceptance)

    def warnings(self, certificate: x509.Certificate) -> List[str]:
        """What is told of it."""
        return self._compared(certificate).warnings(self._acceptance, self._authority, self._name)

    def check_kept(self, certificate: Optional[x509.Certificate]) -> None:
        """Fail where the certificate that stays is not what was asked for, and that is to be a failure.

        :raises NotAsAsked: it is so.
        """
        if not self._acceptance.fails or certificate is None:
            return
        try:
            self._refuse(self._compared(certificate), "the certificate that is there is not what was asked for")
        except NotAsAsked as error:
            error.request_received = "no"
            error.hint = f"It stays, and no other was asked for. {error.hint}"
            raise

    def check_issued(self, old: Optional[x509.Certificate], issued: VerifiedCertificate) -> None:
        """Refuse an issued certificate that must not take the place of the old one.

        One that renews another has its names (RFC 7030 section 4.2.2), also where ``on_lost`` is ``warn``.

        :param old: the one that was renewed; ``None`` where one was enrolled anew.
        :raises NotAsAsked: it is refused.
        """
        if old is not None:
            comparison = compare_with_older(issued.certificate, old, self._secrets)
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

    def note(self, error: EstError, request: str, there: Optional[x509.Certificate]) -> None:
        """Note that a certificate was refused, and forget its request. That it cannot be noted is told in the error.

        :param request: the digest of the request.
        :param there: the certificate that the host has.
        """
        if there is not None:
            error.hint = f"The old certificate and its key stay. {error.hint}"
        refusal = Refusal.of(error, self._digest(request))
        try:
            self._holder.save_refusal(refusal)
            self._holder.drop_pending()
        except EstError as trouble:
            error.hint = f"{error.hint} The next run asks again, as this could not be noted: {trouble.reason}."
        else:
            error.hint = refusal.hint_with_delay()

    def _digest(self, request: str) -> str:
        return refusal_digest(
            request, self._template, self._acceptance, allow_unverified_chain=self._allow_unverified_chain
        )

    def _compared(self, certificate: x509.Certificate) -> Comparison:
        return compare_certificate(
            self._rendered.subject,
            self._rendered.subject_alternative_names,
            certificate,
            secrets=self._secrets,
        )

    def _refuse(self, comparison: Comparison, words: str) -> None:
        comparison.refuse(self._acceptance, words, self._authority)
