# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of an EST server, and shapes of its answers, for every way to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault, and what is told of it, whatever way the request took.

    :param flags: of the lab server.
    :param received: whether the enrolment request arrived.
    """

    flags: list[str]
    stage: str
    code: str
    received: str = "not_received"


def patience(flags: Sequence[str]) -> int:
    """Return the seconds to wait for a server with these flags: few for one that never comes to its end.

    For every other it decides nothing, however busy the machine is.
    """
    return 2 if any(flag.endswith(("no-handshake", "never-answers", "slow-drip")) for flag in flags) else 60


def _certificate(kind: str) -> list[str]:
    return ["--server-certificate", kind]


def _enrolment(fault: str) -> list[str]:
    return ["--fault", f"simpleenroll:{fault}"]


FAULTS = {
    "wrong_ca": Fault(_certificate("other-ca"), "tls", "untrusted_certificate"),
    "wrong_host_name": Fault(_certificate("wrong-host"), "tls", "wrong_server_name"),
    "common_name_only": Fault(_certificate("cn-only"), "tls", "wrong_server_name"),
    "expired_server": Fault(_certificate("expired"), "tls", "invalid_server_certificate"),
    "not_yet_valid_server": Fault(_certificate("not-yet-valid"), "tls", "invalid_server_certificate"),
    "no_server_auth": Fault(_certificate("no-server-auth"), "tls", "invalid_server_certificate"),
    "req_010_tls_1_1_only": Fault(["--tls-min", "1.1", "--tls-max", "1.1"], "tls", "no_common_tls"),
    "plain_http": Fault(["--plain-http"], "tls", "not_tls"),
    "no_handshake": Fault(["--fault", "no-handshake"], "tls", "tls_failed"),
    "html_with_200": Fault(_enrolment("html-200"), "enroll", "malformed_answer", "received"),
    "empty_body": Fault(_enrolment("empty-200"), "enroll", "malformed_answer", "received"),
    "huge": Fault(_enrolment("huge"), "enroll", "answer_too_large", "received"),
    "http_400": Fault(_enrolment("http-400"), "enroll", "request_refused", "received"),
    "redirect": Fault(_enrolment("redirect"), "enroll", "redirect_needs_consent", "received"),
    "never_answers": Fault(_enrolment("never-answers"), "enroll", "no_answer", "unknown"),
    "slow_drip": Fault(_enrolment("slow-drip"), "enroll", "no_answer", "received"),
    "close_after_request": Fault(_enrolment("close-after-request"), "enroll", "connection_closed", "unknown"),
    "truncated": Fault(_enrolment("truncated"), "enroll", "connection_closed", "received"),
    "bad_status_line": Fault(_enrolment("bad-status-line"), "enroll", "invalid_http", "received"),
}

ANSWERS = [
    ["--base64", "der"],
    ["--base64", "der", "--content-type", "application/pkcs7-mime; charset=iso-8859-1"],
    ["--content-type", "application/pkcs7-mime; charset=x-unknown"],
    ["--base64", "one-line", "--transfer", "chunked"],
    ["--transfer", "close"],
    ["--status", "201"],
    ["--strict", "--require-wrapped-base64", "--require-content-transfer-encoding"],
]
