# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test enrolment, from template and identity to files on the host: the wizard's "Save and Test".

The procedure is the same whoever carries the requests and wherever the files are; that is behind
``Connector`` and ``TestFiles``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Protocol, Sequence

from .._files.paths import in_words
from .._template.identity import TestIdentity
from .._template.model import Template
from .._template.render import Rendered, render
from ..est.base.errors import EstError, Timeline
from ..est.base.text import hiding
from ..est.client import VerifiedCertificate
from ..est.enrol import Enrolment, EnrolmentRequest, IssuedCertificate, ServerKeyRequest
from ..est.pending import PendingEnrolment, request_digest
from ..est.x509.certificate import pem
from ..est.x509.keys import describe_public_key, private_key_pem
from ..est.x509.path import is_self_signed
from . import result
from .connection import (
    Connector,
    Destination,
    chosen_key,
    connected,
    refuse_key_of_server,
    refuse_without_devices,
    required_trust,
)
from .failure import failure
from .files import CERTIFICATE_FILE, CHAIN_FILE, FILES_HINT, PRIVATE_KEY_FILE, ROOT_CERTIFICATE_FILE
from .issued import Comparison, compare_certificate
from .options import KEY_OF_SERVER, TestOptions


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

    def save_unusable(self, files: Mapping[str, str]) -> str:
        """Keep a certificate that was issued and cannot be used; returns its folder."""


def run_test(
    template: Template,
    identity: TestIdentity,
    options: TestOptions,
    connector: Connector,
    files: TestFiles,
    timeline: Timeline,
    before_saving: Callable[[Mapping[str, Any]], None] = lambda _outcome: None,
) -> Dict[str, Any]:
    """Test a template.

    :param connector: carries the exchange.
    :param files: keeps the files of this test.
    :param before_saving: hears what will come of the test, as far as it is known, before its files are saved.
    :returns: the result of ``est_test_enroll`` as plain data; see its documentation.
    :raises EstError: with the stage at which the test failed; ``timeline`` has the stages up to there.
    :raises TemplateError: the identity does not fit the template.
    """
    return _Test(template, identity, options, connector, files, timeline, before_saving).run()


class _Test:
    def __init__(
        self,
        template: Template,
        identity: TestIdentity,
        options: TestOptions,
        connector: Connector,
        files: TestFiles,
        timeline: Timeline,
        before_saving: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._template = template
        self._options = options
        self._connector = connector
        self._files = files
        self._timeline = timeline
        self._before_saving = before_saving
        refuse_without_devices(template)
        refuse_key_of_server(template, options)
        self._rendered: Rendered = render(template, identity)
        connector.refuse_unsupported(template, options)
        self._destination = Destination.of(template, options, timeline)
        self._trust, self._origin = required_trust(self._destination, connector)
        self._warnings: Sequence[str] = ()
        self._saved_in = ""
        self._key_of_server = options.key_origin == KEY_OF_SERVER
        #: The kind of key that the server was asked to make.
        self._asked_key: Optional[str] = None

    def run(self) -> Dict[str, Any]:
        digest = self._digest()
        pending = PendingEnrolment.from_texts(self._read_pending(), digest)
        if pending is not None and not pending.is_due(self._options.wait_timeout):
            # RFC 7030 section 4.2.3: not to be asked again before its time.
            return self._result("pending", changed=False, pending=pending, path=self._files.pending_path)
        with connected(self._connector, self._destination, self._trust()) as (client, _transport):
            enrolment = Enrolment(client, self._request(), pending=pending)
            self._warnings = enrolment.warnings
            if self._key_of_server:
                self._asked_key = describe_public_key(enrolment.key)
            if self._options.check:
                return self._result("not_asked", changed=True, client=client)
            try:
                issued = enrolment.run(
                    wait_timeout=self._options.wait_timeout,
                    keep=lambda pending: self._save_pending(pending.as_texts(digest)),
                    on_unverified_chain=self._options.on_unverified_chain,
                    check=self._refuse,
                )
            except EstError as error:
                self._before_saving(failure(error, self._template.name, self._connector.exchange, self._timeline))
                enrolment.keep_unusable(error, self._save_unusable)
                raise
            if isinstance(issued, PendingEnrolment):
                return self._result("pending", changed=True, client=client, pending=issued, path=self._saved_in)
            come: Dict[str, Any] = {"changed": True, "client": client, "verified": issued.verified}
            self._before_saving(self._result("issued", path="", **come))
            self._save(self._files.save_issued, _issued_files(issued))
            more = {"key_protected_by": issued.key_protected_by} if self._key_of_server else {}
            return {**self._result("issued", path=self._saved_in, **come), **more}

    def _request(self) -> EnrolmentRequest:
        template = self._template
        request = ServerKeyRequest if self._key_of_server else EnrolmentRequest
        return request(
            self._rendered.subject,
            self._rendered.subject_alternative_names,
            chosen_key(template),
            template.proof_of_possession,
            template.challenge_password,
        )

    def _compared(self, verified: VerifiedCertificate) -> Comparison:
        rendered = self._rendered
        with hiding(tuple(self._template.secrets().values())):
            return compare_certificate(
                rendered.subject, rendered.subject_alternative_names, verified.certificate, key=self._asked_key
            )

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
            **({"key_origin": KEY_OF_SERVER} if self._key_of_server else {}),
        )

    def _read_pending(self) -> Optional[Mapping[str, str]]:
        try:
            return self._files.read_pending()
        except OSError as error:
            raise EstError(
                f"the files of the test cannot be read or written: {in_words(error)}",
                code="not_saved",
                stage="save",
                request_received="not_received",
                hint=FILES_HINT,
            ) from None

    def _save_pending(self, files: Mapping[str, str]) -> None:
        self._before_saving({"status": "pending", "changed": True, "exchange": self._connector.exchange})
        self._save(self._files.save_pending, files)

    def _save_unusable(self, certificates: str, key: str) -> str:
        self._save(self._files.save_unusable, {PRIVATE_KEY_FILE: key, CERTIFICATE_FILE: certificates})
        return self._saved_in

    def _save(self, save: Callable[[Mapping[str, str]], str], files: Mapping[str, str]) -> None:
        with self._timeline.stage("save") as step:
            try:
                self._saved_in = step.detail = save(files)
            except OSError as error:
                raise EstError(
                    f"the files of the test cannot be written: {in_words(error)}",
                    code="not_saved",
                    stage="save",
                    request_received="received",
                    hint=FILES_HINT,
                ) from None

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


def _issued_files(issued: IssuedCertificate) -> Dict[str, str]:
    chain = issued.verified.chain
    files = {
        PRIVATE_KEY_FILE: private_key_pem(issued.key).decode(),
        CHAIN_FILE: "".join(pem(above) for above in chain if not is_self_signed(above)),
        CERTIFICATE_FILE: pem(issued.verified.certificate),
    }
    root = "".join(pem(above) for above in chain if is_self_signed(above))
    return {**files, ROOT_CERTIFICATE_FILE: root} if root else files
