# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of the EST client, opened by a managed host.

The client writes its requests to something that looks like a connection, and reads the answers from it. Between the two
one run of ``est_relay``, or ``win_est_relay``, carries them: HTTP, its authentication, redirects and limits are those
of the client on any other connection. The host verifies the server before it sends anything, and tells what failed in
codes, which become the errors that the client has itself.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.codes import CODES
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.connection import (
    CarriedConnection,
    Dialler,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.deadline import Exchange
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failure_words import (
    answer_too_large,
    in_words,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.failures import Failed
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.server_identity import authorize
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Peer
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

from ..base.host_answer import UnusableAnswer, check_shape, failure_words, octets_of

#: Runs the relay on the host: its options -> its result, a failed one too.
Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_NAME = "est_relay"
#: Octets of an answer beside its body.
_HEAD = 64 * 1024
_WAY = ("resolve", "connect", "proxy", "tls")
_STAGES = ("input", *_WAY, "send", "receive")
_TRUST = {"nobody": "unverified"}
_CODE = re.compile(r"[a-z0-9_]{0,60}")
_NO_WORD = re.compile(r"[^\w.:%-]", re.ASCII)

_ANSWER = {"octets": str, "end": str, "connection": int, "seconds": dict}
_FAILURE = {
    **dict.fromkeys(("stage", "kind", "detail", "alert"), str),
    **dict.fromkeys(("request", "received"), int),
    **dict.fromkeys(("reused", "written"), bool),
}
_CONNECTION = {
    **dict.fromkeys(("address", "authorized_by", "cipher", "tls_version"), str),
    **dict.fromkeys(("port", "local_port"), int),
    "certificates": [str],
    "client_certificate_sent": bool,
    "seconds": dict,
}


class Carried(Value):
    """What became of a request.

    :param opened: the connections that were opened for it, as the relay tells of them.
    :param octets: the answer; ``None`` where there is a failure instead, as the relay tells of it.
    """

    opened: Sequence[Mapping[str, Any]]
    octets: Optional[bytes] = field(default=None, repr=False)
    seconds: Mapping[str, Any] = field(default_factory=dict)
    failure: Optional[Mapping[str, Any]] = None


class RelayDialler(Dialler):
    """Lets a host open the connections. See ``Dialler``, whose parameters come first.

    :param run: runs the relay on the host.
    :param max_response_size: of a body, in octets.
    """

    keeps_connections = False

    def __init__(self, *way: Any, run: Run, max_response_size: int) -> None:
        super().__init__(*way)
        self._run = run
        self._max_response_size = max_response_size
        self._announced: tuple[str, ...] = ()
        self._kept: dict[bytes, Carried] = {}

    def use_tls_1_2(self) -> NoReturn:
        """Refuse: the host opens a connection when the request is there already, and nothing can be signed for it."""
        raise InputError(
            "proof of possession needs the TLS connection that carries the request, and exchange=relay opens it only "
            "when the request is made",
            code="not_supported",
            hint="Set exchange to host or controller, or proof_of_possession of the template to never.",
        )

    def watch_client_certificate(self, client: ClientCertificate) -> None:
        """See ``Dialler``. The host tells."""
        self._client = client

    def announce(self, targets: Sequence[str]) -> None:
        """See ``Dialler``: they are sent together with the first of them."""
        self._announced = tuple(targets)

    def dial(self, exchange: Exchange) -> CarriedConnection:
        """See ``Dialler``. The host opens a connection when there is something to send."""
        return CarriedConnection(exchange, self._carry)

    # -- one request ---------------------------------------------------------------------------------------------------

    def _carry(self, message: bytes, exchange: Exchange) -> bytes:
        """Have a request sent, and return the answer.

        :raises TransportError, InputError, OSError: as a connection of this machine would have them.
        """
        if message not in self._kept:
            self._ask([message, *self._followers(message)], exchange)
        carried = self._kept.pop(message)
        error = self._tell(carried)
        if error is not None:
            raise error
        if carried.octets is None:
            self._break(carried.failure or {}, exchange)
        exchange.written, exchange.received = True, len(carried.octets)
        return carried.octets

    def _followers(self, message: bytes) -> list[bytes]:
        """The requests that were announced to follow this one: the same but for their targets."""
        start, _space, rest = message.partition(b" ")
        target, _space, rest = rest.partition(b" ")
        announced, self._announced = self._announced, ()
        if start != b"GET" or not announced or announced[0].encode("ascii", "replace") != target:
            return []
        return [b" ".join((start, other.encode("ascii", "replace"), rest)) for other in announced[1:]]

    def _ask(self, messages: Sequence[bytes], exchange: Exchange) -> None:
        """Run the relay, and keep what became of each request."""
        options: dict[str, Any] = {
            "host": self._url.host,
            "port": self._url.port,
            "trust": _TRUST.get(self._trust.kind, self._trust.kind),
            "requests": [base64.b64encode(message).decode("ascii") for message in messages],
            "connect_timeout": int(self._step_seconds),
            "timeout": int(exchange.deadline.seconds),
            "max_answer_size": self._max_response_size + _HEAD,
        }
        if self._proxy is not None:
            options.update(proxy_host=self._proxy.host, proxy_port=self._proxy.port)
        if self._trust.anchors is not None:
            options["anchors"] = [base64.b64encode(anchor.der).decode("ascii") for anchor in self._trust.anchors]
        if self._client is not None:
            options.update(client_certificate=self._client.certificate_path, client_key=self._client.key_path)
        started = time.monotonic()
        result = self._run(options)
        # What Ansible takes for a module is no time of the exchange.
        self._timeline.discount((time.monotonic() - started) * 1000)
        if result.get("failed"):
            raise TransportError(
                f"the request could not be sent from the host: {failure_words(result) or 'est_relay failed there'}",
                code=str(result.get("error_code") or "module_failed"),
                stage="",
                hint="Look at what the host says, or use exchange=controller.",
                request_received="unknown",
            )
        self._kept = dict(zip(messages, _carried(result, len(messages))))
        if messages[0] not in self._kept:
            raise UnusableAnswer(f"{_NAME} on the host answered without an answer and without a failure")

    # -- what is told of it --------------------------------------------------------------------------------------------

    def _tell(self, carried: Carried) -> Optional[EstError]:
        """Add the connections of a request to the timeline; return the error where one was not made."""
        failure = carried.failure or {}
        stage = failure.get("stage", "")
        if stage == "input":
            return self._of_input(str(failure["kind"]), str(failure["detail"]))
        self._timeline.discount(-1000 * sum(map(_seconds, carried.seconds.values())))
        for connection in carried.opened:
            self._begin()
            last = connection is carried.opened[-1]
            error = self._tell_of(connection, failure if last and stage in _WAY else None)
            if error is not None:
                return error
        if stage in _WAY:
            raise UnusableAnswer(f"{_NAME} on the host answered with a failure of no connection")
        return None

    def _tell_of(self, connection: Mapping[str, Any], failure: Optional[Mapping[str, Any]]) -> Optional[TransportError]:
        seconds = {stage: _seconds(connection["seconds"].get(stage, 0)) for stage in _WAY}
        self.client_certificate_sent = connection.get("client_certificate_sent")
        error = self._error(failure, connection) if failure is not None else None
        address, port = _word(connection.get("address", "")), connection.get("port")
        details = {
            "resolve": self._resolved([address or "known"]),
            "connect": self._connected(f"{address} port {port}"),
        }
        milliseconds = {
            "resolve": seconds["resolve"] * 1000,
            "connect": (seconds["connect"] + seconds["proxy"]) * 1000,
            "tls": seconds["tls"] * 1000,
        }
        for stage in milliseconds:
            if error is not None and stage == error.stage:
                self._add(stage, milliseconds[stage], error)
                return error
            if stage == "tls":
                self.peer = self._peer(connection)
                details[stage] = self._secured(self.peer)
            self._add(stage, milliseconds[stage], self._numbered(details[stage]))
        return None

    def _add(self, stage: str, milliseconds: float, told: str | EstError) -> None:
        """Add a stage, whose time counts although it is over."""
        self._timeline.discount(-milliseconds)
        ok = isinstance(told, str)
        self._timeline.add(stage, ok, round(milliseconds, 1), told if isinstance(told, str) else told.reason)

    def _error(self, failure: Mapping[str, Any], connection: Mapping[str, Any]) -> TransportError:
        """The error for a connection that was not made."""
        if failure["kind"] == "wrong_server_name":
            try:
                authorize(_leaf(connection) or b"", self._url.host, self._trust)
            except TransportError as error:  # which names the names that it has
                if error.code == failure["kind"]:
                    return error
        failed = Failed(
            failure["stage"],
            failure["kind"],
            failure["detail"],
            alert=failure["alert"],
            proxy_status=failure.get("proxy_status", 0),
        )
        return in_words(failed, self._way)

    def _of_input(self, kind: str, detail: str) -> EstError:
        """The error for what the host cannot use of its options."""
        if kind in ("invalid_client_certificate", "unreadable_file") and self._client is not None:
            problem = {
                "not_found": "it is not there, or the account of the connection may not read it",
                "no_key": "it has no key there, or the account of the connection may not use it",
                "encrypted_key": "the key is encrypted, and exchange=relay gives no passphrase to the host",
            }.get(detail, "it is not a PEM certificate with its key")
            return InputError(
                f"the TLS client certificate {self._client.certificate_path!r} cannot be used on the host: {problem}",
                code=kind,
                hint="Both are in PEM form on a POSIX host; the intermediates follow the certificate.",
            )
        if kind == "invalid_trust_anchors":
            problem = "have all expired by its clock" if detail == "expired" else "cannot be read there"
            return InputError(
                f"the host can use none of the trusted CA certificates in {self._trust.source}: they {problem}",
                code=kind,
                hint="Ask the CA's administrator for its current certificate, and check the clock of the host.",
            )
        raise UnusableAnswer(f"{_NAME} on the host answered that it cannot use an option ({kind} {detail})")

    def _peer(self, connection: Mapping[str, Any]) -> Peer:
        check_shape(connection, {"tls_version": str, "authorized_by": str}, _NAME)
        by, kind = connection["authorized_by"], self._trust.kind
        if self._trust.kind == "nobody":
            by, kind = "the server is not verified", "no"
        elif by not in ("host_name", "cmc_ra"):
            raise UnusableAnswer(f"{_NAME} on the host answered without who vouches for the server")
        version, cipher = _word(connection["tls_version"]), _word(connection.get("cipher", "")) or None
        sent = self.client_certificate_sent if self._client is not None else None
        return Peer(kind, version, by, _leaf(connection), cipher, sent)

    def _break(self, failure: Mapping[str, Any], exchange: Exchange) -> NoReturn:
        """Note how far an exchange came that broke off, and break off as a socket of this machine does."""
        exchange.written, exchange.received = failure["written"], failure["received"]
        exchange.reused = failure["reused"]
        if failure["kind"] == "answer_too_large":
            raise answer_too_large(self._url.authority, self._max_response_size)
        if failure["kind"] == "no_answer":
            exchange.failure = socket.timeout("the host waited in vain")
        elif failure["alert"]:
            exchange.failure = _Alert(failure["alert"])
        else:
            exchange.failure = ConnectionResetError("the server closed the connection to the host")
        raise exchange.failure


class _Alert(ssl.SSLError):
    """A TLS alert that the host has got."""

    def __init__(self, name: str) -> None:
        super().__init__(1, name)
        self.reason = f"ALERT_{name.upper()}"


# ----------------------------------------------------------------------------------------------------------------------
# What the relay told, checked: whoever has taken over a host decides what it says.


def _carried(result: Mapping[str, Any], asked: int) -> list[Carried]:
    """What became of each request, as far as the relay came.

    :raises UnusableAnswer: the relay does not say such a thing.
    """
    check_shape(result, {"answers": [dict], "connections": [dict]}, _NAME)
    connections, answers = result["connections"], result["answers"]
    for connection in connections:
        check_shape(connection, {"seconds": dict}, _NAME)
        check_shape(connection, {key: kind for key, kind in _CONNECTION.items() if key in connection}, _NAME)
    found: list[Carried] = []
    told = 0
    for answer in answers[:asked]:
        check_shape(answer, _ANSWER, _NAME)
        reached = min(max(answer["connection"] + 1, told), len(connections))
        found.append(Carried(connections[told:reached], octets_of(answer["octets"], _NAME), answer["seconds"]))
        told = reached
    failure = result.get("failure")
    if failure is not None and len(found) < asked:
        check_shape(result, {"failure": dict}, _NAME)
        check_shape(failure, _FAILURE, _NAME)
        if "proxy_status" in failure:
            check_shape(failure, {"proxy_status": int}, _NAME)
        known = failure["stage"] in _STAGES and failure["kind"] in CODES
        if not known or not all(_CODE.fullmatch(failure[name]) for name in ("detail", "alert")):
            raise UnusableAnswer(f"{_NAME} on the host answered with a failure that it does not know")
        found.append(Carried(connections[told:], failure=failure))
    return found


def _leaf(connection: Mapping[str, Any]) -> Optional[bytes]:
    """The certificate of the server."""
    certificates = connection.get("certificates") or [""]
    return octets_of(certificates[0], _NAME) or None


def _seconds(value: Any) -> float:
    is_time = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e6
    return float(value) if is_time else 0.0


def _word(text: str) -> str:
    """An address, a version or a cipher, fit to be shown."""
    return _NO_WORD.sub("?", text[:80])
