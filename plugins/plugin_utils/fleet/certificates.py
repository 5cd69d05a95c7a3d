# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The production certificates of one host in the role: looked at first, then asked for where the account may be used.

Hosts whose certificates need nothing never wait for one another. Of the others, the first with an account at a server
goes alone, as with tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, Optional

from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_parameters import with_defaults
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_result import KNOWN_BY
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import ExchangeOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import NOT_TRIED
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import certificate_place
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

from ..base.action import OptionError
from ..exchange.account_gate import Account, AccountGate
from .tests import account_of, not_tried

VARIABLE = "est_integration_certificates"
_ENTRIES = "certificates"
_HINT = "Correct the account; the certificate stays to be had."


def read_certificates(declared: Any) -> Optional[list[Mapping[str, Any]]]:
    """Return the declared certificates; None where the variable is not defined.

    :raises OptionError: it is not a list of dictionaries.
    """
    if declared is None or declared == "":  # YAML makes None of a name with nothing behind it
        return None
    if not isinstance(declared, list) or not all(isinstance(entry, Mapping) for entry in declared):
        raise OptionError(
            f"{VARIABLE} has to be a list, and each of its entries the options of est_certificate: "
            "- {template: ..., certificate_path: ...}"
        )
    return declared


class HostCertificates:
    """Sees to the certificates of one host.

    :param gate: what the run knows of accounts.
    :param read_templates: returns the declared templates, checked; called only where an account is to be known.
    :param defaults: of the entries.
    :param most_failures: how many certificates of the run may fail before nobody asks any more; None for no bound.
    :param run: runs est_certificates for these entries, in check mode or not, and returns its result.
    """

    def __init__(
        self,
        gate: AccountGate,
        read_templates: Callable[[], Iterable[Template]],
        defaults: Any,
        most_failures: Optional[int],
        run: Callable[[Sequence[Mapping[str, Any]], bool], dict[str, Any]],
    ) -> None:
        self._gate = gate
        self._read_templates = read_templates
        self._templates: Optional[dict[str, Template]] = None
        self._defaults = defaults
        self._most_failures = most_failures
        self._run = run
        waiting = ExchangeOptions()
        self._wait_seconds = float(waiting.connect_timeout + waiting.timeout)

    def keep(
        self, entries: Sequence[Mapping[str, Any]], *, writes: bool, missing: Iterable[str] = ()
    ) -> dict[str, Any]:
        """See to certificates.

        :param writes: whether what is to be had is asked for.
        :param missing: the names of templates that the host is to have, and that this run does not write.
        :returns: the result of est_certificates; a failed one without ``certificates`` where an option is wrong.
        """
        looked = self._run(entries, True)
        if _ENTRIES not in looked:
            return looked
        found = [_due_with_its_template(each, set(missing)) for each in looked[_ENTRIES]]
        needing = [number for number, each in enumerate(found) if each["status"] != "unchanged"]
        if not writes or not needing:
            return {**looked, _ENTRIES: self._told(entries, found), "changed": any(each["changed"] for each in found)}
        accounts = {number: self._account(entries[number], number) for number in needing}
        refused, entered = self._enter(accounts)
        asked = [number for number in needing if number not in refused]
        outcomes: dict[int, dict[str, Any]] = {}
        result: dict[str, Any] = {"changed": False}
        try:
            if asked:
                result = self._run([entries[number] for number in asked], False)
                outcomes = dict(zip(asked, result.get(_ENTRIES, ())))
        finally:  # whoever waits goes on, however this ends
            for account in entered:
                self._gate.leave(account, _word_of(account, accounts, outcomes))
        if asked and _ENTRIES not in result:
            return result
        for number, told in refused.items():
            outcomes[number] = {**known_by(found[number]), **told}
        self._count_failures(outcomes.values())
        merged = [outcomes.get(number, each) for number, each in enumerate(found)]
        return {**result, _ENTRIES: self._told(entries, merged), "changed": any(each["changed"] for each in merged)}

    def _enter(self, accounts: Mapping[int, Optional[Account]]) -> tuple[dict[int, dict[str, Any]], list[Account]]:
        """Wait for the turn of each account; return what was refused, by entry, and the accounts that may be used."""
        refused: dict[int, dict[str, Any]] = {}
        entered: list[Account] = []
        broken = self._too_many_failures()
        for number, account in accounts.items():
            told: Optional[dict[str, Any]] = dict(broken) if broken else None
            if told is None and account is not None and account not in entered:
                try:
                    refusal = self._gate.enter(account, self._wait_seconds)
                except OSError as error:
                    Display().warning(f"whether an account was refused before cannot be noted: {error}")
                    continue
                if refusal is None:
                    entered.append(account)
                else:
                    told = not_tried(refusal, _HINT)
            if told is not None:
                refused[number] = {**told, "changed": False}
        return refused, entered

    def _too_many_failures(self) -> dict[str, Any]:
        failures = self._gate.failures() if self._most_failures is not None else 0
        if self._most_failures is None or failures <= self._most_failures:
            return {}
        reason = f"{failures} certificates could not be had in this run, more than {VARIABLE}_max_failures"
        return not_tried(None, "Look at why they failed; the next run asks again.", reason)

    def _count_failures(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        failed = sum(bool(each.get("failed")) and each.get("status") != NOT_TRIED for each in outcomes)
        if failed and self._most_failures is not None:
            self._gate.failures(failed)

    def _account(self, entry: Mapping[str, Any], number: int) -> Optional[Account]:
        """Return the account that an entry uses; None where its template is only known on the host."""
        template = self._template(entry, number)
        return account_of(template) if template is not None else None

    def _template(self, entry: Mapping[str, Any], number: int) -> Optional[Template]:
        merged = with_defaults(entry, self._defaults, number)
        if isinstance(merged.get("inline"), Mapping):
            try:
                return Template.from_options(merged["inline"])
            except TemplateError:
                return None
        if self._templates is None:
            self._templates = {template.name: template for template in self._read_templates()}
        return self._templates.get(str(merged.get("template")))

    def _told(
        self, entries: Sequence[Mapping[str, Any]], outcomes: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Add to what could not be had whose account at which server it was, for the causes of the report."""
        told = []
        for number, (entry, outcome) in enumerate(zip(entries, outcomes)):
            account = self._account(entry, number) if outcome.get("failed") else None
            about = {"server": account.server, "label": account.label, "account": account.name} if account else {}
            told.append({**outcome, **about})
        return told


def drift_of_certificates(outcomes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return an entry of ``est_integration_drift`` for each certificate that was not in order, put right or not."""
    return [
        {
            "template": outcome.get("template"),
            "certificate": certificate_place(outcome),
            "action": "due" if outcome["status"] == "not_asked" else outcome["status"],
            "summary": [str(outcome.get("reason") or outcome.get("msg") or "")],
        }
        for outcome in outcomes
        if outcome["status"] != "unchanged"
    ]


def _due_with_its_template(outcome: dict[str, Any], missing: set[str]) -> dict[str, Any]:
    """Return what came of a look at a certificate; it does not fail where only its template has to be written first."""
    if outcome.get("error_code") != "unknown_template" or outcome.get("template") not in missing:
        return outcome
    reason = f"its template {outcome['template']!r} is to be written first"
    return {**known_by(outcome), "status": "not_asked", "action": "enrolled", "reason": reason, "changed": True}


def known_by(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says which certificate an outcome is of, or an entry is about."""
    return {name: told[name] for name in (*KNOWN_BY, "template") if told.get(name)}


def _word_of(
    account: Account, accounts: Mapping[int, Optional[Account]], outcomes: Mapping[int, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return what says most of an account: a refusal of it, or else that it was accepted."""
    of_account = [outcome for number, outcome in outcomes.items() if accounts.get(number) == account]
    refused = [outcome for outcome in of_account if outcome.get("http_status") in (401, 403)]
    accepted = [outcome for outcome in of_account if not outcome.get("failed")]
    return next(iter([*refused, *accepted, *of_account]), {"failed": True, "stage": "input"})
