# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One production certificate: look at what is there, decide, and enrol or renew it where that is needed.

The procedure is the same whoever carries the requests and wherever certificate and key are kept; that is behind
``Connector`` and ``CertificateHolder``.
"""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from .._exchange.connection import account, chosen_key, refuse_key_of_server, refuse_without_devices
from .._exchange.options import KEY_OF_SERVER
from .._exchange.result import pending_result
from .._template.model import Template
from ..est.base.errors import EstError, InputError
from ..est.client import EstClient, VerifiedCertificate
from ..est.enrol import Enrolment, EnrolmentRequest, ServerKeyRequest
from ..est.http.url import EstUrl
from ..est.pending import PendingEnrolment, is_denied, request_digest
from ..est.reenrolment import (
    ENROLL,
    REKEY,
    Authentication,
    RenewalRequest,
    choose_authentication,
    enrols_anew,
)
from ..est.x509.certificate import fingerprint_sha256, iso_utc, not_after
from ..est.x509.keys import describe_public_key
from . import need as needs
from . import result
from .holder import CertificateHolder, CurrentCertificate, Recovered
from .judge import Judge
from .parameters import CertificateParameters, render_identity
from .sessions import Sessions

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate
    from ..est.x509.keys import AnyPrivateKey


def run_certificate(
    template: Template,
    asked: CertificateParameters,
    sessions: Sessions,
    holder: CertificateHolder,
    *,
    brief: bool = False,
) -> Dict[str, Any]:
    """See to it that a host has its certificate.

    :param sessions: the connections to EST servers; those of one run share them.
    :param holder: keeps the certificate.
    :param brief: leave out of the result what nobody reads of one among a thousand: the certificate itself, what was
        asked for, the server, and what is shown in diff mode.
    :returns: the result of ``est_certificate`` as plain data; see its documentation.
    :raises EstError: with the stage at which it failed; the timeline of the sessions has the stages up to there.
    :raises TemplateError: the identity does not fit the template.
    """
    sessions.timeline.begin()
    return _Run(template, asked, sessions, holder, brief=brief).run()


class _Run:
    def __init__(
        self,
        template: Template,
        asked: CertificateParameters,
        sessions: Sessions,
        holder: CertificateHolder,
        *,
        brief: bool,
    ) -> None:
        self._brief = brief
        self._template = template
        self._options = asked.options
        self._sessions = sessions
        self._holder = holder
        refuse_without_devices(template)
        refuse_key_of_server(template, asked.options)
        self._rendered = render_identity(template, asked.identity)
        self._url = EstUrl.build(template.server, template.port, template.label, template.base_path)
        self._judge = Judge(template, self._rendered, asked.options, holder)
        self._digest = needs.asked_digest(template, self._rendered, self._url, asked.options.key_origin)
        days = self._options.renewal_period_days
        self._renewal_period_days = template.renewal_period_days if days is None else days
        self._found = CurrentCertificate()
        self._need = needs.Need(needs.NONE, "")
        self._trust = ""
        self._client_certificate = False
        self._is_pending = False
        self._recovered: List[Recovered] = []
        self._warnings: List[str] = []

    def run(self) -> Dict[str, Any]:
        now = datetime.now(timezone.utc)
        self._found = self._holder.read()
        self._need = needs.decide(
            self._found,
            self._template,
            self._rendered,
            self._digest,
            renewal_period_days=self._renewal_period_days,
            renewal_spread=self._options.renewal_spread,
            force=self._options.force,
            now=now,
            allowed_lost=self._options.acceptance.allowed_lost,
        )
        self._recovered.extend(self._found.recovered)
        # What is to be replaced because somebody else has made it is not put right first.
        if self._found.old is not None and (self._need.action != needs.ENROL or self._found.digest):
            mended, warnings = self._holder.mend()
            self._recovered.extend(mended)
            self._warnings.extend(warnings if self._need.action == needs.NONE else ())
        if self._need.action == needs.NONE:
            self._judge.check_kept(self._found.certificate)
            if self._drop_pending():
                self._recovered.append(Recovered("a request that was pending is not needed any more"))
            return self._result("recovered" if self._recovered else "unchanged", "none")
        self._warnings.extend(self._holder.refuse_unwritable())
        old = self._found.old if self._need.action == needs.RENEW else None
        credentials = account(self._template)
        try:
            authentication = choose_authentication(
                old, credentials, now, on_failed_renewal=self._options.on_failed_renewal
            )
        except InputError as error:
            error.note(_HOW_TO_ENROL)
            raise
        if authentication.client_certificate is None:
            if old is not None:
                self._warnings.append(authentication.reason)
            return self._get(authentication)
        anew = Authentication("simpleenroll", None, credentials, "the server refused the old certificate")
        if self._options.on_failed_renewal == ENROLL and self._read_pending(anew) is not None:
            # It was refused by an earlier run, and what was asked for then is waited for.
            self._warnings.append("the certificate that is pending was asked for without the old one")
            return self._get(anew)
        try:
            return self._get(authentication)
        except EstError as error:
            if not enrols_anew(
                error, self._options.on_failed_renewal, how=_HOW_TO_ENROL, after_revocation=_AFTER_REVOCATION
            ):
                raise
            self._warnings.append(f"a certificate is enrolled anew, because the old one was refused: {error}")
            refusal = error
        try:
            return self._get(anew)
        except EstError as error:
            error.note(f"That was the enrolment in place of a renewal, which had failed: {refusal}.")
            raise

    def _get(self, authentication: Authentication) -> Dict[str, Any]:
        """Get a certificate with one authentication, or go on with a pending one."""
        action = "enrolled" if authentication.client_certificate is None else f"{self._options.renewal_method}ed"
        # One that takes the place of a certificate for the same declaration has its names, whatever authenticated it.
        old = self._found.certificate
        if authentication.client_certificate is None and (
            old is None or self._need.action != needs.RENEW or datetime.now(timezone.utc) > not_after(old)
        ):
            old = None
        digest = self._request_digest(authentication)
        self._judge.check_refusal(digest)
        pending = self._read_pending(authentication)
        self._is_pending = pending is not None
        if pending is not None and not pending.is_due(self._options.wait_timeout):
            # RFC 7030 section 4.2.3: not to be asked again before its time.
            return self._result("pending", action, pending=pending)
        if self._options.check:
            return self._result("not_asked", action, changed=True)
        with self._holder.reserved(), self._connected(authentication) as client:
            enrolment = Enrolment(
                client,
                self._request(authentication),
                key=self._current_key(authentication) if pending is None else None,
                pending=pending,
                make_key=self._holder.make_key,
            )
            self._warnings.extend(enrolment.warnings)
            if self._asks_for_key(authentication):
                self._judge.asked_key = describe_public_key(enrolment.key)
            try:
                issued = enrolment.run(
                    wait_timeout=self._options.wait_timeout,
                    keep=functools.partial(self._save_pending, digest),
                    on_unverified_chain=self._options.on_unverified_chain,
                    check=functools.partial(self._judge.check_issued, old),
                )
            except EstError as error:
                enrolment.keep_unusable(error, self._holder.save_unusable)
                if error.stage == "verify":
                    self._judge.note(error, digest, self._found.certificate)
                elif self._is_pending and is_denied(error) and self._drop_pending():
                    error.note("The next run asks anew, for another key.")
                raise
            if isinstance(issued, PendingEnrolment):
                self._judge.asked_key = None  # what is there is of another time
                return self._result("pending", action, changed=True, client=client, pending=issued)
            verified = issued.verified
            with self._sessions.timeline.stage("save") as step:
                step.detail = self._holder.place()
                new_key = None if action == "renewed" else issued.key
                about = None if self._brief else self._about(verified)
                self._holder.save(verified.certificate, verified.chain, new_key, self._digest, about)
            more = {"key_protected_by": issued.key_protected_by} if self._asks_for_key(authentication) else {}
            return {**self._result("issued", action, changed=True, client=client, verified=verified), **more}

    def _about(self, verified: VerifiedCertificate) -> Dict[str, Any]:
        """What ``est_certificate_info`` tells of a certificate that was issued."""
        return {
            "template": self._template.name,
            "renewal_period_days": self._renewal_period_days,
            "renewal_spread": self._options.renewal_spread,
            "lost": self._judge.result(verified.certificate)["lost"],
        }

    def _request_digest(self, authentication: Authentication) -> str:
        """What tells whether a pending request is the one that would be made now."""
        old = self._found.old if authentication.client_certificate is not None else None
        return request_digest(
            asked=self._digest,
            operation=authentication.operation,
            method=self._options.renewal_method,
            replaces=None if old is None else fingerprint_sha256(old.certificate),
        )

    @contextlib.contextmanager
    def _connected(self, authentication: Authentication) -> Iterator[EstClient]:
        """A client for the EST server. In a renewal the password only answers a server that wants it as well."""
        template, connector = self._template, self._sessions.connector
        self._client_certificate = template.client_certificate_path is not None
        if authentication.client_certificate is not None:
            self._client_certificate = True
            template = template.replace(
                challenge_password=None,
                client_certificate_path=None,
                client_key_path=None,
                client_key_passphrase=None,
            )
            try:
                connector.refuse_unsupported(template, self._options)
            except InputError:  # an account that this way cannot send is no reason against a renewal without it
                template = template.replace(username=None, password=None)
        connector.refuse_unsupported(template, self._options)
        with self._sessions.client(template, self._options, authentication.client_certificate) as (client, self._trust):
            yield client

    def _request(self, authentication: Authentication) -> EnrolmentRequest:
        """What is asked for; in place of the old certificate, for its names (RFC 7030 section 4.2.2)."""
        template, old = self._template, self._found.old
        spec, proof_of_possession = chosen_key(template), template.proof_of_possession
        if old is not None and authentication.client_certificate is not None:
            path = "serverkeygen" if self._asks_for_key(authentication) else authentication.operation
            return RenewalRequest.of(old, spec, proof_of_possession, path)
        request = ServerKeyRequest if self._asks_for_key(authentication) else EnrolmentRequest
        return request(
            self._rendered.subject,
            self._rendered.subject_alternative_names,
            spec,
            proof_of_possession,
            template.challenge_password,
        )

    def _asks_for_key(self, authentication: Authentication) -> bool:
        """Whether the EST server makes the key. One that stays was made before."""
        stays = authentication.client_certificate is not None and self._options.renewal_method != REKEY
        return self._options.key_origin == KEY_OF_SERVER and not stays

    def _current_key(self, authentication: Authentication) -> Optional[AnyPrivateKey]:
        """The key of the old certificate, where the new one is to have it as well."""
        if authentication.client_certificate is None or self._options.renewal_method == REKEY:
            return None
        if self._found.key is None:
            raise InputError(
                "the key of the old certificate cannot be read, so nothing can be renewed for it",
                hint="Set renewal_method to rekey.",
            )
        return self._found.key

    def _save_pending(self, digest: str, pending: PendingEnrolment) -> None:
        with self._sessions.timeline.stage("save") as step:
            step.detail = "pending"
            self._holder.save_pending(pending.as_texts(digest))
        self._is_pending = True

    def _read_pending(self, authentication: Authentication) -> Optional[PendingEnrolment]:
        """What an earlier run asked for in the same way, where that waits for approval."""
        return PendingEnrolment.from_texts(
            self._holder.read_pending(), self._request_digest(authentication), self._found.pending_key
        )

    def _drop_pending(self) -> bool:
        """Forget a request that nobody goes on with, and say whether there was one. That it stays is no failure."""
        try:
            return self._holder.drop_pending()
        except EstError as error:
            self._warnings.append(f"a request that was pending could not be removed: {error.reason}")
            return False

    def _result(
        self,
        status: str,
        action: str,
        *,
        changed: bool = False,
        client: Optional[EstClient] = None,
        verified: Optional[VerifiedCertificate] = None,
        pending: Optional[PendingEnrolment] = None,
    ) -> Dict[str, Any]:
        warnings = list(self._url.warnings)
        if client is not None:
            warnings.extend(client.warnings)
        if verified is not None:
            warnings.extend(verified.warnings)
        found: Dict[str, Any] = {
            "changed": changed or bool(self._recovered),
            "status": status,
            "action": action,
            "reason": "; ".join([*(recovered.reason for recovered in self._recovered), self._need.reason]),
            "template": self._template.name,
            "exchange": self._sessions.exchange,
            "timeline": self._sessions.timeline.as_list(),
            "warnings": list(dict.fromkeys([*warnings, *self._warnings])),
            **self._holder.places(),
        }
        old = self._found.certificate
        new = verified.certificate if verified is not None else None
        current = new or old
        if current is not None:
            times = (self._renewal_period_days, self._options.renewal_spread)
            found.update(renew_at=iso_utc(needs.renewal_time(current, *times)), **self._judge.result(current))
            if new is not None or self._need.action != needs.ENROL:  # else another one was asked for
                found["warnings"] += self._judge.warnings(current)
        if not self._brief:
            found.update(self._details(status, client, old, new))
        return {**found, **pending_result(pending)}

    def _details(
        self, status: str, client: Optional[EstClient], old: Optional[Certificate], new: Optional[Certificate]
    ) -> Dict[str, Any]:
        """What the result says of one certificate that few say of a thousand."""
        found: Dict[str, Any] = {
            "requested": result.requested(self._rendered),
            "server": result.server(self._url, self._trust or None, client, self._client_certificate),
        }
        current = new or old
        if current is not None:
            found["certificate"] = {**result.certificate(current), **self._holder.describe(current)}
        if status in ("issued", "not_asked"):
            found["diff"] = result.difference(old, new, self._rendered, self._holder.place())
        elif self._recovered:
            found["diff"] = result.recovery(self._recovered, self._holder.place())
        return found


_HOW_TO_ENROL = (
    "Set on_failed_renewal to enroll to enrol anew where that happens, with the account or the TLS client certificate "
    "of the template."
)
_AFTER_REVOCATION = "Where this host may have another one, remove the old one, and the next run enrols."
