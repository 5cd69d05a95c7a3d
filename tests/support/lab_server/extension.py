# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server of the tests does otherwise than that of users: faults, bad server certificates, odd wire shapes."""

from __future__ import annotations

import argparse
import email.utils
import os
import time
from collections.abc import Sequence
from typing import Any, Callable, Optional

from cryptography import x509
from est_lab_server.authority.authority import Authority
from est_lab_server.authority.state import StateError, StateFolder
from est_lab_server.command import cli
from est_lab_server.command.arguments import parse_arguments
from est_lab_server.command.flags import listed
from est_lab_server.est.answers import problem_reply
from est_lab_server.extension import Extension
from est_lab_server.http.messages import Reply
from est_lab_server.http.server import Server
from est_lab_server.http.stream import Stream
from est_lab_server.laboratory import Exchange, Lab

from .faults import ANSWERING, BREAKING, REFUSED, RESET_BEFORE_ANSWER, SENDING, FaultPlan, names, wait_for_the_client
from .hostile import hostile_faults, hostile_reply
from .issuing import other_certificates, other_key
from .server_certificates import KINDS

__all__ = ["Misbehaviour", "Server", "StateError", "StateFolder", "main", "parse_arguments"]

#: So that the year is one that a header can tell, whatever the flag says.
_MOST_OFF = 50 * 365 * 24 * 3600
_BETWEEN_PACKETS_SECONDS = 0.05


class Misbehaviour(Extension):
    """The server of the tests. Without flags of its own it behaves as that of users does."""

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the flags of the tests."""
        add = parser.add_argument_group("for tests of clients").add_argument
        add(
            "--fault",
            dest="faults",
            action="append",
            default=[],
            metavar="[OPERATION:]NAME",
            help=f"misbehave, for one operation or for all (repeatable). {listed(names())}".replace("%", "%%"),
        )
        add(
            "--server-certificate",
            choices=KINDS,
            default="good",
            help=listed({name: kind.help for name, kind in KINDS.items()}),
        )
        add("--plain-http", action="store_true", help="no TLS at all")
        add("--two-packets", action="store_true", help="send head and body of an answer apart")
        add(
            "--clock-offset",
            type=_clock_offset,
            default=0,
            metavar="SECONDS",
            help="a wrong clock: how far ahead the header Date of answers is, behind if negative; none leaves it out, "
            "as a server without a clock. Validity of certificates is not concerned (default: %(default)s)",
        )

    def configure(self, values: dict[str, Any]) -> None:
        """Take the values of the flags. Raises ValueError for a fault that there is not."""
        self._plan = FaultPlan(values["faults"])
        self.server_certificate = KINDS[values["server_certificate"]]
        self.tls = not values["plain_http"]
        self._two_packets: bool = values["two_packets"]
        self._clock_offset: Optional[int] = values["clock_offset"]
        own = ("faults", "server_certificate", "plain_http", "two_packets", "clock_offset")
        self.configured = repr([values[name] for name in own])

    def takes_over(self, stream: Stream) -> bool:
        """Commit the fault that every connection has."""
        fault = self._plan.of_connection()
        if fault == "reset-on-connect":
            stream.reset()
        elif fault == "no-handshake":
            wait_for_the_client(stream)
        return fault is not None

    def drops(self, exchange: Exchange) -> bool:
        """Find the fault of the request, which is then in the request log."""
        exchange.details["fault"] = self._plan.of(exchange.route.operation if exchange.route else "")
        return bool(exchange.details["fault"] == RESET_BEFORE_ANSWER)

    def answer(self, lab: Lab, exchange: Exchange, usual: Callable[[], Reply]) -> Reply:
        """The answer of a fault, the usual one, or the usual one broken."""
        fault = exchange.details["fault"]
        if fault in ANSWERING:
            return ANSWERING[fault][1]()
        if fault == REFUSED:
            return problem_reply(lab.settings, 400, "The request is not to this server's taste.")
        if fault in hostile_faults():
            return hostile_reply(fault, exchange.route.operation if exchange.route else "")
        reply = usual()
        return BREAKING[fault][1](reply) if fault in BREAKING and reply.status == 200 else reply

    def certificates(
        self, lab: Lab, exchange: Exchange, certificates: Sequence[x509.Certificate]
    ) -> tuple[Authority, Sequence[x509.Certificate]]:
        """Other certificates than those of the usual answer."""
        return other_certificates(lab.authority, exchange, certificates)

    def private_key(self, exchange: Exchange, private_key: Any) -> Any:
        """A key of another type than the one asked for, or the usual one."""
        return other_key(private_key) if exchange.details["fault"] == "other-key-type" else private_key

    def send(
        self, stream: Stream, exchange: Optional[Exchange], reply: Reply, usual: Callable[[Stream, Reply], bool]
    ) -> bool:
        """Send it with the wrong time, in two packets, or as a fault has it."""
        if self._clock_offset != 0:
            reply.headers = [(name, value) for name, value in reply.headers if name != "Date"]
        if self._clock_offset:
            reply.headers.insert(0, ("Date", email.utils.formatdate(time.time() + self._clock_offset, usegmt=True)))
        fault = exchange.details["fault"] if exchange else None
        if fault in SENDING:
            SENDING[fault][1](stream, reply)
            return False
        return usual(_TwoPackets(stream) if self._two_packets else stream, reply)


def main() -> int:
    """The program; gives its exit status."""
    return cli.main(extension=Misbehaviour(), program=os.path.dirname(os.path.abspath(__file__)))


class _TwoPackets(Stream):
    """A stream on which the head of a message and its body go out apart."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream.socket)

    def sendall(self, content: bytes) -> None:
        """Send the head, wait, send the rest."""
        head, end, body = content.partition(b"\r\n\r\n")
        super().sendall(head + end)
        time.sleep(_BETWEEN_PACKETS_SECONDS)
        super().sendall(body)


def _clock_offset(text: str) -> Optional[int]:
    if text == "none":
        return None
    number = int(text)
    if abs(number) > _MOST_OFF:
        raise argparse.ArgumentTypeError(f"{text} is more than 50 years off")
    return number
