# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host sees of one EST server: names, route, connection, TLS, trust, clock, and the EST operations.

Each step is tried on its own, and says what it found or why it failed. Needs the standard library only; with
``requests`` and ``cryptography`` on the host it also asks what ``est_server_info`` asks. No user name, no password and
no certificate request is ever sent: the template has no secrets here.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .._exchange.connection import configured_trust
from .._exchange.hints import hint_of
from .._exchange.host_connector import HostConnector
from .._exchange.options import TestOptions
from .._exchange.server_info import look
from .._template.model import Template
from ..est.base.errors import EstError, MissingLibrary, ParseError, Timeline
from ..est.base.libraries import require_libraries
from ..est.base.text import printable
from ..est.http.connection import Dialler
from ..est.http.deadline import Deadline, Exchange, TimedSocket
from ..est.http.headers import read_http_date
from ..est.http.opening import cipher_name
from ..est.http.proxy import Proxy
from ..est.http.tls import Trust, make_context
from ..est.http.transport import Peer
from ..est.http.unverified import NOBODY, UnverifiedDialler, make_unverified_context
from ..est.http.url import EstUrl
from ..est.x509.certificate import describe_names, load_certificate
from ..est.x509.client_certificate import ClientCertificate

#: Runs a program on this host: its words -> exit status, standard output, standard error. Raises OSError where there is
#: no such program.
RunCommand = Callable[[List[str]], Tuple[int, str, str]]

_HEAD_LIMIT = 16384


def probe(
    fields: Mapping[str, Any], step_seconds: int, seconds: float, run_command: Optional[RunCommand] = None
) -> Dict[str, Any]:
    """Look at the EST server of a template.

    :param fields: of the template, without secrets.
    :param step_seconds: for each of resolving, connecting and the handshake.
    :param seconds: for all of it; a step that begins later is told as failed.
    :param run_command: for the route; see ``route()``.
    :returns: plain data: ``server``, ``proxy``, and ``steps``: ``{name: {ok, milliseconds, ...}}`` with the names
        ``resolve``, ``route``, ``connect``, ``tls``, ``trust``, ``clock`` and ``est``. A failed step has ``reason`` and
        ``hint``; one that could not be tried because another failed is not there.
    """
    template = Template.from_fields(fields, {})
    url = EstUrl.build(template.server, template.port, template.label, template.base_path)
    return _Probe(template, url, step_seconds, Deadline(seconds), run_command).run()


class _NameCheckingDialler(Dialler):
    """Leaves it to OpenSSL to compare the host name, where ``cryptography`` is missing."""

    def _authorize(self, secured: TimedSocket) -> Peer:
        certificate = secured.getpeercert(binary_form=True)
        return Peer(self._trust.kind, secured.version(), "host_name", certificate, cipher_name(secured))


class _Probe:
    def __init__(
        self,
        template: Template,
        url: EstUrl,
        step_seconds: int,
        deadline: Deadline,
        run_command: Optional[RunCommand],
    ) -> None:
        self._template = template
        self._url = url
        self._step_seconds = step_seconds
        self._deadline = deadline
        self._run_command = run_command
        self._proxy = Proxy.parse(template.proxy) if template.proxy else None
        self._steps: Dict[str, Dict[str, Any]] = {}

    def run(self) -> Dict[str, Any]:
        seen = self._look_at_certificate()
        if self._steps.get("resolve", {}).get("ok"):
            with self._step("route"):
                self._steps["route"].update(paths=route(*self._next_hop(), self._run_command))
        # A server of TLS 1.2 that wants a client certificate shakes hands with those only that it trusts.
        if self._steps.get("connect", {}).get("ok"):
            trusted = self._verify()
            if seen or trusted:
                self._read_clock(trusted)
            self._ask_est()
        order = ("resolve", "route", "connect", "tls", "trust", "clock", "est")
        return {
            "server": self._url.authority,
            "url": self._url.base,
            "proxy": self._template.proxy,
            "steps": {name: self._steps[name] for name in order if name in self._steps},
        }

    def _next_hop(self) -> Tuple[str, int]:
        return (self._proxy.host, self._proxy.port) if self._proxy else (self._url.host, self._url.port)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Time a step and turn its error into its result."""
        started = time.monotonic()
        step: Dict[str, Any] = {"ok": True}
        self._steps[name] = step
        try:
            yield
        except EstError as error:
            step.update(ok=False, error_code=error.code, reason=error.reason, hint=hint_of(error))
        except OSError as error:
            step.update(ok=False, error_code="connection_failed", reason=_in_words(error), hint="")
        step["milliseconds"] = round((time.monotonic() - started) * 1000, 1)

    def _exchange(self) -> Exchange:
        return Exchange(Deadline(self._deadline.limit(3.0 * self._step_seconds)), self._step_seconds)

    def _dialler(self, verified: Optional[Trust], timeline: Timeline) -> Dialler:
        if verified is None:
            context = make_unverified_context(NOBODY)
            return UnverifiedDialler(self._url, context, NOBODY, self._proxy, self._step_seconds, timeline)
        context = make_context(verified, self._client_certificate())
        kind = Dialler
        if not _has("cryptography"):
            context.check_hostname, kind = True, _NameCheckingDialler
        return kind(self._url, context, verified, self._proxy, self._step_seconds, timeline)

    def _client_certificate(self) -> Optional[ClientCertificate]:
        path = self._template.client_certificate_path
        return ClientCertificate(path, self._template.client_key_path) if path else None

    def _look_at_certificate(self) -> bool:
        """Resolve, connect and shake hands without verifying anything: to see what is there. Nothing is sent."""
        timeline = Timeline()
        failure: Optional[EstError] = None
        dialler = self._dialler(None, timeline)
        try:
            dialler.dial(self._exchange()).close()
        except EstError as error:
            failure = error
        except OSError as error:
            self._steps["connect"] = {
                "ok": False,
                "error_code": "connection_failed",
                "reason": _in_words(error),
                "hint": "",
            }
        for part in timeline.as_list():
            step = {"ok": part["ok"], "milliseconds": part["milliseconds"], "detail": part["detail"]}
            if not part["ok"] and failure is not None:
                step.update(error_code=failure.code, reason=failure.reason, hint=hint_of(failure))
                del step["detail"]
            self._steps[part["stage"]] = step
        if dialler.peer is None:
            return False
        self._describe(dialler.peer)
        return True

    def _describe(self, peer: Peer) -> None:
        """Tell the TLS connection and the certificate of a server."""
        step = self._steps["tls"]
        step.update(ok=True, version=peer.tls_version, cipher=peer.cipher, detail="", certificate=None)
        try:
            certificate = load_certificate(peer.certificate or b"")
            step["certificate"] = describe_names(certificate)
        except ParseError as error:
            step["certificate_problem"] = error.reason

    def _verify(self) -> Optional[Trust]:
        """Shake hands as a test does. Returns the trust where the server is trusted."""
        with self._step("trust"):
            trust = configured_trust(self._template, HostConnector())
            if trust is None:
                self._steps["trust"].update(_no_trust(self._template))
                return None
            self._steps["trust"]["kind"] = trust.origin
            dialler = self._dialler(trust, Timeline())
            dialler.dial(self._exchange()).close()
            if dialler.peer is not None and not self._steps["tls"]["ok"]:
                self._describe(dialler.peer)
            return trust
        return None

    def _read_clock(self, trust: Optional[Trust]) -> None:
        """The time of the server: the header Date (RFC 9110 section 6.6.1) of its answer to a GET of /cacerts.

        A wrong clock is a common reason why a server is not trusted, so the time of such a server is read as well.
        """
        with self._step("clock"):
            exchange = self._exchange()
            with contextlib.closing(self._dialler(trust, Timeline()).dial(exchange)) as secured:
                secured.sendall(
                    f"GET {self._url.operation('cacerts')[len('https://') + len(self._url.authority) :]} HTTP/1.1\r\n"
                    f"Host: {self._url.authority}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
                )
                status, date = _read_head(secured)
                now = time.time()
            self._steps["clock"].update(
                http_status=status,
                verified=trust is not None,
                server_time=date,
                host_ahead_seconds=None if date is None else round(now - date, 1),
            )

    def _ask_est(self) -> None:
        """What est_server_info tells, where the host has the libraries for it."""
        with self._step("est"):
            require_libraries()
            limit = max(1, int(self._deadline.limit(30)))
            limits = TestOptions(connect_timeout=min(self._step_seconds, limit), timeout=limit)
            self._steps["est"].update(found=look(self._template, limits, HostConnector(), Timeline()))


def _no_trust(template: Template) -> Dict[str, Any]:
    if template.ca_fingerprint:
        return {
            "kind": "fingerprint",
            "detail": "the template has only a fingerprint, which is checked in the step est",
        }
    return {
        "ok": False,
        "error_code": "no_trust",
        "reason": f"the template '{template.name}' says nothing of whom to trust",
        "hint": "Set ca_certificate, ca_path, ca_fingerprint or use_system_trust.",
    }


def route(host: str, port: int, run_command: Optional[RunCommand] = None) -> List[Dict[str, Any]]:
    """The addresses of a host, each with the address of this host that packets to it leave from.

    A UDP socket that is connected asks the kernel for the route and sends nothing.

    :param run_command: asks ``ip route get`` as well, where there is that command.
    :raises OSError: the host cannot be resolved.
    """
    found = []
    for family, _kind, _protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        path: Dict[str, Any] = {"to": address[0]}
        try:
            with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as knock:
                knock.connect(address)
                path["from"] = knock.getsockname()[0]
        except OSError as error:
            path["problem"] = _in_words(error)
        if run_command is not None:
            with contextlib.suppress(OSError):  # there is no such command
                _status, told, problem = run_command(["ip", "route", "get", str(address[0])])
                path["ip_route"] = printable(told or problem, 200)
        found.append(path)
    return found


def _read_head(secured: ssl.SSLSocket) -> Tuple[Optional[int], Optional[float]]:
    """Status and header Date (seconds since the epoch) of an HTTP answer."""
    head = bytearray()
    block = bytearray(4096)
    while b"\r\n\r\n" not in head and len(head) < _HEAD_LIMIT:
        count = secured.recv_into(block)
        if not count:
            break
        head += block[:count]
    lines = bytes(head).split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    is_status = len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdecimal() and len(words[1]) == 3
    status = int(words[1]) if is_status else None
    for line in lines[1:]:
        name, _colon, value = line.partition(":")
        if name.lower() == "date":
            date = read_http_date(value)
            return status, None if date is None else date.timestamp()
    return status, None


def _has(library: str) -> bool:
    try:
        require_libraries(library)
    except MissingLibrary:
        return False
    return True


def _in_words(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "the time is over"
    return error.strerror or str(error) or type(error).__name__
