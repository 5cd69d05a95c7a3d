# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of one host in the role: with each account until its server refuses it, and no further."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.acceptance import Acceptance
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import ExchangeOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import NOT_TRIED
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

from ..exchange.account_gate import Account, AccountGate, Refusal


class HostTests:
    """Tests templates of one host.

    :param gate: what the run knows of accounts.
    :param templates: the declared templates, checked.
    :param test: the options of est_test_enroll that are given.
    :param run: runs est_test_enroll for the template of this name, and returns its result.
    """

    def __init__(
        self,
        gate: AccountGate,
        templates: Iterable[Template],
        test: Mapping[str, Any],
        run: Callable[[str], dict[str, Any]],
    ) -> None:
        self._gate = gate
        self._templates = {template.name: template for template in templates}
        self._test = test
        self._run = run
        defaults = ExchangeOptions()
        # What one connection and one answer may take: a test whose server says nothing until then holds up no other.
        self._wait_seconds = float(
            int(test.get("connect_timeout") or defaults.connect_timeout) + int(test.get("timeout") or defaults.timeout)
        )

    def test(self, name: str) -> dict[str, Any]:
        """Return the result of the test of a template, or that it was not tried, and why."""
        template = self._templates[name]
        account = account_of(template)
        told = {"template": name, "server": template.address, "label": template.label or ""}
        told["account"] = account.name
        try:
            refusal = self._gate.enter(account, self._wait_seconds)
        except OSError as error:
            Display().warning(f"whether an account was refused before cannot be noted: {error}")
            return {**self._remarked(self._run(name)), **told}
        if refusal is not None:
            return {**told, **not_tried(refusal, "Correct the account; the proof stays owed.")}
        result: dict[str, Any] = {"failed": True}
        try:
            result = self._run(name)
            refused = _refused_before_the_request(result)
            if account.username is not None and refused:
                result.update(_refused_in_check_mode(refused), changed=False)
        finally:  # whoever waits goes on, however this ends
            self._gate.leave(account, result)
        return {**self._remarked(result), **told}

    def _remarked(self, result: dict[str, Any]) -> dict[str, Any]:
        """Add what was made up in place of an identity: what was substituted, and not asked for as a blank."""
        given = (self._test.get("identity") or {}).get("variables") or {}
        made_up = [variable for variable in result.get("substitutions") or () if variable not in given]
        return {**result, "made_up": made_up} if made_up else result


def accept_earlier(templates: Iterable[dict[str, Any]], test: Mapping[str, Any]) -> None:
    """Add to the entries of templates what of their last test's losses the user accepts by now.

    :param templates: of the result of est_templates.
    """
    for entry in templates:
        last = entry.get("last_test") or {}
        remarks = [*(last.get("lost") or ()), *(last.get("differs") or ())]
        accepted = Acceptance.read(test).accepted(remarks) if remarks else []
        if accepted:
            entry["last_test"] = {**last, "accepted_lost": accepted}


def doubt_other_ways(result: dict[str, Any]) -> None:
    """Do not count a proof made from the controller where tests leave from the host, which has another network path.

    :param result: that of est_templates.
    """
    for entry in result["templates"]:
        if entry.get("proved") and (entry.get("last_test") or {}).get("exchange") == "controller":
            entry["proved"] = False
            result["unproved"] = [*result.get("unproved", ()), entry["name"]]


def account_of(template: Template) -> Account:
    """Return the account that a template uses. One that declares none may have one on the host."""
    return Account(template.address, template.label or "", template.username, template.password)


def _refused_before_the_request(result: Mapping[str, Any]) -> str:
    """Say why a test of check mode, which sends no request, was refused when it asked for CSR attributes."""
    if result.get("status") != "not_asked":
        return ""
    details = [str(step.get("detail")) for step in result.get("timeline") or () if step.get("stage") == "csrattrs"]
    refused = next((detail for detail in details if "(HTTP 401)" in detail), "")
    return refused.partition(" without CSR attributes: ")[2].partition(" (HTTP 401)")[0] or refused


def _refused_in_check_mode(refused: str) -> dict[str, Any]:
    reason = f"{refused}, when it was asked for CSR attributes (HTTP 401)"
    hint = "Check username and password of the template against the account on the EST server."
    return {
        **failure(f"{reason}. {hint}", "authentication_failed", reason, hint),
        "status": "failed",
        "stage": "csrattrs",
        "request_received": "not_received",
        "http_status": 401,
    }


def not_tried(refusal: Optional[Refusal], hint: str, reason: str = "") -> dict[str, Any]:
    """Return the result of what was left out.

    :param refusal: of the account, earlier in this run; None where ``reason`` says why.
    """
    if refusal is not None:
        what = "the user name or the password" if refusal.status == 401 else "what was asked for under this label"
        reason = f"the server has refused {what} in this run already (HTTP {refusal.status}, test of {refusal.host})"
    return {
        **failure(f"{reason}. {hint}", "not_tried", reason, hint),
        "status": NOT_TRIED,
        "stage": "enroll",
        "request_received": "not_received",
        "http_status": refusal.status if refusal is not None else None,
    }
