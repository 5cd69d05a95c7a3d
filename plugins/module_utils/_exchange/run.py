# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test enrolment, from template and identity to files on the host: the wizard's "Save and Test".

The procedure is the same whoever carries the requests and wherever the files are; that is behind
``Connector`` and ``TestFiles``.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Tuple

from .._template.identity import TestIdentity
from .._template.model import Template
from .._template.render import Rendered, render
from ..est.answers.enrolment import Pending
from ..est.base.errors import EstError, Timeline
from ..est.base.text import hiding
from ..est.client import EstClient, VerifiedCertificate
from ..est.request.plan import plan_request
from ..est.x509.certificate import pem
from ..est.x509.keys import KeySpec, generate_key, private_key_pem
from . import result
from .connection import Connector, Destination, connected, refuse_without_devices, required_trust
from .files import CERTIFICATE_FILE, CHAIN_FILE, PRIVATE_KEY_FILE, in_words
from .issued import Comparison, compare_certificate
from .options import TestOptions
from .pending import Kept, Request, read_kept, request_digest, sleep_until, to_keep


class TestFiles(Protocol):
    """Where the files of one test certificate are kept on the host; see ``TestFolder``."""

    #: The folder of a pending enrolment.
    pending_path: str
    #: Between the parts of a path on the host.
    separator: str

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """The files of a pending enrolment."""

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment; returns its folder."""

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate; returns its folder."""


def run_test(
    template: Template,
    identity: TestIdentity,
    options: TestOptions,
    connector: Connector,
    files: TestFiles,
    timeline: Timeline,
) -> Dict[str, Any]:
    """Test a template.

    :param connector: carries the exchange.
    :param files: keeps the files of this test.
    :returns: the result of ``est_test_enroll`` as plain data; see its documentation.
    :raises EstError: with the stage at which the test failed; ``timeline`` has the stages up to there.
    :raises TemplateError: the identity does not fit the template.
    """
    return _Test(template, identity, options, connector, files, timeline).run()


class _Test:
    def __init__(
        self,
        template: Template,
        identity: TestIdentity,
        options: TestOptions,
        connector: Connector,
        files: TestFiles,
        timeline: Timeline,
    ) -> None:
        self._template = template
        self._options = options
        self._connector = connector
        self._files = files
        self._timeline = timeline
        refuse_without_devices(template)
        self._rendered: Rendered = render(template, identity)
        connector.refuse_unsupported(template, options)
        self._destination = Destination.of(template, options, timeline)
        self._trust, self._origin = required_trust(self._destination, connector)
        self._warnings: List[str] = []

    def run(self) -> Dict[str, Any]:
        digest = self._digest()
        kept = self._kept(digest)
        if kept is not None and not kept.state.is_due(self._options.wait):
            # RFC 7030 section 4.2.3: not to be asked again before its time.
            path = self._files.pending_path
            return self._result("pending", changed=False, retry_at=kept.state.retry_at, path=path)
        with connected(self._connector, self._destination, self._trust()) as (client, _transport):
            authorities = client.cacerts()
            key, request = self._request(client, kept)
            if self._options.check:
                return self._result("skipped", changed=True, client=client)
            waited = sleep_until(kept.state.retry_at) if kept is not None else 0.0

            def pause(seconds: float) -> None:
                # Kept before the wait, so that a run that ends meanwhile does not lose the key.
                self._save_pending(seconds, key, request, digest)
                time.sleep(seconds)

            wait = max(0.0, self._options.wait - waited)
            answer = client.simpleenroll(request, wait_seconds=wait, sleep=pause)
            if isinstance(answer, Pending):
                retry_at, path = self._save_pending(answer.retry_after.seconds, key, request, digest)
                return self._result(
                    "pending",
                    changed=True,
                    client=client,
                    retry_at=retry_at,
                    path=path,
                    server_message=answer.server_message,
                )
            verified = client.verify(
                answer,
                request,
                authorities,
                allow_unverified_chain=self._options.allow_unverified_chain,
                check=self._refuse,
            )
            path = self._save_issued(verified, key)
            return self._result("issued", changed=True, client=client, verified=verified, path=path)

    def _compared(self, verified: VerifiedCertificate) -> Comparison:
        rendered = self._rendered
        with hiding(tuple(self._template.secrets().values())):
            return compare_certificate(rendered.subject, rendered.subject_alternative_names, verified.certificate)

    def _refuse(self, verified: VerifiedCertificate) -> None:
        """Refuse a certificate that is not what was asked for, where that is wanted."""
        if self._options.acceptance.fails:
            self._compared(verified).refuse(
                self._options.acceptance,
                "the CA issued a certificate that is not what was asked for",
                self._template.certificate_authority,
            )

    def _digest(self) -> str:
        template = self._template
        return request_digest(
            url=self._destination.url.base,
            username=template.username,
            subject=self._rendered.subject,
            subject_alternative_names=self._rendered.subject_alternative_names,
            key=[template.key_type, template.key_size, template.key_curve],
        )

    def _kept(self, digest: str) -> Optional[Kept]:
        """The pending enrolment to go on with; ``None`` where the test starts anew."""
        try:
            files = self._files.read_pending()
        except OSError as error:
            raise EstError(
                f"the files of the test cannot be read or written: {in_words(error)}",
                stage="save",
                request_received="no",
                hint="Check output_path, and the user that the task runs as on the host.",
            ) from None
        return read_kept(files, digest)

    def _request(self, client: EstClient, kept: Optional[Kept]) -> Tuple[Any, Request]:
        """The key, and the request as the server wants it; those of a pending enrolment where there is one."""
        template = self._template
        answer = client.csrattrs()
        spec = KeySpec(template.key_type, template.key_size, template.key_curve)
        plan = plan_request(
            answer.attributes,
            spec,
            # The default key gives way to what the server asks for (RFC 9908 section 3.2), a chosen one does not.
            kept is not None or spec != KeySpec(),
            self._rendered.subject,
            self._rendered.subject_alternative_names,
            proof_of_possession=template.proof_of_possession,
        )
        self._warnings.extend((*answer.warnings, *plan.warnings))
        key = kept.key if kept is not None else generate_key(plan.key_spec)
        if plan.needs_pop:
            return key, client.linked(lambda linking: plan.build(key, linking))
        return key, kept.request if kept is not None else plan.build(key)

    def _save_pending(self, seconds: float, key: Any, request: Request, digest: str) -> Tuple[datetime, str]:
        """Keep a pending enrolment that is to be continued after so many seconds: that time, and where it is kept."""
        state = to_keep(seconds, key, request, digest)
        with self._timeline.stage("save") as step:
            path = step.detail = _save(self._files.save_pending, state.files())
        return state.retry_at, path

    def _save_issued(self, verified: VerifiedCertificate, key: Any) -> str:
        files = {
            PRIVATE_KEY_FILE: private_key_pem(key).decode(),
            CHAIN_FILE: "".join(pem(certificate) for certificate in verified.chain),
            CERTIFICATE_FILE: pem(verified.certificate),
        }
        with self._timeline.stage("save") as step:
            path = step.detail = _save(self._files.save_issued, files)
        return path

    def _result(self, status: str, *, verified: Optional[VerifiedCertificate] = None, **more: Any) -> Dict[str, Any]:
        return result.success(
            status,
            template=self._template,
            rendered=self._rendered,
            url=self._destination.url,
            trust=self._origin,
            exchange=self._connector.exchange,
            timeline=self._timeline,
            warnings=self._warnings,
            separator=self._files.separator,
            acceptance=self._options.acceptance,
            verified=verified,
            comparison=self._compared(verified) if verified is not None else None,
            **more,
        )


def _save(save: Callable[[Mapping[str, str]], str], files: Mapping[str, str]) -> str:
    try:
        return save(files)
    except OSError as error:
        raise EstError(
            f"the files of the test cannot be written: {in_words(error)}",
            stage="save",
            request_received="yes",
            hint="Check output_path, the free space, and the user that the task runs as on the host.",
        ) from None
