# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST client: the operations of RFC 7030 over any transport.

Typical use::

    trust = Trust.explicit(ca_pem)
    url = EstUrl.build("est.example.com", port=8443)
    with EstClient(url, HttpsTransport(url, trust, credentials=Credentials("user", "password"))) as client:
        authorities = client.cacerts()
        key = generate_key(KeySpec("ec"))
        request = build_csr(key, subject)
        answer = client.simpleenroll(request)
        issued = client.verify(answer, request, authorities)

Every failure is an ``EstError`` with the stage at which it happened.

What only some exchanges need is imported by the method that needs it: most exchanges are one enrolment in a process of
its own, and half of the time that it takes goes into imports (docs/performance.md).
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timezone
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Callable,
    Iterable,
    Iterator,
    NoReturn,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .answers.enrolment import Issued, Pending, read_cacerts_answer, read_enrolment_answer
from .base.errors import EstError, InputError, ServerError, Step, Timeline, TransportError
from .base.text import hiding, without_secrets
from .http.transport import Peer, Response, Transport
from .http.url import EstUrl
from .posting import Posting, Request
from .redirects import FollowingTransport
from .request.csr import CertificateRequest
from .verification import CaCertificates, VerifiedCertificate, read_ca_certificates, verify_issued
from .x509.certificate import subject_text

if TYPE_CHECKING:
    from .answers.csr_attributes import CsrAttributesAnswer
    from .request.csr import LinkedRequest
    from .serverkeygen import GeneratedKey, KeyRequest
    from .x509.certificate import Fingerprint
    from .x509.fields import Certificate

__all__ = ("EstClient", "Request", "VerifiedCertificate")

#: What a successful answer is read into.
Answer = TypeVar("Answer")


class EstClient:
    """One exchange with one EST server.

    :param url: the server, port, label and base path.
    :param transport: carries the requests; it sends nothing before the server is authorised (RFC 7030 section 3.6).
    :param anchors: the configured trust anchors, or ``None`` where the transport trusts the system's store.
    :param ca_fingerprint: one of the server's CA certificates must have this fingerprint, besides being trusted.
    :param secrets: texts that must never appear in an error although a server may echo them.
    :param timeline: where the stages are noted.
    :param allow_redirects_to: other servers to which an enrolment may be redirected, with user name, password and
        client certificate (see ``FollowingTransport``).
    :param busy_timeout: how long to wait in all, for each request, for a server that answers 503 or 429 and says when
        to come back; 0 makes such an answer an error at once.
    :param warnings: what is to be told of the anchors: see ``Trust``.
    """

    def __init__(
        self,
        url: EstUrl,
        transport: Transport,
        *,
        anchors: Optional[Sequence[Certificate]] = None,
        ca_fingerprint: Optional[Fingerprint] = None,
        secrets: Iterable[str] = (),
        timeline: Optional[Timeline] = None,
        allow_redirects_to: Iterable[str] = (),
        busy_timeout: float = 0,
        warnings: Iterable[str] = (),
    ) -> None:
        self.url = url
        self.timeline = timeline if timeline is not None else Timeline()
        self._anchors = anchors
        self._ca_fingerprint = ca_fingerprint
        self._secrets = tuple(secrets)
        self._warnings = tuple(warnings)
        self._transport = FollowingTransport(transport, url, allowed=allow_redirects_to, busy_timeout=busy_timeout)
        self._posting = Posting(self._transport, url)

    def __enter__(self) -> EstClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._transport.close()

    @property
    def peer(self) -> Optional[Peer]:
        """The server that the last request led to, once there has been one."""
        return self._transport.peer

    @property
    def authenticated_by(self) -> Optional[str]:
        """The HTTP authentication scheme of the last request that had one: ``"basic"`` or ``"digest"``."""
        return self._transport.authenticated_by

    @property
    def warnings(self) -> Tuple[str, ...]:
        """What is odd about the anchors or risky about trust and credentials together, and which servers redirects led
        to without consent."""
        return (*self._warnings, *self._transport.warnings)

    @contextlib.contextmanager
    def _stage(self, name: str, request_received: Optional[str] = None) -> Iterator[Step]:
        """A stage of the timeline, in which no secret is shown.

        :param request_received: whether the enrolment request got through, where that is known from the start.
        """
        with hiding(self._secrets), self.timeline.stage(name) as step:
            try:
                yield step
            except EstError as error:
                if request_received is not None:
                    error.request_received = request_received
                error.reason = without_secrets(error.reason)
                raise
            step.detail = without_secrets(step.detail)

    def announce(self, *operations: str) -> None:
        """Say which operations will be asked for next, where each is a GET: see ``Transport.announce()``."""
        self._transport.announce([self.url.operation(operation) for operation in operations])

    def cacerts(self) -> CaCertificates:
        """Fetch the current CA certificates (RFC 7030 section 4.1).

        No credentials are sent, as none are needed; a server that asks for them all the same gets them in a second
        request, over the connection on which it has been authorised.

        :raises ServerError: any status but 200 (section 4.1.3), or none has the fingerprint that one must have.
        :raises ParseError: the answer is not a certs-only message, or is empty.
        """
        with self._stage("cacerts", request_received="not_received") as step:
            certificates, warnings = read_cacerts_answer(self._get("cacerts"))
            authorities = read_ca_certificates(
                certificates, self._anchors, datetime.now(timezone.utc), authenticated=self._is_vouched_for()
            )
            accepted = f"CA certificates: {len(authorities.certificates)} accepted, {len(authorities.dropped)} dropped"
            self._check_pin(authorities)
            step.detail = "; ".join((accepted, *warnings))
        return authorities

    def _is_vouched_for(self) -> bool:
        """Whether those whom this client is to trust vouch for the session (RFC 7030 section 4.1.3).

        Where anchors are configured and the transport knows no trust but the system's, any CA of the system can have
        named the server: what it sends is then worth no more than its path to an anchor.
        """
        peer = self._transport.peer
        return self._anchors is None or peer is None or peer.trust != "system"

    def _check_pin(self, authorities: CaCertificates) -> None:
        pin = self._ca_fingerprint
        known = dict.fromkeys((*authorities.certificates, authorities.root))
        if pin is None or any(pin.matches(authority) for authority in known):
            return
        seen = ", ".join(f"{pin.of(authority, pin.algorithm)} ({subject_text(authority)})" for authority in known)
        raise ServerError(
            f"no CA certificate of the server has the fingerprint {pin}; it has {seen}",
            code="fingerprint_mismatch",
            http_status=200,
            hint="Compare these fingerprints with the one that the administrator of the CA names.",
        )

    def _get(self, operation: str) -> Response:
        url = self.url.operation(operation)
        response = self._transport.request("GET", url, {"Accept": "*/*"})
        if response.status == 401:
            response = self._transport.request("GET", url, {"Accept": "*/*"}, authenticate=True)
        return response

    def csrattrs(self, *, strict: bool = False) -> CsrAttributesAnswer:
        """Ask what the server wants to see in certificate requests (RFC 7030 section 4.5).

        Credentials are given as in ``cacerts()``. What comes back is for ``plan_request()``.

        :param strict: a server that refuses to tell, whose answer cannot be read, or that breaks off in place of an
            answer, is an error and not a warning.
        :raises ServerError: with ``strict``: any status but 200, and 204 and 404, which mean that there are none.
        :raises ParseError: with ``strict``: the answer does not hold CSR attributes.
        :raises TransportError: the server cannot be reached or is not trusted; with ``strict``: it did not answer.
        """
        from .answers.csr_attributes import CsrAttributesAnswer, read_csr_attributes_answer

        with self._stage("csrattrs", request_received="not_received") as step:
            try:
                answer = read_csr_attributes_answer(self._get("csrattrs"), strict=strict)
            except TransportError as error:
                if strict or error.stage:  # resolve, connect or tls: nothing else would get through either
                    raise
                answer = CsrAttributesAnswer.without(without_secrets(error.reason))
            step.detail = answer.in_words()
        return answer

    def linked(self, build: Callable[[str], CertificateRequest]) -> LinkedRequest:
        """A request with proof of possession, linked to the TLS session that carries it (RFC 7030 section 3.5).

        From here on connections use TLS 1.2, where the channel binding tls-unique is defined.

        :param build: makes the request from the channel binding in base64, such as a lambda around
            ``RequestPlan.build()``; always with the same key. It is called for every connection.
        :raises InputError: the transport cannot do that.
        """
        from .request.csr import LinkedRequest

        self._transport.require_tls_unique()
        return LinkedRequest(build)

    def simpleenroll(
        self,
        request: Request,
        *,
        wait_timeout: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Union[Issued, Pending]:
        """Ask for a certificate (RFC 7030 section 4.2.1).

        While the server answers 202 the very same request is repeated, each time no sooner than the server asked,
        until the next time would be later than ``wait_timeout`` after the first answer (section 4.2.3).

        :param request: signed once, or by a function for every connection anew: see ``linked()``.
        :param wait_timeout: how long to wait for a pending certificate in all; 0 returns the first answer.
        :param sleep: waits for a number of seconds.
        :raises ServerError: the server refused.
        :raises ParseError: the answer is not a certificate message, or an empty one.
        :raises TransportError: no answer; ``request_received`` says whether the server can have got the request.
        """
        return self._enrol("simpleenroll", request, read_enrolment_answer, wait_timeout, sleep)

    def simplereenroll(
        self,
        request: Request,
        *,
        wait_timeout: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Union[Issued, Pending]:
        """Ask for a certificate in place of an older one (RFC 7030 section 4.2.2).

        The transport must have the older one as its TLS client certificate, and the request its names: see
        ``reenrolment.py``. Everything else is as with ``simpleenroll()``.
        """
        return self._enrol("simplereenroll", request, read_enrolment_answer, wait_timeout, sleep)

    def serverkeygen(
        self,
        wanted: KeyRequest,
        *,
        allow_system_trust: bool = False,
        wait_timeout: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Union[GeneratedKey, Pending]:
        """Ask for a key that the server makes, and its certificate (RFC 7030 section 4.4): see ``serverkeygen.py``.

        Verify the certificate with ``verify(answer.issued, answer, authorities)``. Everything else is as with
        ``simpleenroll()``.

        :param allow_system_trust: ask also where only the CA certificates of the system say who the server is.
        :raises InputError: that is so, and it is not allowed (section 6): nothing was sent.
        """
        from .serverkeygen import read_serverkeygen_answer

        if self._anchors is None and not allow_system_trust:
            raise InputError(
                "a private key is not taken from a server that only the CA certificates of the system vouch for: any "
                "of the many CAs in that store could name another server (RFC 7030 section 6)",
                hint="Give the CA certificate of the EST server, make the key on this host, or allow system trust.",
            )
        return self._enrol(
            "serverkeygen",
            wanted.request,
            lambda response, _operation: read_serverkeygen_answer(response, wanted, self._transport.client_key),
            wait_timeout,
            sleep,
        )

    def fullcmc(self) -> NoReturn:
        """Full CMC (RFC 7030 section 4.3), which is optional and which this client does not have.

        CMC in the answers to other operations is understood: see ``asn1/cmc.py``.

        :raises InputError: always; nothing is sent.
        """
        raise InputError(
            "/fullcmc (Full CMC) is not supported by this client",
            code="not_supported",
            hint="Use simpleenroll, simplereenroll or serverkeygen, or another program for Full CMC.",
        )

    def _enrol(
        self,
        operation: str,
        request: Request,
        read: Callable[[Response, str], Union[Answer, Pending]],
        wait_timeout: float,
        sleep: Callable[[float], None],
    ) -> Union[Answer, Pending]:
        """Send a certificate request to an operation that answers in its own way, and repeat it while it is pending.

        :param read: makes an answer of a response to the operation.
        """
        answer = self._post(operation, request, read)
        first = time.monotonic()
        slept = 0.0
        while isinstance(answer, Pending) and not answer.retry_after.shortened:
            pause = answer.retry_after.seconds
            # The answers take time too; where ``sleep`` is not the real one, the clock does not know of the pauses.
            if max(slept, int(time.monotonic() - first)) + pause > wait_timeout:
                break
            sleep(pause)
            slept += pause
            # Whatever happens from here on, the server has had the request.
            answer = self._post(operation, request, read, request_received="received")
        return answer

    def _post(
        self,
        operation: str,
        request: Request,
        read: Callable[[Response, str], Union[Answer, Pending]],
        request_received: Optional[str] = None,
    ) -> Union[Answer, Pending]:
        with self._stage("enroll", request_received) as step:
            answer = read(self._posting.send(operation, request, step), operation)
            step.detail += self._proofs()
            if isinstance(answer, Pending):
                retry_after = answer.retry_after
                step.detail += f": pending, to be asked again in {retry_after.seconds} seconds"
                step.detail += f" ({retry_after.warning})" if retry_after.warning else ""
        return answer

    def _proofs(self) -> str:
        """Words for the timeline where the server got more than one proof of who the client is."""
        peer = self.peer
        if peer is None or not peer.client_certificate_sent or self.authenticated_by is None:
            return ""
        return f" to the TLS client certificate together with the account (HTTP {self.authenticated_by.title()})"

    def verify(
        self,
        answer: Issued,
        request: Union[CertificateRequest, LinkedRequest, GeneratedKey],
        authorities: CaCertificates,
        *,
        on_unverified_chain: str = "fail",
        check: Optional[Callable[[VerifiedCertificate], None]] = None,
    ) -> VerifiedCertificate:
        """Find the issued certificate in the answer and check it: see ``verify_issued()``.

        :param request: what was asked for, or the key that the server made.
        :param on_unverified_chain: with ``warn`` a certificate that does not chain to the CA certificates of the server
            becomes a warning, and no error. Its key and validity are checked all the same.
        :param check: looks at the certificate once it has been verified, and raises an ``EstError`` to refuse it.
        :raises EstError: no certificate for the requested key, outside its validity, or no path to the CA.
        """
        with self._stage("verify", request_received="received") as step:
            try:
                verified = verify_issued(
                    answer,
                    request.public_key_der,
                    authorities,
                    datetime.now(timezone.utc),
                    on_unverified_chain=on_unverified_chain,
                )
            except EstError as error:
                if error.code != "wrong_key":  # what is somebody else's is not kept
                    error.issued = answer.certificates
                raise
            if check is not None:
                check(verified)
            length = len(verified.chain) + 1
            step.detail = "; ".join(verified.warnings) or f"chain of {length} certificates up to the trust anchor"
            return verified.replace(warnings=tuple(without_secrets(warning) for warning in verified.warnings))
