# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of servers, as a user gives them and as a redirect does: url.py, redirects.py."""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Response
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.redirects import redirect_target

HERE = "https://est.example.com:8443/.well-known/est/cacerts"

ERRORS = (EstError,)


def run(data: bytes) -> None:
    """Take it for the Location of a redirect, and for the server of a template."""
    text = data.decode("utf-8", "surrogateescape")
    refused: list[EstError] = []
    try:
        if text.strip():
            server, target = redirect_target(Response(302, {"location": text}, b""), HERE, "GET")
            assert target.startswith(f"https://{server.authority}/")
            assert urlsplit(target).username is None
    except EstError as error:
        refused.append(error)
    try:
        base = EstUrl.build(text).base
        assert base.isascii()
        assert EstUrl.build(base).base == base
    except EstError as error:
        refused.append(error)
    if len(refused) == 2:
        raise refused[1]
