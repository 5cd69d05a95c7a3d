# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the EST transports share that send the HTTPS requests from a managed host, through one of its modules.

Keys, certificate request and checks stay on the controller. The module on the host verifies the server's certificate
and host name before it sends anything. What this way cannot do is refused by the caller (see ``connectors.py``), never
skipped.
"""

from __future__ import annotations

import copy
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Callable, ClassVar, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    ServerError,
    Timeline,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.digest_authentication import (
    Challenge,
    parse_challenges,
    schemes,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import one_content_length
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import (
    SYSTEM_TRUST_WARNING,
    Binding,
    Body,
    Credentials,
    Peer,
    Response,
    Shown,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl

#: Runs a module on the host, for real even in check mode: name, arguments -> result, a failed one as well.
Execute = Callable[[str, Mapping[str, Any]], dict[str, Any]]

#: What ansible-core puts in place of a secret of a module, wherever it occurs in the module's result.
CENSORED = b"********"

#: What to do where an answer ends before its end.
CUT_OFF_HINT = "Look at the EST server and at proxies on the way."


class Failure(Value):
    """What some words of a module mean.

    :param pattern: a regular expression; case does not matter.
    :param stage: of the timeline; empty: what the request was for.
    :param received: whether the request can have arrived.
    :param code: the name of the error, as the client of this collection gives it for the same trouble.
    """

    pattern: str
    stage: str
    reason: str
    hint: str
    received: str
    code: str


class Answer(Value):
    """What the server answered.

    :param headers: those that the EST client reads, names in lower case.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class ModuleTransport:
    """Carries EST requests through a module of a managed host; see ``Transport``.

    :cvar module: the module.
    :cvar failures: what it says where it fails, and what that means; the first that matches counts.
    :cvar unknown_failure: what anything else means.
    :cvar instead: the exchanges that can do more.
    :cvar client_options: the options of the module that show a TLS client certificate.
    :param execute: runs a module on the host.
    :param options: arguments of the module that every request has.
    :param trust: ``explicit`` or ``system``, as told in the result.
    :param only_basic: do not answer a Digest challenge.
    :param unasked: whether the account goes out before the server has asked for it.
    :param max_response_bytes: an answer with a larger body is refused.
    """

    module: ClassVar[str]
    failures: ClassVar[tuple[Failure, ...]]
    unknown_failure: ClassVar[Failure]
    instead: ClassVar[str]
    client_options: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        execute: Execute,
        options: Mapping[str, Any],
        *,
        trust: str,
        credentials: Optional[Credentials],
        only_basic: bool,
        unasked: bool,
        max_response_bytes: int,
        timeline: Optional[Timeline],
    ) -> None:
        self._execute = execute
        self._options = options
        self._trust = trust
        self._credentials = credentials
        self._only_basic = only_basic
        self._may_send_basic = unasked
        self._asked = False
        self._offered: tuple[str, ...] = ()
        self._max_response_bytes = max_response_bytes
        self._timeline = timeline
        self._peer: Optional[Peer] = None
        self._authenticated_by: Optional[str] = None

    @abstractmethod
    def arguments(self, method: str, url: str, headers: Mapping[str, str], body: Optional[str]) -> dict[str, Any]:
        """Return the arguments of the module for a request, without those that authenticate it."""

    @abstractmethod
    def send(self, arguments: Mapping[str, Any]) -> Answer:
        """Run the module.

        :raises TransportError: that of ``failure()``, where there is no answer.
        """

    @abstractmethod
    def words(self, result: Mapping[str, Any]) -> str:
        """Return what the module says of its failure."""

    def can_answer(self, challenges: tuple[Challenge, ...]) -> bool:
        """Say whether the module answers these challenges with Digest: with MD5, and not the session kind of it."""
        return any(
            challenge.scheme.lower() == "digest" and challenge.parameters.get("algorithm", "MD5").upper() == "MD5"
            for challenge in challenges
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[Body] = None,
        authenticate: bool = False,
    ) -> Response:
        """Send one request from the host; see ``Transport.request()``.

        A function for the body gets a binding that says nothing: the module tells nothing of its connection.
        """
        if callable(body):
            body = body(Binding())
        arguments = self.arguments(method, url, headers, None if body is None else body.decode("ascii"))
        credentials = self._credentials if authenticate else None
        answer, scheme = self._authenticated(
            arguments, credentials, lambda: self.arguments(method, url, headers, None if body is None else "")
        )
        self._connected()
        if len(answer.body) > self._max_response_bytes:
            raise ServerError(
                f"the answer of the EST server is larger than {self._max_response_bytes} bytes",
                code="answer_too_large",
                http_status=answer.status,
                request_received="received",
                hint="An EST answer takes a few kilobytes: check that this is the EST server.",
            )
        _refuse_short_body(answer)
        # Whether the module showed its client certificate, it does not tell.
        client_certificate = None if any(name in self._options for name in self.client_options) else False
        shown = Shown(
            self._credentials is not None,
            scheme,
            "basic" if self._only_basic else "auto",
            self._offered,
            client_certificate,
        )
        return Response(answer.status, answer.headers, answer.body, url, shown)

    def _authenticated(
        self, arguments: Mapping[str, Any], credentials: Optional[Credentials], question: Callable[[], dict[str, Any]]
    ) -> tuple[Answer, Optional[str]]:
        """Send a request with the account as the server wants it; return the answer, and the scheme that got it.

        :param question: makes the arguments of a request that is like it, and asks for nothing.
        """
        challenge: Optional[Answer] = None
        if credentials is None or not self._may_send_basic:
            challenge = self.send(arguments)
            if not self._learn(challenge) or credentials is None:
                return challenge, None
        account = {**arguments, "url_username": credentials.username, "url_password": credentials.password}
        if challenge is None or not self._wants_digest(challenge):
            if challenge is not None and not self._may_send_basic:
                return challenge, None
            self._authenticated_by = "basic"
            answer = challenge = self.send({**account, "force_basic_auth": True})
            if answer.status == 401 and not self._learn(answer) and not (self._only_basic or self._asked):
                # libest says what it wants only where it gets nothing.
                self._asked = True
                challenge = self.send(question())
                self._learn(challenge)
            if not self._wants_digest(challenge):
                return answer, "basic"
        # Without force_basic_auth the module waits for a challenge, and can answer this one.
        self._authenticated_by = "digest"
        return self.send({**account, "force_basic_auth": False}), "digest"

    def _learn(self, answer: Answer) -> bool:
        """Note what a 401 offers; return whether it offers anything."""
        found = parse_challenges(answer.headers.get("www-authenticate")) if answer.status == 401 else ()
        if found:
            self._offered = schemes(found)
            self._may_send_basic = self._may_send_basic or any(one.scheme.lower() == "basic" for one in found)
        return bool(found)

    @property
    def peer(self) -> Optional[Peer]:
        """The server, once it has answered. The module tells neither its TLS version nor its certificate."""
        return self._peer

    @property
    def session_trust(self) -> str:
        """By whose word the server is verified: ``explicit`` or ``system``."""
        return self._trust

    @property
    def authenticated_by(self) -> Optional[str]:
        """``basic`` or ``digest``, once a request went out with it."""
        return self._authenticated_by

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is risky about trust and credentials together (RFC 7030 section 6)."""
        return (SYSTEM_TRUST_WARNING,) if self._credentials is not None and self._trust == "system" else ()

    def client_key(self) -> None:
        """Stay on the host."""

    def require_tls_unique(self) -> None:
        """Refuse: a module of its own opens the connection, and nothing can be signed for it."""
        raise InputError(
            f"proof of possession needs the TLS connection that carries the request, and {self.module} does not "
            "show its own",
            code="not_supported",
            hint=f"Set exchange to {self.instead}, or proof_of_possession of the template to never.",
        )

    def for_origin(self, url: EstUrl, *, with_credentials: bool = False) -> ModuleTransport:
        """A transport to another server. See ``Transport.for_origin()``."""
        other = copy.copy(self)
        other._peer = other._authenticated_by = None
        if not with_credentials:
            other._credentials = None
            other._options = {name: value for name, value in self._options.items() if name not in self.client_options}
        return other

    def close(self) -> None:
        """Nothing is kept open: every request is a connection of its own."""

    def failure(self, result: Mapping[str, Any]) -> TransportError:
        """Return the error for a result without an answer."""
        said = self.words(result)
        meaning = next(
            (known for known in self.failures if re.search(known.pattern, said, re.IGNORECASE)), self.unknown_failure
        )
        received = self.received(said, meaning)
        shows = meaning.stage == "tls" and any(name in self._options for name in self.client_options)
        more = "; the request had a TLS client certificate to show" if shows else ""
        error = TransportError(
            f"{meaning.reason} ({_shortened(said)}){more}",
            code=meaning.code,
            hint=meaning.hint,
            request_received=received,
        )
        error.keeps_hint = True  # it knows the way of the requests, and that of the front end does not
        if meaning.stage:  # else the caller knows: it is what the request was for
            error.stage = meaning.stage
            if self._timeline is not None:
                self._timeline.add(meaning.stage, False, None, error.reason)
        return error

    def received(self, said: str, meaning: Failure) -> str:
        """Say whether a request can have arrived that failed with these words."""
        return meaning.received

    def _wants_digest(self, answer: Answer) -> bool:
        usable = answer.status == 401 and not self._only_basic
        return usable and self.can_answer(parse_challenges(answer.headers.get("www-authenticate")))

    def _connected(self) -> None:
        if self._peer is not None:
            return
        self._peer = Peer(trust=self.session_trust)
        if self._timeline is not None:
            for stage in ("resolve", "connect", "tls"):
                self._timeline.add(stage, True, None, f"by {self.module} on the host")


def _refuse_short_body(answer: Answer) -> None:
    length = one_content_length(answer.headers.get("content-length", ""))
    if length is not None and answer.status != 204 and len(answer.body) < int(length):
        raise ServerError(
            f"the answer of the EST server is cut off: {len(answer.body)} of {length} bytes",
            code="connection_closed",
            http_status=answer.status,
            request_received="received",
            hint=CUT_OFF_HINT,
        )


def _shortened(text: str, limit: int = 200) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else f"{folded[:limit]}..."
