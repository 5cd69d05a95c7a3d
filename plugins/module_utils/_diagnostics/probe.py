# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host sees of one EST server: names, connection, TLS, trust, clock, and the EST operations.

The host carries requests as ``est_relay`` does: one over a connection that verifies nothing, to see what is there, and
where the template says whom to trust, those of ``est_server_info`` over one that is verified. This module runs on the
controller: it says what to carry, and what came of it. No user name, no password and no certificate request is ever
sent: the template has no secrets here.
"""

from __future__ import annotations

import base64
import contextlib
import functools
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._exchange.hints import hint_of
from .._names.pem import pem_text
from .._template.model import Template
from ..est.base.errors import EstError, InputError, ParseError, TransportError
from ..est.base.libraries import require_libraries
from ..est.base.text import printable
from ..est.bootstrap import fetch_unauthenticated
from ..est.client import EstClient
from ..est.http.failure_words import Way, in_words
from ..est.http.failures import Failed
from ..est.http.https import HttpsTransport, MakeDialler
from ..est.http.tls import Trust
from ..est.http.url import EstUrl, Proxy
from ..est.server_info import server_info, unverified_server_info
from ..est.x509.certificate import Fingerprint, describe_names, load_certificate
from ..est.x509.client_certificate import ClientCertificate
from .replay import Replay, read_head

# What est_server_info asks for, in its order: method, operation, and the header fields of a body, which is empty. An
# enrolment request that is empty shows which authentication the server asks for.
_CACERTS = ("GET", "cacerts", "")
_ASKED = (
    _CACERTS,
    ("GET", "csrattrs", ""),
    ("POST", "simpleenroll", "Content-Type: application/pkcs10\r\nContent-Length: 0\r\n"),
)
#: Octets of an answer at most.
_LARGEST_ANSWER = 512 * 1024
_ORDER = ("resolve", "connect", "tls", "trust", "clock", "est")


class Sights:
    """What a host sees of EST servers.

    :param templates: the fields of a template for each server, without secrets.
    :param step_seconds: for each of resolving, connecting and the handshake.
    :param seconds: for everything on the host.
    :ivar orders: what it is to carry; see ``Order.relays``.
    """

    def __init__(self, templates: Sequence[Mapping[str, Any]], step_seconds: int, seconds: int) -> None:
        self._templates = templates
        self._step_seconds = step_seconds
        # Enough for every step to end by its own time, so that it is the step that is told.
        limit = max(1, min(4 * step_seconds, int(seconds * 0.9)))
        orders = [relay_orders(fields, step_seconds, limit) for fields in templates]
        self._numbers = [len(some) for some in orders]
        self.orders = [order for some in orders for order in some]

    def sections(self, relays: Sequence[Mapping[str, Any]]) -> List[Mapping[str, Any]]:
        """A section for each server, whose data is what ``seen()`` returns.

        :param relays: sections with the results of the orders.
        :raises IndexError, KeyError, TypeError, ValueError: something else.
        """
        found: List[Mapping[str, Any]] = []
        left = list(relays)
        for fields, number in zip(self._templates, self._numbers):
            results = [left.pop(0) for _one in range(number)]
            failed = [section for section in results if not section["ok"]]
            if failed:
                found.append(failed[0])
                continue
            data = seen(fields, [section["data"] for section in results], self._step_seconds)
            found.append({"ok": True, "data": data})
        return found


def relay_orders(fields: Mapping[str, Any], step_seconds: int, seconds: int) -> List[Dict[str, Any]]:
    """What the host is to carry to the EST server of a template; see ``Order.relays``.

    :param fields: of the template, without secrets.
    :param step_seconds: for each of resolving, connecting and the handshake.
    :param seconds: for each of the orders.
    """
    template, url, proxy = _read(fields)
    common = {
        "host": url.host,
        "port": url.port,
        "proxy_host": proxy.host if proxy else None,
        "proxy_port": proxy.port if proxy else None,
        "anchors": [],
        "anchors_path": None,
        "client_certificate": None,
        "client_key": None,
        "connect_timeout": step_seconds,
        "timeout": max(1, seconds),
        "max_answer_size": _LARGEST_ANSWER,
    }
    orders = [{**common, "trust": "unverified", "requests": [_request(url, _CACERTS)]}]
    with contextlib.suppress(EstError):  # seen() tells it
        verified: Dict[str, Any] = {"trust": "system" if template.use_system_trust else "explicit"}
        if template.ca_certificate:
            anchors = _explicit(template.ca_certificate).anchors or ()
            verified = {"trust": "explicit", "anchors": [_base64(anchor.der) for anchor in anchors]}
        elif template.ca_path:
            verified = {"trust": "explicit", "anchors_path": template.ca_path}
        elif not template.use_system_trust:
            return orders
        client = {"client_certificate": template.client_certificate_path, "client_key": template.client_key_path}
        requests = [_request(url, asked) for asked in _ASKED]
        orders.append({**common, **client, **verified, "requests": requests})
    return orders


def seen(fields: Mapping[str, Any], results: Sequence[Mapping[str, Any]], step_seconds: int) -> Dict[str, Any]:
    """What the host has seen of the EST server of a template.

    :param fields: as of ``relay_orders()``, for this and ``step_seconds``.
    :param results: of its orders, with ``started`` and ``ended``.
    :returns: plain data: ``server``, ``url``, ``proxy``, and ``steps``: ``{name: {ok, milliseconds, ...}}`` with the
        names ``resolve``, ``connect``, ``tls``, ``trust``, ``clock`` and ``est``. A failed step has ``error_code``,
        ``reason`` and ``hint``; one that could not be tried because another failed is not there.
    :raises AttributeError, IndexError, KeyError, TypeError, ValueError: the results are none of a relay.
    """
    return _Sight(fields, results, step_seconds).tell()


def _read(fields: Mapping[str, Any]) -> Tuple[Template, EstUrl, Optional[Proxy]]:
    template = Template.from_fields(fields, {})
    url = EstUrl.build(template.server, template.port, template.label, template.base_path)
    return template, url, Proxy.parse(template.proxy) if template.proxy else None


def _explicit(content: str) -> Trust:
    return Trust.explicit(content, "ca_certificate")


def _request(url: EstUrl, asked: Tuple[str, str, str]) -> str:
    method, operation, fields = asked
    head = f"{method} {_target(url, operation)} HTTP/1.1\r\nHost: {url.authority}\r\nAccept: */*\r\n{fields}\r\n"
    return _base64(head.encode("ascii"))


def _target(url: EstUrl, operation: str) -> str:
    """An operation as it stands in a request line."""
    return url.operation(operation)[len("https://") + len(url.authority) :]


class _Sight:
    def __init__(self, fields: Mapping[str, Any], results: Sequence[Mapping[str, Any]], step_seconds: int) -> None:
        self._template, self._url, self._proxy = _read(fields)
        self._unverified = results[0]
        self._verified = results[1] if len(results) > 1 else None
        self._step_seconds = step_seconds
        self._steps: Dict[str, Dict[str, Any]] = {}

    def tell(self) -> Dict[str, Any]:
        self._follow(self._unverified)
        if self._steps.get("connect", {}).get("ok"):
            with self._step("trust"):
                self._tell_trust()
            trusted = self._steps["trust"]["ok"] and self._verified is not None
            self._tell_clock()
            if self._steps.get("tls", {}).get("ok"):
                with self._step("est"):
                    require_libraries()
                    self._steps["est"]["found"] = self._ask_trusted() if trusted else self._ask_unverified()
        return {
            "server": self._url.authority,
            "url": self._url.base,
            "proxy": self._template.proxy,
            "steps": {name: self._steps[name] for name in _ORDER if name in self._steps},
        }

    # ------------------------------------------------------------------------------------------------ the way there

    def _follow(self, result: Mapping[str, Any]) -> None:
        """Tell how far a relay came on its first connection: to its server, whoever that is."""
        failure = result.get("failure")
        connection = result["connections"][0] if result["connections"] else {"seconds": {}}
        seconds = {name: float(took) for name, took in connection["seconds"].items()}
        if "proxy" in seconds:
            seconds["connect"] += seconds.pop("proxy")
        stage = str(failure["stage"]).replace("proxy", "connect") if failure else ""
        for name in ("resolve", "connect", "tls"):
            if name not in seconds and name != stage:
                continue
            step: Dict[str, Any] = {"ok": name != stage, "milliseconds": round(seconds.get(name, 0.0) * 1000, 1)}
            if failure and name == stage:
                step.update(_told(self._in_words(failure, "nobody")))
            elif name != "tls":
                step["detail"] = self._resolved(connection) if name == "resolve" else self._connected(connection)
            self._steps[name] = step
        if self._steps.get("tls", {}).get("ok"):
            self._describe(connection)

    def _resolved(self, connection: Mapping[str, Any]) -> str:
        name = f"the proxy {self._proxy.host}" if self._proxy else self._url.host
        addresses = ", ".join(printable(str(one), 60) for one in connection.get("addresses") or ())
        return f"{name} is {addresses}" if addresses else f"{name} has an address"

    def _connected(self, connection: Mapping[str, Any]) -> str:
        words = f"{printable(str(connection['address']), 60)} port {int(connection['port'])}"
        words += f", from {printable(str(connection['local_address']), 60)}"
        return f"{words}, a proxy that gave a way to {self._url.authority}" if self._proxy else words

    def _describe(self, connection: Mapping[str, Any]) -> None:
        """Tell the TLS connection and the certificate of a server."""
        step = self._steps["tls"]
        step.update(
            ok=True,
            version=printable(str(connection["tls_version"]), 40),
            cipher=printable(str(connection["cipher"]), 80),
            detail="",
            certificate=None,
        )
        try:
            step["certificate"] = describe_names(load_certificate(_certificate(connection)))
        except ParseError as error:
            step["certificate_problem"] = error.reason

    def _in_words(self, failure: Mapping[str, Any], trust: str) -> EstError:
        """What a failure of a relay means."""
        stage, kind, detail = (str(failure[name]) for name in ("stage", "kind", "detail"))
        if stage == "input":
            return _of_input(kind, detail, self._template)
        if stage in ("send", "receive"):
            return TransportError(_BROKEN.get(kind, "the connection to the EST server broke"), code=kind, hint=_LOOK)
        failed = Failed(
            stage, kind, detail, alert=str(failure["alert"]), proxy_status=int(failure.get("proxy_status", 0))
        )
        return in_words(failed, Way(self._url, self._proxy, trust, self._step_seconds))

    # ------------------------------------------------------------------------------------------------ trust and clock

    def _tell_trust(self) -> None:
        step = self._steps["trust"]
        if self._verified is None:
            if self._template.ca_certificate:
                _explicit(self._template.ca_certificate)  # which says why there is no order for it
            step.update(_no_trust(self._template))
            return
        failure = self._verified.get("failure")
        connections = self._verified["connections"]
        step["kind"] = "system" if self._kind() == "system" else "explicit"
        if failure and failure["stage"] not in ("send", "receive"):
            raise self._in_words(failure, self._kind())
        step["milliseconds"] = round(float(connections[0]["seconds"]["tls"]) * 1000, 1)
        if not self._steps["tls"]["ok"]:
            # A server of TLS 1.2 that wants a client certificate shakes hands with those only that it trusts.
            self._describe(connections[0])

    def _kind(self) -> str:
        return "explicit" if self._template.ca_certificate or self._template.ca_path else "system"

    def _tell_clock(self) -> None:
        """The time of the server: the header Date (RFC 9110 section 6.6.1) of its answer to a GET of /cacerts.

        A wrong clock is a common reason why a server is not trusted, so the time of such a server is told as well.
        """
        verified = bool(self._verified and self._verified["answers"])
        result = self._verified if self._verified is not None and verified else self._unverified
        if not result["answers"]:
            return
        status, date = read_head(_octets(result["answers"][0]["octets"]))
        step = {"ok": True, "milliseconds": None, "http_status": status, "verified": verified, "server_time": date}
        if date is not None:
            # The header tells whole seconds, and the answer came somewhere between.
            low, high = float(result["started"]) - date - 1, float(result["ended"]) - date
            ahead = low if low > 0 else min(high, 0.0)
            step.update(host_ahead_seconds=round(ahead, 1), within_seconds=round(max(abs(low), abs(high)), 1))
        self._steps["clock"] = step

    # ------------------------------------------------------------------------------------------------ what it answers

    def _ask_trusted(self) -> Dict[str, Any]:
        """What ``est_server_info`` tells."""
        result = self._verified or {}
        template = self._template
        if template.ca_certificate:
            trust = _explicit(template.ca_certificate)
        elif template.ca_path:
            trust = Trust.explicit("".join(pem_text(_octets(one)) for one in result["anchors"]), "ca_path")
        else:
            trust = Trust.system()
        fingerprint = Fingerprint.parse(template.ca_fingerprint) if template.ca_fingerprint else None
        shown = None
        if template.client_certificate_path:
            shown = ClientCertificate(template.client_certificate_path, template.client_key_path, elsewhere=True)
        transport = HttpsTransport(
            self._url,
            trust,
            client_certificate=shown,
            max_response_size=_LARGEST_ANSWER,
            make_dialler=self._replay(result, trust.kind),
        )
        with EstClient(self._url, transport, anchors=trust.anchors, ca_fingerprint=fingerprint) as client:
            return server_info(client, transport, trust)

    def _ask_unverified(self) -> Dict[str, Any]:
        """The CA certificates of a server that is not trusted, or by a fingerprint alone."""
        dialler = self._replay(self._unverified, "nobody")
        bag = fetch_unauthenticated(self._url, max_response_size=_LARGEST_ANSWER, make_dialler=dialler)
        if self._template.ca_fingerprint:
            bag.find(Fingerprint.parse(self._template.ca_fingerprint))
        return unverified_server_info(self._url, bag)

    def _replay(self, result: Mapping[str, Any], trust: str) -> MakeDialler:
        """What opens connections that have the answers of a relay already."""
        failure = result.get("failure")
        answers: Dict[Tuple[str, str], Optional[bytes]] = {
            (method, _target(self._url, operation)): None for method, operation, _fields in _ASKED
        }
        answers.update(zip(answers.copy(), (_octets(answer["octets"]) for answer in result["answers"])))
        return functools.partial(
            Replay,
            server=self._url,
            connection=result["connections"][0],
            answers=answers,
            failure=None if failure is None else lambda: self._in_words(failure, trust),
        )

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Turn the error of a step into its result."""
        step: Dict[str, Any] = {"ok": True, "milliseconds": None}
        self._steps[name] = step
        try:
            yield
        except EstError as error:
            step.update(_told(error), ok=False)


def _certificate(connection: Mapping[str, Any]) -> bytes:
    return _octets(connection["certificates"][0])


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _told(error: EstError) -> Dict[str, Any]:
    return {"error_code": error.code, "reason": error.reason, "hint": hint_of(error)}


_LOOK = "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off."
_BROKEN = {
    "no_answer": "the EST server did not answer in time",
    "connection_closed": "the EST server closed the connection without a whole answer",
    "answer_too_large": f"the EST server sent more than {_LARGEST_ANSWER // 1024} KiB in one answer",
    "client_certificate_refused": "the EST server refused the TLS client certificate, or the lack of one",
}


def _of_input(kind: str, detail: str, template: Template) -> EstError:
    """What a relay could not use of the template."""
    if kind == "unreadable_file" and not detail:
        return InputError(
            f"ca_path {template.ca_path!r} cannot be read on the host",
            code=kind,
            hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
        )
    if kind == "invalid_trust_anchors":
        words = "have all expired" if detail == "expired" else "cannot be read"
        return InputError(f"the trusted CA certificates of the template {words}", code=kind)
    words = f"client_certificate_path {template.client_certificate_path!r} cannot be used on the host"
    return InputError(f"{words} ({detail.replace('_', ' ')})", code=kind)


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
