# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the roles and playbooks, and names that are nearly one of them.

A variable whose name is mistyped has no effect, and Ansible says nothing: what it should have declared looks like
nothing declared. So a name that is at most two letters away from one of ours is an error, wherever it was set.

Facts come from the host itself, and win over the inventory. So a variable of ours among them is an error too: whoever
has taken over a host would decide which templates it has, and where the controller writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible import errors
from ansible.inventory.manager import split_host_pattern

from ..base.action import OptionError, plain

_NAMES = {
    "est_integration_": "templates certificates certificate_defaults certificates_max_failures"
    " purge purge_all purge_keep rotate_key rotate_key_after_days mode"
    " store_path test test_policy cluster cluster_writer report_dest host_timeout hosts serial result report"
    " drift test_result",
    "est_diagnostics_": "dest log_paths max_log_size redact result",
    "est_lab_server_": "path state port bind host_names labels base_path username password profile manual_approval"
    " retry_after arguments python log_path url ca_path",
    "est_awx_": "organization reports report_age report_keep ssh_user ssh_key ssh_password username password"
    " ca_certificate eda_url eda_token image project_url project_branch project_timeout project_wait forks slices"
    " inventory_variables bundle accept_failed accept_unreachable accept_not_run accept_pending accept_lost"
    " accept_unproved accept_not_tried accept_differing accept_last_tests_failed accept_no_hosts accept_not_compared"
    " accept_certificates_failed accept_certificates_pending accept_certificates_lost accept_certificates_overdue"
    " accept_certificates_expired",
    "est_eda_": "host port token organization target_hosts",
}
#: Every variable that a role, a playbook or the content for AWX reads or sets.
KNOWN = frozenset(f"{prefix}{name}" for prefix, names in _NAMES.items() for name in names.split())

#: How many letters may differ.
_MOST = 2
_LOOKS_LIKE_OURS = re.compile("est", re.IGNORECASE)


#: From ansible-core 2.19 on: all of a variable is "{{ omit }}".
_OMITTED = getattr(errors, "AnsibleValueOmittedError", ())


def read_variables(
    names: Iterable[str], variables: Mapping[str, Any], template: Callable[[Any], Any]
) -> tuple[dict[str, Any], str]:
    """Return the values of those variables that are set, and why one of them cannot be read, or an empty text.

    A task that had them as arguments would have each compiled as a template of its own, in the fork of each host.

    :param variables: those of the host.
    :param template: of the task's templar.
    """
    found: dict[str, Any] = {}
    problem = ""
    token = variables.get("omit")
    for name in names:
        if variables.get(name) is None:
            continue
        try:
            value = template(variables[name])
        except _OMITTED:
            continue
        except errors.AnsibleError as error:
            problem = problem or f"{name}: {str(getattr(error, 'message', '') or error).rstrip('.')}"
            continue
        value = plain(value)
        # From ansible-core 2.19 on it is not a text, and what is to be left out has been already.
        found[name] = _without_omitted(value, token) if isinstance(token, str) else value
    return {name: value for name, value in found.items() if value is not _LEFT_OUT}, problem


_LEFT_OUT = object()


def _without_omitted(value: Any, token: str) -> Any:
    """Return a value without what is to be left out of it, as ansible-core does with the arguments of a task."""
    if value == token:
        return _LEFT_OUT
    if isinstance(value, dict):
        kept = {name: _without_omitted(entry, token) for name, entry in value.items()}
        return {name: entry for name, entry in kept.items() if entry is not _LEFT_OUT}
    if isinstance(value, list):
        return [entry for entry in (_without_omitted(one, token) for one in value) if entry is not _LEFT_OUT]
    return value


def check_variables(variables: Mapping[str, Any], patterns: Any) -> list[str]:
    """Check the variables of a host before it is asked for anything, and return what to warn of.

    :param patterns: ``hosts`` of the play, as it was read.
    :raises OptionError: see ``check_facts()`` and ``check_names()``.
    """
    check_facts(variables)
    check_names(variables)
    return [warning for warning in [without_effect(variables, patterns)] if warning]


def check_names(variables: Iterable[Any]) -> None:
    """Refuse variables with names that are nearly ours.

    A known name with a suffix such as ``_site``, and one that resembles none, may be a helper of the user's.

    :param variables: the names of all variables of a host, wherever they were set.
    :raises OptionError: naming each of them, and what was probably meant.
    """
    wrong = []
    for name in variables:
        if isinstance(name, str) and name not in KNOWN and _LOOKS_LIKE_OURS.match(name):
            meant = nearest(name)
            if meant:
                wrong.append(f"{name} (did you mean {meant}?)")
    if wrong:
        raise OptionError(
            f"no role and no playbook of this collection knows the variable{'s' if len(wrong) > 1 else ''} "
            f"{', '.join(sorted(wrong))}. Correct the name in the inventory, the playbook or the extra variables; a "
            "helper of your own needs another name"
        )


def check_facts(variables: Mapping[str, Any]) -> None:
    """Refuse variables of ours that the host has set by its facts.

    :param variables: those of the host.
    :raises OptionError: naming them.
    """
    facts = variables.get("ansible_facts")
    ours = sorted(KNOWN.intersection(facts)) if isinstance(facts, Mapping) else []
    if ours:
        raise OptionError(
            f"the facts of this host set {', '.join(ours)}: facts come from the host, which may not decide this, and "
            "win over the inventory. Find out which module on the host returned them, and empty the cache of facts "
            "(--flush-cache); set such a variable in the inventory, the play, or by set_fact without cacheable"
        )


def without_effect(variables: Mapping[str, Any], patterns: Any) -> str:
    """Return the warning about an ``est_integration_hosts`` that is not where the play gets its hosts from, or nothing.

    ansible-core reads it for ``hosts`` of a play from extra variables only, and not from the inventory.

    :param variables: those of the host.
    :param patterns: ``hosts`` of the play, as it was read.
    """
    asked = variables.get("est_integration_hosts")
    if not isinstance(asked, (str, list)) or "{{" in str(asked) or _patterns(asked) == _patterns(patterns):
        return ""
    wanted, taken = (", ".join(_patterns(given)) for given in (asked, patterns))
    return (
        f"est_integration_hosts is {wanted}, and this play runs on {taken}: a variable of the inventory has no effect "
        "on which hosts a play takes; give it as an extra variable, or in the survey of a job template"
    )


def _patterns(given: Any) -> list[str]:
    return [str(one) for one in split_host_pattern(given if isinstance(given, list) else str(given))]


def nearest(name: str) -> str:
    """Return the known variable that a name was probably meant to be, or an empty string."""
    folded = name.lower()
    found = [
        (distance, known)
        for known in KNOWN
        if abs(len(known) - len(folded)) <= _MOST
        and not re.fullmatch(rf"{known}(_.+|[0-9]+)", folded)
        and (distance := _distance(folded, known)) <= _MOST
    ]
    return min(found)[1] if found else ""


def _distance(one: str, other: str) -> int:
    """Return how many letters have to be added, removed or replaced (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        above, row[0] = row[0], number
        for place, against in enumerate(other, start=1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (letter != against))
    return row[-1]
