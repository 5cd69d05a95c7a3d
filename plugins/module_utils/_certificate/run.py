# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One production certificate: look at what is there, decide, and enrol or renew it where that is needed.

The procedure is the same whoever carries the requests and wherever certificate and key are kept; that is behind
``CertificateConnector`` and ``CertificateHolder``.
"""

from __future__ import annotations

import contextlib
import functools
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterator, List, Optional, Protocol, Tuple

from .._exchange.connection import Connector, Destination, account, connected, refuse_without_devices, required_trust
from .._exchange.pending import Kept, PendingState, Request, read_kept, request_digest, sleep_until, to_keep
from .._template.model import Template
from ..est.answers.enrolment import Pending
from ..est.base.errors import EstError, InputError, ServerError, Timeline
from ..est.client import EstClient, VerifiedCertificate
from ..est.http.url import EstUrl
from ..est.reenrolment import REKEY, RENEW, Way, build_reenrolment_request, choose_way, similar_key
from ..est.request.csr import CertificateRequest, Linking
from ..est.request.plan import RequestPlan, plan_request
from ..est.x509.certificate import fingerprint_sha256, iso_utc, not_after, subject_alternative_names
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.held_certificate import OldCertificate
from ..est.x509.keys import KeySpec, generate_key
from ..est.x509.names import read_name
from . import need as needs
from . import result
from .holder import CertificateHolder, Found
from .judge import Judge
from .options import Asked, render_identity


class CertificateConnector(Connector, Protocol):
    """One way to reach an EST server, which can also use the certificate that is to be renewed."""

    def renewing(self, tls: ClientCertificate) -> Connector:
        """The same way with the old certificate as TLS client certificate, in place of the one of the template.

        :param tls: that of ``Found``; its paths mean what the holder says.
        """


def run_certificate(
    template: Template,
    asked: Asked,
    connect: Callable[[], CertificateConnector],
    exchange: str,
    holder: CertificateHolder,
    timeline: Timeline,
) -> Dict[str, Any]:
    """See to it that a host has its certificate.

    :param connect: makes what carries the exchange; called only where there is one.
    :param exchange: the name of that way, for the result.
    :param holder: keeps the certificate.
    :returns: the result of ``est_certificate`` as plain data; see its documentation.
    :raises EstError: with the stage at which it failed; ``timeline`` has the stages up to there.
    :raises TemplateError: the identity does not fit the template.
    """
    return _Run(template, asked, connect, exchange, holder, timeline).run()


class _Run:
    def __init__(
        self,
        template: Template,
        asked: Asked,
        connect: Callable[[], CertificateConnector],
        exchange: str,
        holder: CertificateHolder,
        timeline: Timeline,
    ) -> None:
        self._template = template
        self._options = asked.options
        self._connect = connect
        self._exchange = exchange
        self._holder = holder
        self._timeline = timeline
        refuse_without_devices(template)
        self._rendered = render_identity(template, asked.identity)
        self._url = EstUrl.build(template.server, template.port, template.label)
        self._judge = Judge(template, self._rendered, asked.options, holder)
        self._digest = needs.asked_digest(template, self._rendered, self._url)
        days = self._options.renew_before_days
        self._renew_before_days = template.renewal_period_days if days is None else days
        self._found = Found()
        self._need = needs.Need(needs.NONE, "")
        self._trust = ""
        self._client_certificate = False
        self._is_pending = False
        self._warnings: List[str] = []

    def run(self) -> Dict[str, Any]:
        now = datetime.now(timezone.utc)
        self._found = self._holder.read()
        self._need = needs.decide(
            self._found,
            self._template,
            self._rendered,
            self._digest,
            renew_before_days=self._renew_before_days,
            force=self._options.force,
            now=now,
            allowed_lost=self._options.acceptance.allowed_lost,
        )
        if self._need.action == needs.NONE:
            self._judge.check_kept(self._found.certificate)
            if not self._options.check:
                self._drop_pending()
            return self._result("unchanged", "none", changed=self._found.finished)
        self._warnings.extend(self._holder.refuse_unwritable())
        old = self._found.old if self._need.action == needs.RENEW else None
        credentials = account(self._template)
        way = choose_way(old, credentials, now, fall_back_to_password=self._options.fall_back_to_password)
        if old is not None and way.client_certificate is None:
            self._warnings.append(way.reason)
        try:
            return self._get(way)
        except ServerError as error:
            if way.client_certificate is None or error.http_status != 401:
                raise
            if credentials is None or not self._options.fall_back_to_password:
                error.note(
                    "The server does not take the old certificate in place of a password. Give the template an "
                    "account and set fall_back_to_password to true to enrol anew with it."
                )
                raise
            self._warnings.append(f"the password is used, because the server refused the old certificate: {error}")
        return self._get(Way("simpleenroll", None, credentials, "the server refused the old certificate"))

    def _get(self, way: Way) -> Dict[str, Any]:
        """Get a certificate in one way, or go on with a pending one."""
        action = "enrolled" if way.client_certificate is None else f"{self._options.renewal_method}ed"
        # One that takes the place of a certificate for the same declaration has its names, whatever authenticated it.
        old = self._found.certificate
        if way.client_certificate is None and (
            old is None or self._need.action != needs.RENEW or datetime.now(timezone.utc) > not_after(old)
        ):
            old = None
        digest = self._request_digest(way)
        self._judge.check_refusal(digest)
        kept = read_kept(self._holder.read_pending(), digest)
        self._is_pending = kept is not None
        if kept is not None and not kept.state.is_due(self._options.wait):
            # RFC 7030 section 4.2.3: not to be asked again before its time.
            return self._result("pending", action, changed=self._found.finished, retry_at=kept.state.retry_at)
        if self._options.check:
            return self._result("skipped", action, changed=True)
        with self._connected(way) as client:
            authorities = client.cacerts()
            key, request = self._request(client, way, kept)
            waited = sleep_until(kept.state.retry_at) if kept is not None else 0.0

            def pause(seconds: float) -> None:
                # Kept before the wait, so that a run that ends meanwhile does not lose the key.
                self._save_pending(to_keep(seconds, key, request, digest))
                time.sleep(seconds)

            enrol = client.simpleenroll if way.client_certificate is None else client.simplereenroll
            try:
                answer = enrol(request, wait_seconds=max(0.0, self._options.wait - waited), sleep=pause)
            except ServerError as error:
                if self._is_pending and _is_denial(error.http_status) and self._drop_pending():
                    error.note("The next run asks anew, for another key.")
                raise
            if isinstance(answer, Pending):
                state = to_keep(answer.retry_after.seconds, key, request, digest)
                self._save_pending(state)
                return self._result(
                    "pending",
                    action,
                    changed=True,
                    client=client,
                    retry_at=state.retry_at,
                    server_message=answer.server_message,
                )
            try:
                verified = client.verify(
                    answer,
                    request,
                    authorities,
                    allow_unverified_chain=self._options.allow_unverified_chain,
                    check=functools.partial(self._judge.check_issued, old),
                )
            except EstError as error:
                self._judge.note(error, digest, self._found.certificate)
                raise
            with self._timeline.stage("save") as step:
                step.detail = self._holder.place()
                new_key = None if action == "renewed" else key
                self._holder.save(verified.certificate, verified.chain, new_key, self._digest)
            return self._result("issued", action, changed=True, client=client, verified=verified)

    def _request_digest(self, way: Way) -> str:
        """What tells whether a pending request is the one that would be made now."""
        old = self._found.old if way.client_certificate is not None else None
        return request_digest(
            asked=self._digest,
            operation=way.operation,
            method=self._options.renewal_method,
            replaces=None if old is None else fingerprint_sha256(old.certificate),
        )

    @contextlib.contextmanager
    def _connected(self, way: Way) -> Iterator[EstClient]:
        """A client for the EST server; the password is at hand only where it is to be used."""
        template = self._template
        self._client_certificate = template.client_certificate_path is not None
        connector: Connector
        if way.client_certificate is None:
            connector = self._connect()
        else:
            connector = self._connect().renewing(way.client_certificate)
            self._client_certificate = True
            template = template.replace(
                username=None,
                password=None,
                client_certificate_path=None,
                client_key_path=None,
                client_key_passphrase=None,
            )
        connector.refuse_unsupported(template, self._options)
        destination = Destination.of(template, self._options, self._timeline)
        trust, self._trust = required_trust(destination, connector)
        with connected(connector, destination, trust()) as (client, _transport):
            yield client

    def _request(self, client: EstClient, way: Way, kept: Optional[Kept]) -> Tuple[Any, Request]:
        """The key, and the request as the server wants it; those of a pending enrolment where there is one."""
        answer = client.csrattrs()
        old = self._found.old if way.client_certificate is not None else None
        subject, names = self._rendered.subject, self._rendered.subject_alternative_names
        spec = needs.chosen_key(self._template)
        has_key = kept is not None or (old is not None and self._options.renewal_method == RENEW)
        if old is not None:
            # RFC 7030 section 4.2.2: the names of the old certificate.
            subject, names = read_name(old.certificate.subject), subject_alternative_names(old.certificate)
            spec = spec or (needs.kind_of_key if has_key else similar_key)(old.certificate)
        plan = plan_request(
            answer.attributes,
            spec or KeySpec(),
            # The default key gives way to what the server asks for (RFC 9908 section 3.2), a chosen one does not.
            has_key or spec is not None,
            subject,
            names,
            proof_of_possession=self._template.proof_of_possession,
        )
        if old is not None and spec is None:
            plan = plan.replace(hash_name=None)  # what suits the key that is there, of a kind that is not known here
        self._warnings.extend((*answer.warnings, *plan.warnings))
        key = self._key(way, kept, plan)
        if old is None:
            build = functools.partial(plan.build, key)
        else:
            build = functools.partial(_renewal_request, old, key, plan)
        if plan.needs_pop:
            return key, client.linked(build)
        return key, kept.request if kept is not None else build()

    def _key(self, way: Way, kept: Optional[Kept], plan: RequestPlan) -> Any:
        if kept is not None:
            return kept.key
        if way.client_certificate is None or self._options.renewal_method == REKEY:
            self._holder.refuse_key(plan.key_spec)
            return generate_key(plan.key_spec)
        if self._found.key is None:
            raise InputError(
                "the key of the old certificate cannot be read, so nothing can be renewed for it",
                hint="Set renewal_method to rekey.",
            )
        return self._found.key

    def _save_pending(self, state: PendingState) -> None:
        with self._timeline.stage("save") as step:
            step.detail = "pending"
            self._holder.save_pending(state.files())
        self._is_pending = True

    def _drop_pending(self) -> bool:
        """Forget a request that nobody goes on with. That it stays is no reason to fail."""
        try:
            self._holder.drop_pending()
        except EstError as error:
            self._warnings.append(f"a request that was pending could not be removed: {error.reason}")
            return False
        return True

    def _result(
        self,
        status: str,
        action: str,
        *,
        changed: bool,
        client: Optional[EstClient] = None,
        verified: Optional[VerifiedCertificate] = None,
        retry_at: Optional[datetime] = None,
        server_message: str = "",
    ) -> Dict[str, Any]:
        warnings = list(self._url.warnings)
        if client is not None:
            warnings.extend(client.warnings)
        if verified is not None:
            warnings.extend(verified.warnings)
        server = result.server(self._url, self._trust or None, client, self._client_certificate)
        found: Dict[str, Any] = {
            "changed": changed,
            "status": status,
            "action": action,
            "reason": self._need.reason,
            "template": self._template.name,
            "requested": result.requested(self._rendered),
            "server": server,
            "exchange": self._exchange,
            "timeline": self._timeline.as_list(),
            "warnings": [*warnings, *self._warnings],
            **self._holder.places(),
        }
        old = self._found.certificate
        new = verified.certificate if verified is not None else None
        current = new or old
        if current is not None:
            found.update(result.certificate(current, self._renew_before_days), **self._judge.result(current))
            if new is not None or self._need.action != needs.ENROL:  # else another one was asked for
                found["warnings"] += self._judge.warnings(current)
            found["certificate"].update(self._holder.describe(current))
        if status in ("issued", "skipped"):
            found["diff"] = result.difference(old, new, self._rendered, self._holder.place())
        if retry_at is not None:
            found["retry_at"] = iso_utc(retry_at)
        if server_message:
            found["server_message"] = server_message
        return found


def _is_denial(http_status: Optional[int]) -> bool:
    """Whether it is the answer to the request itself, and not to the account, or to a moment or a proxy."""
    return http_status is not None and 400 <= http_status < 500 and http_status not in (401, 403, 407, 408, 429)


def _renewal_request(
    old: OldCertificate, key: Any, plan: RequestPlan, linking: Optional[str] = None
) -> CertificateRequest:
    """A request with the names of the old certificate, byte for byte."""
    return build_reenrolment_request(
        old,
        key,
        extensions=plan.extensions,
        attributes=plan.attributes,
        hash_name=plan.hash_name,
        linking=Linking(linking, plan.linking_attribute) if linking is not None else None,
    )
