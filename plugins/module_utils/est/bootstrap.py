# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first contact with a server of whose CA only a fingerprint is at hand yet (RFC 7030 section 4.1.1).

The CA certificates are fetched over TLS that verifies nothing. One of them is accepted because its fingerprint is the
one that an administrator gave; then that connection is over, and everything else happens on a new one, which is
verified with this certificate::

    trust = bootstrap(url, "sha256:9F:86:...")
    with EstClient(url, HttpsTransport(url, trust, credentials=...), ...) as client:

This is the only transport of the client that verifies nothing. It cannot be misused by an option or an argument: it is
private to this file, has nowhere to put credentials or a client certificate, sends a GET of /cacerts and refuses every
other request; and what it fetched becomes a ``Trust`` only where the fingerprint matches.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Mapping, Optional, Tuple, TypeVar, Union

from .._value import Value, field
from .answers.enrolment import read_cacerts_answer
from .base.errors import EstError, InputError, ParseError, ServerError, Step, Timeline
from .http.https import HttpsTransport, MakeDialler
from .http.tls import Trust
from .http.transport import Peer, Response
from .http.unverified import NOBODY, UnverifiedDialler, make_unverified_context
from .http.url import EstUrl
from .verification import MAX_CERTIFICATES
from .x509.certificate import Fingerprint, load_certificate, subject_text
from .x509.fields import Certificate
from .x509.path import is_self_issued

_Result = TypeVar("_Result")

_ACCEPT = {"Accept": "*/*"}
_SHOWN = 10
_COMPARE = (
    "Compare with the fingerprint that the administrator of the CA names, over another way than this connection, and "
    "trust that one."
)


class CaBag(Value):
    """What an unverified server sent as its CA certificates. Anybody could have made it.

    :param certificates: those that can be read, self-issued ones (where the root is) first.
    :param peer: the server, of which nothing was verified.
    :param warnings: what was odd about the answer.
    """

    certificates: Tuple[Certificate, ...] = field(repr=False)
    peer: Peer
    warnings: Tuple[str, ...] = ()

    def find(self, fingerprint: Optional[Fingerprint]) -> Certificate:
        """The certificate with this fingerprint.

        :param fingerprint: ``None`` is the fingerprint of nothing.
        :raises ServerError: there is none; the error names the fingerprints that were seen (RFC 7030 section 4.1.1).
        """
        if fingerprint is None:
            reason = f"there is no fingerprint to accept a CA certificate of this server by; it sent {self.in_words()}"
            raise ServerError(reason, code="no_trust", stage="cacerts", http_status=200, hint=_COMPARE)
        for certificate in self.certificates:
            if fingerprint.matches(certificate):
                return certificate
        raise ServerError(
            f"no CA certificate of the server has the fingerprint {fingerprint}; "
            f"it sent {self.in_words(fingerprint.algorithm)}",
            code="fingerprint_mismatch",
            stage="cacerts",
            http_status=200,
            hint=f"Nothing was accepted: this may be another server, or somebody in between. {_COMPARE}",
        )

    def in_words(self, algorithm: str = "sha256") -> str:
        """The fingerprints with the subjects they belong to."""
        shown = [
            f"{Fingerprint.of(certificate, algorithm)} ({subject_text(certificate)})"
            for certificate in self.certificates[:_SHOWN]
        ]
        if len(self.certificates) > _SHOWN:
            shown.append(f"{len(self.certificates) - _SHOWN} more")
        return ", ".join(shown)


def bootstrap(
    url: EstUrl,
    ca_fingerprint: Union[str, Fingerprint, None],
    *,
    timeline: Optional[Timeline] = None,
    **connection: Any,
) -> Trust:
    """Find out whom to trust from a fingerprint. Make a new connection with the result for anything else.

    :param ca_fingerprint: SHA-256 or SHA-512 over a CA certificate of the server (see ``Fingerprint.parse()``);
        ``None`` always fails, and shows the fingerprints to choose from.
    :param timeline: gets the stages resolve, connect, tls and cacerts, with details that begin with ``bootstrap:``.
    :param connection: ``proxy``, ``connect_timeout``, ``timeout``, ``read_timeout``, ``max_response_size`` and
        ``make_dialler``, as of ``HttpsTransport``. There are no others.
    :raises InputError: what was given is not a fingerprint. Nothing has been sent.
    :raises ServerError: no certificate has the fingerprint; the error names it and those that were seen.
    :raises EstError: as of ``fetch_unauthenticated()``.
    """
    pin = Fingerprint.parse(ca_fingerprint) if isinstance(ca_fingerprint, str) else ca_fingerprint

    def accept(bag: CaBag, step: Step) -> Trust:
        certificate = bag.find(pin)
        step.detail = f"{subject_text(certificate)} accepted by its fingerprint {pin}"
        return Trust.explicit(certificate.der, "the CA certificate of the server").replace(fingerprint=str(pin))

    return _contact(url, timeline, connection, accept)


def fetch_unauthenticated(url: EstUrl, *, timeline: Optional[Timeline] = None, **connection: Any) -> CaBag:
    """Fetch the CA certificates of a server of which nothing is verified, to show their fingerprints to somebody.

    :param timeline: as of ``bootstrap()``.
    :param connection: as of ``bootstrap()``.
    :raises TransportError: there was no answer.
    :raises ServerError: any status but 200.
    :raises ParseError: the answer is not a certs-only message, or has no certificate that can be read.
    """

    def only_show(bag: CaBag, step: Step) -> CaBag:
        step.detail = f"certificates that nobody has verified: {len(bag.certificates)}"
        return bag

    return _contact(url, timeline, connection, only_show)


def _contact(
    url: EstUrl, timeline: Optional[Timeline], connection: Mapping[str, Any], use: Callable[[CaBag, Step], _Result]
) -> _Result:
    """Fetch the bag and use it in the stage cacerts, in a timeline of its own that is handed on with a mark."""
    own = Timeline()
    try:
        with own.stage("cacerts") as step:
            return use(_fetch(url, own, connection), step)
    except EstError as error:
        # No enrolment request has been sent, whatever became of this one.
        error.request_received = "not_received"
        raise
    finally:
        if timeline is not None:
            for part in own.as_list():
                timeline.add(part["stage"], part["ok"], part["milliseconds"], f"bootstrap: {part['detail']}")


def _fetch(url: EstUrl, timeline: Timeline, connection: Mapping[str, Any]) -> CaBag:
    with contextlib.closing(_CaCertificatesOnly(url, timeline=timeline, **connection)) as transport:
        response = transport.request("GET", url.operation("cacerts"), _ACCEPT)
        peer = transport.peer
    if peer is None:
        raise AssertionError("an answer comes from a peer")
    return read_bag(response, peer)


def read_bag(response: Response, peer: Peer) -> CaBag:
    """What the answer of an unverified server to a GET of /cacerts has in it.

    :raises ServerError, ParseError: as of ``fetch_unauthenticated()``.
    """
    if response.status == 401:
        # RFC 7030 section 4.1.1: a challenge is not answered before the server is authenticated.
        raise ServerError(
            "the server wants to know who the client is before it gives its CA certificates (HTTP 401), and a server "
            "that is not verified gets no user name and no password",
            code="credentials_withheld",
            http_status=401,
            hint="Trust the CA certificate itself instead of a fingerprint alone.",
        )
    bag, warnings = read_cacerts_answer(response)
    if len(bag) > MAX_CERTIFICATES:
        raise ParseError(f"the server sent {len(bag)} CA certificates; at most {MAX_CERTIFICATES} are read")
    certificates = []
    reasons = []
    for der in dict.fromkeys(bag):
        try:
            certificates.append(load_certificate(der))
        except ParseError as error:
            reasons.append(error.reason)
    if not certificates:
        raise ParseError(f"no CA certificate of the server can be read: {reasons[0]}")
    certificates.sort(key=is_self_issued, reverse=True)
    return CaBag(tuple(certificates), peer, (*warnings, *reasons))


class _CaCertificatesOnly(HttpsTransport):
    """Asks a server that is not verified for its CA certificates, and cannot be made to do anything else."""

    _dialler_class = UnverifiedDialler
    _make_context = staticmethod(make_unverified_context)

    def __init__(
        self,
        url: EstUrl,
        *,
        proxy: Optional[str] = None,
        connect_timeout: float = 10,
        timeout: float = 30,
        read_timeout: Optional[float] = None,
        max_response_size: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
        make_dialler: Optional[MakeDialler] = None,
    ) -> None:
        super().__init__(
            url,
            NOBODY,
            proxy=proxy,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            timeout=timeout,
            max_response_size=max_response_size,
            timeline=timeline,
            make_dialler=make_dialler,
        )
        self._only = url.operation("cacerts")

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any = None,
        authenticate: bool = False,
    ) -> Response:
        """GET /cacerts.

        :raises InputError: anything else.
        """
        asked = (method, url, dict(headers), body, authenticate)
        if asked != ("GET", self._only, _ACCEPT, None, False):
            raise InputError(
                "over a connection that is not authenticated only the CA certificates may be asked for (RFC 7030 "
                "section 4.1.1)"
            )
        return super().request("GET", self._only, _ACCEPT)
