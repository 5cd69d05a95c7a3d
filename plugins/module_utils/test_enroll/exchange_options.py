# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that talks to an EST server: from where, how patiently, and what it may do on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

from ..est.errors import InputError
from ..est.http_authentication import SCHEMES
from ..est.url import EstUrl
from ..template.errors import TemplateError, show

#: Ways to carry the exchange; ``auto`` is decided by the action.
EXCHANGES = ("auto", "host", "uri", "controller")

#: Options that are numbers, with the smallest and largest value.
RANGES = {
    "connect_timeout": (1, 300),
    "timeout": (1, 3600),
    "max_response_size": (1024, 100 * 1024 * 1024),
    "wait_when_busy": (0, 3600),
}


@dataclass(frozen=True)
class ExchangeOptions:
    """How to talk to an EST server.

    :param connect_timeout: seconds.
    :param timeout: seconds for a whole answer.
    :param max_response_size: octets.
    :param http_authentication: how user name and password are used; see :class:`.https.HttpsTransport`.
    :param allow_redirects_to: other servers that requests may be redirected to with credentials; see
        :class:`.client.EstClient`.
    :param wait_when_busy: seconds in all, for each request; see :class:`.client.EstClient`.
    """

    connect_timeout: int = 10
    timeout: int = 30
    max_response_size: int = 1024 * 1024
    http_authentication: str = "auto"
    allow_redirects_to: Tuple[str, ...] = ()
    wait_when_busy: int = 0


def exchange_argument_spec() -> Dict[str, Any]:
    """A new argument spec of these options."""
    return {
        "exchange": {"type": "str", "choices": list(EXCHANGES), "default": "auto"},
        "connect_timeout": {"type": "int", "default": 10},
        "timeout": {"type": "int", "default": 30},
        "max_response_size": {"type": "int", "default": 1024 * 1024},
        "http_authentication": {"type": "str", "choices": list(SCHEMES), "default": "auto"},
        "allow_redirects_to": {"type": "list", "elements": "str", "default": []},
        "wait_when_busy": {"type": "int", "default": 0},
    }


def read_exchange_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Check the values of these options.

    :param options: by the names of :func:`exchange_argument_spec`, with defaults; those of :data:`RANGES` may be of any
        type.
    :returns: the fields of :class:`ExchangeOptions`.
    :raises TemplateError: a value that cannot be used; it names the option.
    """
    return {
        **{option: check_range(option, options[option], RANGES[option]) for option in RANGES},
        "http_authentication": options["http_authentication"],
        "allow_redirects_to": _servers("allow_redirects_to", options["allow_redirects_to"]),
    }


def check_range(option: str, value: Any, limits: Tuple[int, int]) -> int:
    """Check one of the options that are numbers, and return the number.

    :raises TemplateError: it is no whole number, or too small or too large.
    """
    smallest, largest = limits
    allowed = f"{smallest} to {largest}"
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,11}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateError(option, "is not a whole number", value=show(value), allowed=allowed)
    if not smallest <= value <= largest:
        raise TemplateError(option, "is out of range", value=show(value), allowed=allowed)
    return value


def _servers(option: str, given: Sequence[str]) -> Tuple[str, ...]:
    """Check an option that is a list of servers."""
    allowed = "servers such as est.example.com, est.example.com:8443 or https://est.example.com:8443"
    for server in given:
        if "@" in server:  # and not shown: a password may stand before it
            raise TemplateError(option, "has a user name or a password in it", allowed=allowed)
        try:
            label = EstUrl.build(server).label
        except InputError as error:
            reason = error.reason.replace(f"server is {server!r}", "").lstrip(":, ")
            raise TemplateError(option, f"is no server: {reason}", value=show(server), allowed=allowed) from None
        if label is not None:
            raise TemplateError(
                option, "has a CA label, but a server is what is allowed", value=show(server), allowed=allowed
            )
    return tuple(given)
