# Copyright (c) 2026, maas360.cloud_extender contributors
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

Every failure is an :class:`~.errors.EstError` with the stage at which it happened.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from types import TracebackType
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Type, Union

from .ca_certificates import CaCertificates, read_ca_certificates
from .certificate import find_leaf, iso_utc, load_certificate, not_after, not_before
from .csr import CertificateRequest
from .enrolment import Issued, Pending, read_certificates, read_enrolment_answer, refusal, server_words
from .errors import EstError, ParseError, ServerError
from .path import find_path
from .redaction import redact
from .timeline import Step, Timeline
from .transfer_encoding import encode_body
from .transport import Response, Transport
from .url import EstUrl

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass

#: RFC 7030 section 3.2.4. RFC 8951 deprecates Content-Transfer-Encoding, but some servers decode only with it.
_ENROL_HEADERS = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}

_HINT = "Look at the log of the EST server, and at proxies on the way: the answer is not what an EST server sends."


@dataclass(frozen=True)
class VerifiedCertificate:
    """An issued certificate that was checked.

    :param chain: the certificates from the issuer of ``certificate`` up to the trust anchor; what the server sent where
        no path could be built.
    :param warnings: why no path could be built (where that is allowed), and weak signatures on the way.
    """

    certificate: x509.Certificate
    chain: Tuple[x509.Certificate, ...]
    warnings: Tuple[str, ...] = ()


class EstClient:
    """One exchange with one EST server.

    :param url: the server, port and label.
    :param transport: carries the requests; it sends nothing before the server is authorised (RFC 7030 section 3.6).
    :param anchors: the configured trust anchors, or ``None`` where the transport trusts the system's store.
    :param secrets: texts that must never appear in an error although a server may echo them.
    :param timeline: where the stages are noted.
    """

    def __init__(
        self,
        url: EstUrl,
        transport: Transport,
        *,
        anchors: Optional[Sequence[x509.Certificate]] = None,
        secrets: Iterable[str] = (),
        timeline: Optional[Timeline] = None,
    ) -> None:
        self.url = url
        self.timeline = timeline if timeline is not None else Timeline()
        self._transport = transport
        self._anchors = anchors
        self._secrets = tuple(secrets)

    def __enter__(self) -> EstClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._transport.close()

    @contextlib.contextmanager
    def _stage(self, name: str, request_received: Optional[str] = None) -> Iterator[Step]:
        """A stage of the timeline, in which it is known from the start whether the enrolment request got through."""
        with self.timeline.stage(name) as step:
            try:
                yield step
            except EstError as error:
                if request_received is not None:
                    error.request_received = request_received
                error.reason = redact(error.reason, self._secrets)
                error.hint = error.hint or _HINT
                raise

    def cacerts(self) -> CaCertificates:
        """Fetch the current CA certificates (RFC 7030 section 4.1).

        No credentials are sent, as none are needed; a server that asks for them all the same gets them in a second
        request, over the connection on which it has been authorised.

        :raises ServerError: any status but 200 (section 4.1.3).
        :raises ParseError: the answer is not a certs-only message, or is empty.
        """
        with self._stage("cacerts", request_received="no") as step:
            response = self._get_cacerts()
            certificates, warnings = read_certificates(response)
            authorities = read_ca_certificates(certificates, self._anchors, datetime.now(timezone.utc))
            accepted = f"CA certificates: {len(authorities.certificates)} accepted, {len(authorities.dropped)} dropped"
            step.detail = " ".join((accepted, *warnings))
        return authorities

    def _get_cacerts(self) -> Response:
        url = self.url.operation("cacerts")
        response = self._transport.request("GET", url, {"Accept": "*/*"})
        if response.status == 401:
            response = self._transport.request("GET", url, {"Accept": "*/*"}, authenticate=True)
        if response.status == 200:
            return response
        error = refusal(response, server_words(response, self._secrets))
        raise ServerError(
            f"the server does not give its CA certificates: {error.reason}",
            http_status=response.status,
            server_message=error.server_message,
            hint="Check server, port and label of the template: every EST server offers /cacerts.",
        )

    def simpleenroll(
        self,
        request: CertificateRequest,
        *,
        wait_seconds: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Union[Issued, Pending]:
        """Ask for a certificate (RFC 7030 section 4.2.1).

        While the server answers 202 the very same request is repeated, each time no sooner than the server asked,
        until the next time would be later than ``wait_seconds`` after the first answer (section 4.2.3).

        :param wait_seconds: how long to wait for a pending certificate in all; 0 returns the first answer.
        :param sleep: waits for a number of seconds.
        :raises ServerError: the server refused.
        :raises TransportError: no answer; ``request_received`` says whether the server can have got the request.
        """
        body = encode_body(request.der)
        waited = 0.0
        with self._stage("enroll") as step:
            while True:
                response = self._transport.request(
                    "POST", self.url.operation("simpleenroll"), _ENROL_HEADERS, body, authenticate=True
                )
                step.detail = f"HTTP {response.status}"
                answer = self._read_answer(response)
                if isinstance(answer, Issued) or waited + answer.retry_after.seconds > wait_seconds:
                    return answer
                sleep(answer.retry_after.seconds)
                waited += answer.retry_after.seconds

    def _read_answer(self, response: Response) -> Union[Issued, Pending]:
        try:
            return read_enrolment_answer(response, self._secrets)
        except EstError as error:
            error.request_received = "yes"
            error.http_status = response.status
            raise

    def verify(
        self,
        answer: Issued,
        request: CertificateRequest,
        authorities: CaCertificates,
        *,
        allow_unverified_chain: bool = False,
    ) -> VerifiedCertificate:
        """Find the issued certificate in the answer and check it (requirements 73 to 75).

        :param allow_unverified_chain: a certificate that does not chain to the CA certificates of the server becomes a
            warning. Its key and validity are checked all the same.
        :raises EstError: no certificate for the requested key, outside its validity, or no path to the CA.
        """
        now = datetime.now(timezone.utc)
        with self._stage("verify", request_received="yes") as step:
            certificates = list(_readable(answer.certificates))
            leaf = find_leaf(certificates, request.public_key_der)
            first, last = not_before(leaf), not_after(leaf)
            if not first <= now <= last:
                raise EstError(
                    f"the issued certificate is valid from {iso_utc(first)} to {iso_utc(last)}, and it is {iso_utc(now)}",
                    hint="Compare the clock of this host with the clock of the CA.",
                )
            others = [certificate for certificate in certificates if certificate is not leaf]
            warnings: List[str] = list(answer.warnings)
            try:
                path = find_path(leaf, others + list(authorities.certificates), authorities.anchors, now)
                chain = tuple(path.certificates[1:])
                warnings.extend(path.warnings)
            except EstError as error:
                error.hint = error.hint or "The CA that issued the certificate is not the one that /cacerts names."
                if not allow_unverified_chain:
                    raise
                chain = tuple(others)
                warnings.append(error.reason)
            step.detail = "; ".join(warnings) or f"chain of {len(chain) + 1} certificates up to the trust anchor"
        return VerifiedCertificate(leaf, chain, tuple(warnings))


def _readable(certificates: Iterable[bytes]) -> Iterator[x509.Certificate]:
    """Those that can be read: what else a server sends along must not spoil the certificate that was issued."""
    for der in certificates:
        with contextlib.suppress(ParseError):
            yield load_certificate(der)
