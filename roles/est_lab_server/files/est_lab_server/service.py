# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers a request: finds the operation, asks for the password, lets the operation answer."""

from __future__ import annotations

from .admission import refused_with, rule_of
from .faults import ANSWERING, REFUSED
from .hostile import hostile_faults, hostile_reply
from .laboratory import Exchange, Lab
from .operations import OPERATIONS
from .problems import Refusal, problem_reply
from .redirects import redirect_of, redirect_reply
from .reply import Reply


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
    if exchange.fault in ANSWERING:
        return ANSWERING[exchange.fault][1]()
    if exchange.fault == REFUSED:
        return problem_reply(lab.settings, 400, "The request is not to this server's taste.")
    if exchange.fault in hostile_faults():
        return hostile_reply(exchange.fault, exchange.route.operation if exchange.route else "")
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
