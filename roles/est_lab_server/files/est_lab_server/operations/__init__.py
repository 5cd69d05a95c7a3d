# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST operations (RFC 7030 section 3.2.2): one file for each, and this table. A new operation is added here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ..laboratory import Exchange, Lab
from ..problems import Refusal
from ..reply import Reply
from .cacerts import answer_cacerts
from .csrattrs import answer_csrattrs
from .serverkeygen import answer_serverkeygen
from .simpleenroll import answer_simpleenroll
from .simplereenroll import answer_simplereenroll


@dataclass(frozen=True)
class Operation:
    """The method an operation wants, and the function that answers it. `admission` says who may use it."""

    method: str
    answer: Callable[[Lab, Exchange], Reply]


def _not_implemented(lab: Lab, exchange: Exchange) -> Reply:
    raise Refusal(501, "this lab server does not implement the operation")


OPERATIONS: dict[str, Operation] = {
    "cacerts": Operation("GET", answer_cacerts),
    "csrattrs": Operation("GET", answer_csrattrs),
    "simpleenroll": Operation("POST", answer_simpleenroll),
    "simplereenroll": Operation("POST", answer_simplereenroll),
    "serverkeygen": Operation("POST", answer_serverkeygen),
    "fullcmc": Operation("POST", _not_implemented),
}
