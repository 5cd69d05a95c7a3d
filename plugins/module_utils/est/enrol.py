# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One enrolment, from the CA certificates of the server to a certificate that is verified (RFC 7030 section 4).

Typical use::

    with EstClient(url, transport) as client:
        enrolment = Enrolment(client, EnrolmentRequest(subject, key_spec=KeySpec("ec")))
        issued = enrolment.run(wait_timeout=60, keep=keep_until_the_next_run)
        if isinstance(issued, IssuedCertificate):
            save(issued.verified, issued.key)

A renewal is the same with a ``RenewalRequest`` (see ``reenrolment.py``), a key that the server makes with a
``ServerKeyRequest``.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Sequence, Union

from .._names.attributes import Subject
from .._names.general_names import GeneralName
from .._names.pem import pem_text
from .._value import Value, field
from .answers.enrolment import Issued, Pending
from .base.errors import EstError, ServerError
from .pending import PendingEnrolment
from .request.csr import CertificateRequest, LinkedRequest
from .request.plan import RequestPlan, plan_request
from .x509.keys import DistantKey, KeySpec, generate_key, private_key_pem, spec_of_key

if TYPE_CHECKING:
    from .client import EstClient, VerifiedCertificate
    from .request.attributes import CsrAttributes
    from .request.key_protection import KeyProtection
    from .serverkeygen import GeneratedKey
    from .x509.keys import AnyPrivateKey

Request = Union[CertificateRequest, LinkedRequest]
#: ``EstClient.simpleenroll`` and its like.
Operation = Callable[..., "Union[Issued, GeneratedKey, Pending]"]


class EnrolmentRequest(Value):
    """What is asked for with ``/simpleenroll`` (RFC 7030 section 4.2.1).

    :param key_spec: the kind of the new key; ``None`` for the default, which gives way to what the server asks for
        (RFC 9908 section 3.2).
    :param proof_of_possession: ``auto`` (where the server asks for it), ``always`` or ``never``.
    :param challenge_password: an enrolment code; see ``plan_request``.
    """

    subject: Subject
    general_names: Sequence[GeneralName] = ()
    key_spec: Optional[KeySpec] = None
    proof_of_possession: str = "auto"
    challenge_password: Optional[str] = field(default=None, repr=False)

    def plan(self, attributes: Optional[CsrAttributes], key: Optional[AnyPrivateKey] = None) -> RequestPlan:
        """How to ask for it, as the server wants it.

        :param attributes: the CSR attributes of the server.
        :param key: the key, where it is there already.
        """
        chosen = spec_of_key(key) if key is not None else self.key_spec
        if key is not None and chosen is None and attributes is not None:
            attributes = attributes.replace(keys=(), signature_algorithms=())  # nothing can be said of such a key
        plan = plan_request(
            attributes,
            chosen or self.key_spec or KeySpec(),
            key is not None or self.key_spec is not None,
            self.subject,
            self.general_names,
            proof_of_possession=self.proof_of_possession,
            challenge_password=self.challenge_password,
        )
        # What suits a key that is there, of a kind that is not known here, is known when it signs.
        return plan if key is None or chosen is not None else plan.replace(hash_name=None)

    def build(self, plan: RequestPlan, key: AnyPrivateKey, linking: Optional[str] = None) -> CertificateRequest:
        """The certificate request.

        :param linking: the channel binding of the connection that carries it, in base64.
        """
        return plan.build(key, linking)

    def operation(self, client: EstClient, key: AnyPrivateKey) -> Operation:
        """The operation of the client that asks for it.

        :param key: the key of the request.
        """
        return client.simpleenroll


class ServerKeyRequest(EnrolmentRequest):
    """What is asked for with ``/serverkeygen`` (RFC 7030 section 4.4): a key of the server's, and its certificate.

    The key of the request is good for nothing else. While the certificate is pending it has to stay, since servers know
    the request by it.

    :param protection: how the server is to encrypt the key, on top of TLS.
    :param allow_system_trust: see ``EstClient.serverkeygen``.
    """

    protection: Optional[KeyProtection] = None
    allow_system_trust: bool = False

    def plan(self, attributes: Optional[CsrAttributes], key: Optional[AnyPrivateKey] = None) -> RequestPlan:
        """See ``EnrolmentRequest.plan``; the request also asks for the protection."""
        plan = super().plan(attributes, key)
        wanted = self.protection.attributes() if self.protection is not None else ()
        return plan.replace(attributes=(*wanted, *plan.attributes))

    def operation(self, client: EstClient, key: AnyPrivateKey) -> Operation:
        """See ``EnrolmentRequest.operation``."""
        return server_key_operation(client, key, self.protection, allow_system_trust=self.allow_system_trust)


def server_key_operation(
    client: EstClient,
    key: AnyPrivateKey,
    protection: Optional[KeyProtection] = None,
    *,
    allow_system_trust: bool = False,
) -> Operation:
    """The operation of the client that asks for a key of the server's; see ``EstClient.serverkeygen``.

    :param key: the key of the request, to which a server may encrypt.
    """
    from .serverkeygen import KeyRequest

    def serverkeygen(request: Request, **waiting: Any) -> Union[GeneratedKey, Pending]:
        wanted = KeyRequest(request, None if isinstance(key, DistantKey) else key, protection)
        return client.serverkeygen(wanted, allow_system_trust=allow_system_trust, **waiting)

    return serverkeygen


class IssuedCertificate(Value):
    """A certificate that was issued and verified, and its key.

    :param key_was_encrypted: a key of the server's came encrypted, on top of TLS.
    """

    verified: VerifiedCertificate
    key: AnyPrivateKey = field(repr=False)
    key_was_encrypted: bool = False

    @property
    def key_protected_by(self) -> List[str]:
        """What protected a key of the server's on its way: ``tls``, and ``cms`` where it came encrypted in that."""
        return ["tls", "cms"] if self.key_was_encrypted else ["tls"]


class Enrolment:
    """One enrolment. Making it asks the server what it wants, and makes key and request; ``run`` does the rest.

    :param wanted: what is asked for.
    :param key: the key of the certificate, where it is there already.
    :param pending: an earlier enrolment for the same, to be continued with its key.
    :param make_key: makes the key otherwise.
    :raises EstError: the server cannot be asked, or no request can be made as it wants it.
    """

    def __init__(
        self,
        client: EstClient,
        wanted: EnrolmentRequest,
        *,
        key: Optional[AnyPrivateKey] = None,
        pending: Optional[PendingEnrolment] = None,
        make_key: Callable[[KeySpec], AnyPrivateKey] = generate_key,
    ) -> None:
        self._client = client
        self._wanted = wanted
        client.announce("cacerts", "csrattrs")
        self._authorities = client.cacerts()
        answer = client.csrattrs()
        if pending is not None:
            key = pending.key
        #: What the server asks for and does not get, and what was odd about its CSR attributes.
        self.warnings = answer.warnings
        self._lacks_proof = False
        with self._warning():
            plan = wanted.plan(answer.attributes, key)
            self.warnings = tuple(dict.fromkeys((*answer.warnings, *plan.warnings)))
            asked = answer.attributes is not None and answer.attributes.wants_linking
            self._lacks_proof = asked and not plan.needs_pop
            #: The key of the request.
            self.key = made = key if key is not None else make_key(plan.key_spec)
            # What is kept with a certificate that cannot be used. A key that was there before is not lost with it.
            # Nor is one that is good for nothing but the request, and one that signs elsewhere stays there.
            new = (key is None or pending is not None) and not isinstance(wanted, ServerKeyRequest)
            self._new_key = made if new and not isinstance(made, DistantKey) else None
            self._pending = pending
            self._request: Request
            if plan.needs_pop:
                self._request = client.linked(lambda linking: wanted.build(plan, made, linking))
            else:
                kept = pending.request if pending is not None else None
                self._request = kept if kept is not None and plan.has_code_of(kept) else wanted.build(plan, made)

    @contextlib.contextmanager
    def _warning(self) -> Iterator[None]:
        """Put what was gathered into an error that leaves the block: it may explain it."""
        try:
            yield
        except EstError as error:
            error.warn(self.warnings)
            if self._lacks_proof and error.http_status in (400, 401, 403) and isinstance(error, ServerError):
                self._blame_the_lack_of_proof(error)
            raise

    @staticmethod
    def _blame_the_lack_of_proof(error: ServerError) -> None:
        """Name what the server had asked for and did not get. A challenge says itself what it is about."""
        from .answers.refusals import PROOF_HINT, PROOF_REFUSED

        if error.challenged or error.code == PROOF_REFUSED:
            return
        error.code, error.hint = PROOF_REFUSED, PROOF_HINT
        error.reason = (
            "the server asks for a proof of possession in the certificate request, got none, as it is never to get "
            f"one, and refused the request (HTTP {error.http_status})"
        )

    def keep_unusable(self, error: EstError, save: Callable[[str, str], str]) -> None:
        """Keep what was issued and cannot be used, so that it is not lost, and say in the error where it is.

        :param error: of ``run()``; for any other than that of such a certificate nothing is kept.
        :param save: keeps certificates and key, each as PEM, and returns their place; or raises an ``EstError``. Where
            the key was there already, there is none.
        """
        if not error.issued:
            return
        certificates = "".join(map(pem_text, error.issued))
        try:
            place = save(certificates, private_key_pem(self._new_key).decode("ascii") if self._new_key else "")
        except EstError as trouble:
            error.note(f"What the CA issued could not be kept: {trouble.reason}.")
        else:
            error.note(f"What the CA issued is kept in {place}.")

    def run(
        self,
        *,
        wait_timeout: float = 0,
        keep: Callable[[PendingEnrolment], Any] = lambda _pending: None,
        on_unverified_chain: str = "fail",
        check: Optional[Callable[[VerifiedCertificate], None]] = None,
    ) -> Union[IssuedCertificate, PendingEnrolment]:
        """Ask for the certificate, wait for it, and verify it (RFC 7030 section 4.2.3).

        :param wait_timeout: how long to wait in all, also for the time at which a pending enrolment may be continued.
        :param keep: keeps what is pending, before each wait as well: a run that ends meanwhile must not lose the key.
        :param on_unverified_chain: see ``EstClient.verify``.
        :param check: refuses a certificate that was verified, with an ``EstError``.
        :returns: the certificate; where it is not issued yet, what was kept last.
        :raises EstError: stage ``enroll``: it was not issued; ``verify``: it cannot be used, or was refused. It has the
            warnings that were gathered.
        """
        with self._warning():
            return self._run(wait_timeout, keep, on_unverified_chain, check)

    def _run(
        self,
        wait_timeout: float,
        keep: Callable[[PendingEnrolment], Any],
        on_unverified_chain: str,
        check: Optional[Callable[[VerifiedCertificate], None]],
    ) -> Union[IssuedCertificate, PendingEnrolment]:
        waited = self._pending.wait() if self._pending is not None else 0.0

        def keep_pending(seconds: float, server_message: str = "") -> PendingEnrolment:
            pending = PendingEnrolment.after(seconds, self.key, self._request, server_message)
            keep(pending)
            return pending

        def sleep(seconds: float) -> None:
            keep_pending(seconds)
            time.sleep(seconds)

        ask = self._wanted.operation(self._client, self.key)
        answer = ask(self._request, wait_timeout=max(0.0, wait_timeout - waited), sleep=sleep)
        if isinstance(answer, Pending):
            return keep_pending(answer.retry_after.seconds, answer.server_message)
        verify = functools.partial(
            self._client.verify,
            authorities=self._authorities,
            on_unverified_chain=on_unverified_chain,
            check=check,
        )
        # Which certificate of an answer was issued, its key says: that of the request, or the one that the server made.
        if isinstance(answer, Issued):
            return IssuedCertificate(verify(answer, self._request), self.key)
        self._new_key = answer.key
        return IssuedCertificate(verify(answer.issued, answer), answer.key, answer.encrypted)
