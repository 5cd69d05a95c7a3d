# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers a request: who may use the operation, who has to prove more, and what went wrong."""

from __future__ import annotations

from typing import Optional

from ..http.messages import Refusal, Reply
from ..laboratory import Exchange, Lab
from .answers import problem_reply
from .operations import OPERATIONS
from .routes import redirect_of, redirect_reply

RULES = {
    "any": "the password or a client certificate",
    "password": "the password",
    "certificate": "a client certificate",
    "both": "the password and a client certificate",
}


def rule_of(lab: Lab, operation: str) -> Optional[str]:
    """The rule, among RULES, of an operation; None for one that is open to all."""
    settings = lab.settings
    if operation == "simplereenroll":
        return settings.reenroll_credentials
    if operation == "cacerts" or (operation == "csrattrs" and not settings.authenticate_csrattrs):
        return None
    return settings.credentials


def refused_with(rule: Optional[str], exchange: Exchange) -> Optional[int]:
    """None for a request that is admitted; 401 where the password is missing or wrong, 403 where the certificate is."""
    password, certificate = exchange.authorization.accepted, exchange.client_certificate is not None
    if rule is None or (rule == "any" and (password or certificate)):
        return None
    if rule != "certificate" and not password:
        return 401
    return 403 if rule in ("certificate", "both") and not certificate else None


def wants_password(lab: Lab, exchange: Exchange) -> bool:
    """Whether the answer will be 401: the operation wants credentials and the right ones did not come."""
    operation = OPERATIONS.get(exchange.route.operation) if exchange.route else None
    if exchange.route is None or operation is None or exchange.request.method != operation.method:
        return False
    if redirect_of(lab.redirects, exchange.route) is not None:
        return False
    return refused_with(rule_of(lab, exchange.route.operation), exchange) == 401


def answer(lab: Lab, exchange: Exchange) -> Reply:
    """The reply to a request whose body has been read. Refusals become error replies."""
    return lab.extension.answer(lab, exchange, lambda: _answer(lab, exchange))


def _answer(lab: Lab, exchange: Exchange) -> Reply:
    redirect = redirect_of(lab.redirects, exchange.route)
    if redirect is not None:
        return redirect_reply(redirect, exchange.request)
    if wants_password(lab, exchange):
        return unauthorized(lab, exchange)
    try:
        return _carry_out(lab, exchange)
    except Refusal as refusal:
        exchange.details["refusal"] = refusal.text
        return problem_reply(lab.settings, refusal.status, refusal.text)
    except Exception as error:
        # One request must not end the service of the others; the log tells what went wrong.
        exchange.details["internal_error"] = repr(error)
        return problem_reply(lab.settings, 500, "the lab server failed; its request log says why")


def unauthorized(lab: Lab, exchange: Exchange) -> Reply:
    """A 401 reply, with the challenges (RFC 9110 section 11.6.1) unless they are switched off."""
    reply = problem_reply(lab.settings, 401, "This operation wants a user name and a password.")
    if lab.settings.www_authenticate:
        challenges = lab.authenticator.challenges(exchange.authorization.stale)
        if lab.settings.one_header:
            challenges = [", ".join(challenges)]
        reply.headers += [("WWW-Authenticate", challenge) for challenge in challenges]
    return reply


def _carry_out(lab: Lab, exchange: Exchange) -> Reply:
    operation = OPERATIONS.get(exchange.route.operation) if exchange.route else None
    if exchange.route is None or operation is None:
        raise Refusal(404, "there is nothing at this path")
    if exchange.request.method != operation.method:
        reply = problem_reply(lab.settings, 405, f"the method must be {operation.method}")
        reply.headers.append(("Allow", operation.method))
        return reply
    if refused_with(rule_of(lab, exchange.route.operation), exchange) == 403:
        raise Refusal(403, "this operation wants a TLS client certificate")
    return operation.answer(lab, exchange)
