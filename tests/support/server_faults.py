# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of an EST server, and shapes of its answers, for every way through a module of a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional


class Fault(NamedTuple):
    """A fault, and what is told of it, whatever way the request took.

    :param flags: of the lab server.
    :param received: whether the enrolment request arrived.
    :param words: a regular expression for what an exchange through a module says.
    """

    flags: list[str]
    stage: str
    received: str
    status: Optional[int]
    words: str


def patience(flags: Sequence[str]) -> int:
    """Return the seconds to wait for a server with these flags: few for one that never comes to its end.

    For every other it decides nothing, however busy the machine is.
    """
    return 2 if any(flag.endswith(("no-handshake", "never-answers", "slow-drip")) for flag in flags) else 60


FAULTS = {
    "wrong_ca": Fault(["--server-certificate", "other-ca"], "tls", "not_received", None, "not issued by a trusted CA"),
    "wrong_host_name": Fault(["--server-certificate", "wrong-host"], "tls", "not_received", None, "for another name"),
    "expired_server": Fault(["--server-certificate", "expired"], "tls", "not_received", None, "expired"),
    "not_yet_valid_server": Fault(
        ["--server-certificate", "not-yet-valid"], "tls", "not_received", None, "not valid yet"
    ),
    "no_server_auth": Fault(
        ["--server-certificate", "no-server-auth"], "tls", "not_received", None, "not for a server|purpose"
    ),
    "req_010_tls_1_1_only": Fault(["--tls-min", "1.1", "--tls-max", "1.1"], "tls", "not_received", None, "TLS version"),
    "plain_http": Fault(["--plain-http"], "tls", "not_received", None, "does not speak TLS"),
    "no_handshake": Fault(["--fault", "no-handshake"], "tls", "not_received", None, "TLS handshake in time"),
    "html_with_200": Fault(["--fault", "simpleenroll:html-200"], "enroll", "received", 200, "text/html"),
    "empty_body": Fault(["--fault", "simpleenroll:empty-200"], "enroll", "received", 200, "empty"),
    "huge": Fault(["--fault", "simpleenroll:huge"], "enroll", "received", 200, "larger"),
    "http_400": Fault(
        ["--fault", "simpleenroll:http-400"], "enroll", "received", 400, "refused the certificate request"
    ),
    "redirect": Fault(["--fault", "simpleenroll:redirect"], "enroll", "received", 302, "redirects to"),
    "never_answers": Fault(["--fault", "simpleenroll:never-answers"], "enroll", "unknown", None, "in time"),
    "close_after_request": Fault(["--fault", "simpleenroll:close-after-request"], "enroll", "unknown", None, "."),
    "truncated": Fault(["--fault", "simpleenroll:truncated"], "enroll", "received", None, "cut off"),
    "bad_status_line": Fault(["--fault", "simpleenroll:bad-status-line"], "enroll", "received", None, "."),
}

ANSWERS = [
    ["--base64", "der"],
    ["--base64", "der", "--content-type", "application/pkcs7-mime; charset=iso-8859-1"],
    ["--base64", "one-line", "--transfer", "chunked"],
    ["--transfer", "close"],
    ["--status", "201"],
    ["--strict", "--require-wrapped-base64", "--require-content-transfer-encoding"],
]
