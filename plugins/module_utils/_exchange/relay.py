# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What est_relay does: it carries requests to one HTTPS server, and tells what happened in codes.

``module_utils/_relay.cs`` is its twin. Trust, TLS and the names of the server are those of the EST client; of HTTP no
more is known here than where an answer ends.
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .._names.pem import pem_text
from ..est.base.errors import InputError, TransportError
from ..est.http.deadline import Deadline
from ..est.http.failures import Failed, alert_of, is_about_client_certificate
from ..est.http.opening import cipher_name, connect, open_tunnel, resolve, shake_hands, watch_client_certificate
from ..est.http.server_identity import authorize
from ..est.http.tls import Trust, make_context
from ..est.http.unverified import make_unverified_context

# Linux only; other systems have no such switch.
_TCP_QUICKACK: Optional[int] = getattr(socket, "TCP_QUICKACK", None)
_CHUNK = 16384


def run(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Do what the options of the module ask for.

    :returns: the result of the module.
    """
    relay: Optional[Relay] = None
    result: Dict[str, Any] = {"answers": [], "connections": []}
    try:
        relay = Relay(options)
        result.update(answers=relay.answers, connections=relay.connections)
        relay.carry()
    except Failed as failed:
        result["failure"] = {**_told(failed), **(relay.progress() if relay is not None else Progress().as_dict())}
    finally:
        if relay is not None:
            relay.close()
    return result


def _told(failed: Failed) -> Dict[str, Any]:
    """It in codes; what the platform says stays here."""
    told = {"stage": failed.stage, "kind": failed.kind, "detail": failed.detail, "alert": failed.alert}
    return {**told, "proxy_status": failed.proxy_status} if failed.proxy_status else told


class Progress:
    """How far a request came: what decides whether it may be sent once more."""

    def __init__(self, request: int = 0) -> None:
        self.request = request
        self.reused = False
        self.written = False
        self.received = 0

    def as_dict(self) -> Dict[str, Any]:
        """It as a part of the result."""
        return dict(vars(self))


class Relay:
    """Carries requests to one HTTPS server, one after the other.

    :param options: those of the module.
    :raises Failed: an option that cannot be used.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.answers: List[Dict[str, Any]] = []
        self.connections: List[Dict[str, Any]] = []
        self._options = options
        self._deadline = Deadline(options["timeout"])
        self._step_seconds = float(options["connect_timeout"])
        self._requests = [_octets(text) for text in options["requests"]]
        self._secured: Any = None
        self._progress = Progress()
        try:
            self._trust, self._context = self._make_context()
        except InputError as error:
            detail = "expired" if "expired" in error.reason else "unreadable"
            raise Failed("input", error.code, detail) from None
        self._load_client_certificate()

    def progress(self) -> Dict[str, Any]:
        """How far the last request came."""
        return self._progress.as_dict()

    def carry(self) -> None:
        """Send each request and read its answer.

        :raises Failed: where it stopped.
        """
        reused = False
        for number, request in enumerate(self._requests):
            self._progress = Progress(number)
            self._deadline = Deadline(self._options["timeout"])
            if self._secured is None:
                self._secured, reused = self._open(), False
            self._progress.reused = reused
            answer, seconds = self._exchange(request)
            self.answers.append(
                {
                    "connection": len(self.connections) - 1,
                    "octets": base64.b64encode(answer.octets).decode("ascii"),
                    "end": answer.end,
                    "seconds": seconds,
                }
            )
            reused = True
            if not answer.keeps_connection:
                self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._secured is not None:
            self._secured.close()
            self._secured = None

    def _make_context(self) -> Tuple[Trust, ssl.SSLContext]:
        if self._options["trust"] == "unverified":
            trust = Trust("nobody")
            return trust, make_unverified_context(trust)
        if self._options["trust"] == "system":
            trust = Trust.system()
        else:
            trust = Trust.explicit("".join(pem_text(_octets(text)) for text in self._options["anchors"]))
        return trust, make_context(trust)

    def _load_client_certificate(self) -> None:
        certificate, key = self._options["client_certificate"], self._options["client_key"]
        if certificate is None:
            return
        encrypted: List[bool] = []

        def passphrase() -> bytes:
            encrypted.append(True)
            return b""

        try:
            # Without a function for the passphrase OpenSSL would ask for it on the terminal.
            self._context.load_cert_chain(certificate, key, passphrase)
        except FileNotFoundError:
            raise Failed("input", "unreadable_file", "not_found") from None
        except (OSError, ValueError):
            detail = "encrypted_key" if encrypted else "unreadable"
            raise Failed("input", "invalid_client_certificate", detail) from None

    # ----------------------------------------------------------------------------------------------- from a name to TLS

    def _open(self) -> ssl.SSLSocket:
        told: Dict[str, Any] = {"seconds": {}}
        self.connections.append(told)
        proxy, seconds = self._options["proxy_host"], told["seconds"]
        host, port = self._options["host"], self._options["port"]
        next_hop = (proxy, self._options["proxy_port"]) if proxy else (host, port)
        with _time(seconds, "resolve"):
            addresses = resolve(*next_hop, self._limit)
        told["addresses"] = list(dict.fromkeys(str(address[4][0]) for address in addresses))
        with _time(seconds, "connect"):
            connection, address = connect(addresses, self._limit)
        try:
            local = connection.getsockname()
            told.update(local_address=local[0], local_port=local[1], address=address, port=next_hop[1])
            if proxy:
                step = Deadline(self._step_seconds)
                target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                with _time(seconds, "proxy"):
                    open_tunnel(connection, target, lambda: step.limit(self._limit()))
            if self._options["client_certificate"] is not None and watch_client_certificate(
                self._context, lambda: told.update(client_certificate_sent=True)
            ):
                told["client_certificate_sent"] = False
            with _time(seconds, "tls"):
                secured = shake_hands(self._context, connection, host, self._limit)
            connection = secured
            self._authorize(secured, told)
            return secured
        except BaseException:
            connection.close()
            raise

    def _limit(self) -> float:
        return self._deadline.limit(self._step_seconds)

    def _authorize(self, secured: ssl.SSLSocket, told: Dict[str, Any]) -> None:
        certificate = secured.getpeercert(binary_form=True) or b""
        told["certificates"] = [base64.b64encode(der).decode("ascii") for der in _certificates(secured, certificate)]
        told["authorized_by"] = ""
        if self._trust.kind != "nobody":
            try:
                told["authorized_by"] = authorize(certificate, self._options["host"], self._trust)
            except TransportError as error:
                unreadable = error.code == "invalid_server_certificate"
                raise Failed("tls", error.code, "unreadable" if unreadable else "") from None
        told.update(tls_version=secured.version(), cipher=cipher_name(secured))

    # -------------------------------------------------------------------------------------------- requests and answers

    def _exchange(self, request: bytes) -> Tuple[Answer, Dict[str, float]]:
        seconds: Dict[str, float] = {}
        answer = Answer(self._receive, self._options["max_answer_size"])
        unsent: Optional[Failed] = None
        with _time(seconds, "send"):
            try:
                self._secured.settimeout(self._deadline.limit(self._deadline.seconds))
                self._secured.sendall(request)
                self._progress.written = True
            except socket.timeout:
                raise Failed("send", "no_answer", "timeout") from None
            except OSError as error:
                # A server may have answered before it read everything.
                unsent = _broken("send", error)
        with _time(seconds, "receive"):
            try:
                answer.read()
            except socket.timeout:
                raise unsent or Failed("receive", "no_answer", "timeout") from None
            except OSError as error:
                broken = _broken("receive", error)
                raise (broken if unsent is None or broken.alert else unsent) from None
            finally:
                self._progress.received = len(answer.octets)
        if answer.end == "cut_off":
            raise unsent or Failed("receive", "connection_closed", "cut_off" if answer.octets else "closed")
        return answer, seconds

    def _receive(self) -> bytes:
        self._secured.settimeout(self._deadline.limit(self._deadline.seconds))
        if _TCP_QUICKACK is not None:
            # Else a server with Nagle's algorithm holds back its answer until Linux acknowledges its session tickets.
            with suppress(OSError):
                self._secured.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)
        return bytes(self._secured.recv(_CHUNK))


class Answer:
    """An answer as it comes. Of HTTP no more is known here than where it ends (RFC 9112 section 6.3).

    :param receive: returns the next octets, and none where the connection has ended.
    :param limit: an answer with more octets is refused.
    :ivar end: what told its end; see RETURN of the module. ``cut_off`` where the connection ended before.
    """

    def __init__(self, receive: Callable[[], bytes], limit: int) -> None:
        self.octets = bytearray()
        self.end = ""
        self.keeps_connection = False
        self._receive = receive
        self._limit = limit
        self._position = 0

    def read(self) -> None:
        """Read all of it.

        :raises Failed: it is too large.
        """
        while True:
            head = self._line(rb"\r?\n\r?\n")
            if head is None:
                return
            status = re.match(rb"HTTP/1\.([01]) ([0-9]{3})", head)
            if status is None:
                self.end = "not_http"
                return
            if not status[2].startswith(b"1") or status[2] == b"101":
                break  # anything else that begins with 1 is informational, and the answer follows
        self._read_body(status[2], _values(head, b"transfer-encoding"), _values(head, b"content-length"))
        closes = re.search(rb"(?i)(^|,)\s*close\s*(,|$)", b",".join(_values(head, b"connection"))) is not None
        framed = self.end in ("length", "chunked", "empty")
        self.keeps_connection = framed and not closes and status[1] == b"1" and self._position == len(self.octets)

    def _read_body(self, status: bytes, codings: List[bytes], lengths: List[bytes]) -> None:
        if status in (b"204", b"304"):
            self.end = "empty"
        elif codings and re.search(rb"(?i)(^|,)\s*chunked\s*$", codings[-1]):
            self._read_chunks()
        elif lengths and not codings:
            if len(set(lengths)) > 1 or not re.match(rb"[0-9]+\Z", lengths[0]):
                self.end = "malformed"
            elif self._have(int(lengths[0][:20])):
                self.end = "length"
        else:
            while self._more():
                pass
            self._position = len(self.octets)
            self.end = "closed"

    def _read_chunks(self) -> None:
        while True:
            line = self._line(rb"\r?\n")
            if line is None:
                return
            size = re.match(rb"([0-9A-Fa-f]{1,7})[ \t]*(;.*)?\r?\n\Z", line)
            if size is None:
                self.end = "malformed"
                return
            length = int(size[1], 16)
            if length and not self._have(length):
                return
            # The end of the chunk, or the trailers with the empty line that ends them.
            line = self._line(rb"\r?\n")
            while line is not None and line.strip() and not length:
                line = self._line(rb"\r?\n")
            if line is None:
                return
            if line.strip() or not length:
                self.end = "malformed" if length else "chunked"
                return

    def _line(self, end: bytes) -> Optional[bytes]:
        """What comes next up to the end that is given; ``None`` where the connection ends before."""
        searched = self._position
        while True:
            found = re.compile(end).search(self.octets, searched)
            if found is not None:
                start, self._position = self._position, found.end()
                return bytes(self.octets[start : found.end()])
            # An end can begin in what was there already.
            searched = max(self._position, len(self.octets) - 3)
            if not self._more():
                self.end = "cut_off"
                return None

    def _have(self, length: int) -> bool:
        if length > self._limit - self._position:
            raise Failed("receive", "answer_too_large")
        while len(self.octets) - self._position < length:
            if not self._more():
                self.end = "cut_off"
                return False
        self._position += length
        return True

    def _more(self) -> bool:
        part = self._receive()
        if len(self.octets) + len(part) > self._limit:
            raise Failed("receive", "answer_too_large")
        self.octets += part
        return bool(part)


def _values(head: bytes, name: bytes) -> List[bytes]:
    return re.findall(rb"(?im)^" + name + rb"[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", head)


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Failed("input", "invalid_option", "not_base64") from None


@contextmanager
def _time(seconds: Dict[str, float], stage: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except socket.timeout:
        # No time was left to begin with.
        raise Failed(stage, "connection_failed" if stage == "connect" else "no_answer", "timeout") from None
    finally:
        seconds[stage] = round(time.monotonic() - started, 3)


def _broken(stage: str, error: OSError) -> Failed:
    """Why an established connection broke."""
    alert = alert_of(error)
    if is_about_client_certificate(error):
        return Failed(stage, "client_certificate_refused", alert=alert)
    if alert:
        return Failed(stage, "tls_failed", "alert", alert=alert)
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Failed(stage, "tls_failed", "failed")
    return Failed(stage, "connection_closed", "reset" if isinstance(error, ConnectionError) else "closed")


def _certificates(secured: Any, certificate: bytes) -> List[bytes]:
    """The certificates that the server sent, its own first. Python tells the others from 3.13 on."""
    chain = secured.get_unverified_chain() if hasattr(secured, "get_unverified_chain") else []
    return [certificate, *(der for der in chain if der != certificate)]
