# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role does with one host: its options, which host of a cluster is written, which templates are tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options as test_options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.causes import describe_cause, find_causes
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import NOT_TRIED
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.synonyms import meant_option

from ..action.exchange import ExchangeAction
from ..base.action import OptionError, validate
from ..base.templates import check_purge

#: Options of a test that the role gives itself, and the variables for them.
_GIVEN_BY_THE_ROLE = {
    "template": "est_integration_templates",
    "inline": "est_integration_templates",
    "store_path": "est_integration_store_path",
}

#: The options, by the names of the role's variables, as which they are set, and which errors name.
OPTIONS: dict[str, Any] = {
    "est_integration_templates": {"type": "raw"},
    "est_integration_purge": {"type": "bool", "default": False},
    "est_integration_purge_all": {"type": "bool", "default": False},
    "est_integration_purge_keep": {"type": "list", "elements": "raw", "default": []},
    "est_integration_rotate_key": {"type": "bool", "default": False, "no_log": False},
    "est_integration_rotate_key_after_days": {"type": "int", "no_log": False},
    "est_integration_mode": {"type": "str", "choices": ["enforce", "report"], "default": "enforce"},
    "est_integration_store_path": {"type": "str"},
    "est_integration_test": {"type": "raw"},
    "est_integration_test_policy": {"type": "str", "choices": ["never", "changed", "always"], "default": "never"},
    "est_integration_cluster": {"type": "str", "default": ""},
    "est_integration_cluster_writer": {"type": "str", "default": ""},
    "est_integration_report_dest": {"type": "path", "default": ""},
    "est_integration_host_timeout": {"type": "int"},
    "est_integration_certificates": {"type": "raw"},
    "est_integration_certificate_defaults": {"type": "raw"},
    "est_integration_certificates_max_failures": {"type": "int"},
    "__est_integration_tests_only": {"type": "bool", "default": False},
    "__est_integration_certificates_only": {"type": "bool", "default": False},
}

#: The variables of a job of AWX.
_JOB = ("awx_job_id", "tower_job_id")
#: How many causes are told of a host that failed, at most.
_MOST_CAUSES = 5
#: What to do about tests that failed.
_SEE_CAUSES = "Look at causes; the fleet report has every template."
#: What a difference is called where nothing is written.
_NOT_WRITTEN = {"created": "missing", "updated": "differs", "repaired": "differs", "removed": "undeclared"}


def read_templates(variables: Mapping[str, Any]) -> Optional[list[Any]]:
    """Return the declared templates; None where a host has only certificates declared.

    :param variables: the options without their prefix.
    :raises OptionError: nothing is declared for the host, or what is declared is not a list.
    :raises TemplateError: an empty list would purge all that the host has.
    """
    name = "est_integration_templates"
    declared = variables["templates"]
    if declared is None or declared == "":  # YAML makes None of a name with nothing behind it
        if variables["certificates"] in (None, "", {}, False):
            raise OptionError(
                f"nothing is declared for this host: neither {name} nor est_integration_certificates is defined, and "
                f"nothing was looked at. Define {name} in the variables of the group or the host; [] says that it is "
                "to have none",
                code="nothing_declared",
            )
        return None
    if not isinstance(declared, list):
        kind = "a dictionary" if isinstance(declared, Mapping) else "a string"
        kind = kind if isinstance(declared, (Mapping, str)) else "not a list"
        raise OptionError(f"{name} is {kind}, and has to be a list of templates: - {{name: ..., server: ...}}")
    if not variables["tests_only"] and not variables["certificates_only"]:  # none is applied then
        check_purge(name, len(declared), purge=variables["purge"], purge_all=variables["purge_all"])
    return declared


def read_test(given: Any, *, check_folder: Callable[[str, Optional[str]], str]) -> dict[str, Any]:
    """Check how to test, before anything is written, and return what is given of it.

    :param given: the variable, of any type.
    :param check_folder: checks the path of a folder on the host.
    :raises OptionError, TemplateError: naming the key that is wrong.
    """
    where = "est_integration_test"
    if given is None or given == "":
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(
            f"{where} is not a dictionary; it has options of est_test_enroll, such as identity: {{user: jdoe}}"
        )
    spec = test_options.argument_spec()
    known = [name for name in spec if name not in _GIVEN_BY_THE_ROLE]
    for key in given:
        if key in _GIVEN_BY_THE_ROLE:
            raise TemplateError(f"{where}.{key}", f"is set by the role: use {_GIVEN_BY_THE_ROLE[key]}")
        if key not in known:
            meant = meant_option(key, dict.fromkeys(known))
            raise TemplateError(
                f"{where}.{key}",
                "is not an option of a test",
                allowed="" if meant else ", ".join(known),
                suggestion=meant,
            )
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        checked = validate({**asked, "template": "x"}, ExchangeAction.unchecked(spec, test_options.CHECKED), "a test")
        test_options.read_options(checked, check_mode=True, check_folder=check_folder)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None
    except TemplateError as error:
        raise error.at(where) from None
    return asked


def cluster_of(variables: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """Return the product cluster of a host: its name, the host that is written, and whether it is this one.

    The product keeps the hosts of a cluster the same: two writers would be one too many. The writer is the first host
    of the inventory's group, whatever batch or limit a run has; if it is down, the others wait for it.

    :raises OptionError: the cluster is not a group of the inventory, or the host or the writer is not in it; or a job
        of AWX, which may be a slice with some of the group's hosts, would take the first of those.
    """
    name, writer = variables["cluster"], variables["cluster_writer"]
    if not name:
        return None
    host = str(task_vars["inventory_hostname"])
    members = [str(member) for member in task_vars["groups"].get(name) or ()]
    if host not in members:
        raise OptionError(
            f"est_integration_cluster is {name!r}, and the inventory has no group of that name with {host} in it; make "
            "the hosts of a product cluster a group, and set the variable to its name"
        )
    in_job = any(task_vars.get(variable) is not None for variable in _JOB)
    if not writer and in_job:
        raise OptionError(
            f"est_integration_cluster is {name!r}, and est_integration_cluster_writer is not set: a job of AWX can be "
            "a slice that sees only some hosts of the cluster, and each slice would write one; set it to the host of "
            "the cluster that is written"
        )
    if writer and not in_job and writer not in members:
        raise OptionError(
            f"est_integration_cluster_writer is {writer!r}, and the group {name!r} has no such host: none of it would "
            f"ever be written (allowed: {', '.join(members)})"
        )
    _refuse_other_writers(name, writer, members, task_vars)
    return {"name": name, "writer": writer or members[0], "writes": host == (writer or members[0])}


def _refuse_other_writers(name: str, writer: str, members: Iterable[str], task_vars: Mapping[str, Any]) -> None:
    """Refuse a cluster whose hosts do not agree on the one that is written: several would be.

    :raises OptionError: they do not agree.
    """
    hostvars = task_vars.get("hostvars") or {}
    for member in members:
        others = hostvars.get(member, {})
        theirs = (
            others.get("est_integration_cluster_writer", "")
            if others.get("est_integration_cluster") == name
            else writer
        )
        if str(theirs or "") != writer:
            raise OptionError(
                f"est_integration_cluster_writer is {writer!r} here and {str(theirs or '')!r} for {member} of the same "
                f"cluster {name!r}: give all hosts of a cluster the same, as a variable of its group"
            )


def to_test(policy: str, result: Mapping[str, Any], switched_off: Iterable[str], *, writes: bool) -> list[str]:
    """Return the names of the templates to test, once the templates were applied.

    With the policy ``changed`` these are the ones that this run wrote, and the ones that owe a proof: after a test that
    failed, waits for approval or could not start, and after a run that tested nothing.

    :param result: that of est_templates.
    :param switched_off: names of templates that nothing is issued from.
    :param writes: whether what differs was written; if not, what differs is not on the host, and cannot be tested.
    """
    if policy == "never":
        return []
    found = []
    for entry in result["templates"]:
        there = entry["action"] == "unchanged"
        written = not there and entry["action"] != "removed" and writes
        owed = entry.get("proved") is False
        if entry["name"] not in switched_off and (written or (there and (policy == "always" or owed))):
            found.append(entry["name"])
    return found


def find_drift(result: Mapping[str, Any], *, writes: bool) -> list[dict[str, Any]]:
    """Return in what a host was not as declared, an entry for each template and one for the store.

    :param result: that of est_templates.
    :param writes: whether this run was to write on the host, or would have been without check mode.
    """
    entries = result["templates"]
    found = [
        drift_of(entry["name"], _told_action(entry["action"], writes=writes), entry["summary"])
        for entry in entries
        if entry["action"] != "unchanged"
    ]
    known = {drift["template"] for drift in found}
    # What is wrong with a template that stays as it is: one that is not declared, or whose password is not known here.
    stays = {
        **{entry["name"]: "differs" for entry in entries if entry["name"] not in known},
        **dict.fromkeys(result["undeclared"], "undeclared"),
    }
    problems: dict[Optional[str], list[str]] = {}
    for words in result["store_problems"]:
        name = next((name for name in (*known, *stays) if f"template '{name}'".casefold() in words.casefold()), None)
        if name not in known:
            problems.setdefault(name, []).append(words)
    found.extend(drift_of(name, stays[name], words) for name, words in problems.items() if name is not None)
    if None in problems:
        found.append(drift_of(None, "repaired" if writes and result["changed"] else "differs", problems[None]))
    return found


def drift_of(template: Optional[str], action: str, summary: Iterable[str]) -> dict[str, Any]:
    """Return an entry of ``est_integration_drift``.

    :param template: its name; None for what is not one template's.
    """
    return {"template": template, "action": action, "summary": list(summary)}


def combine(result: dict[str, Any]) -> dict[str, Any]:
    """Return the whole result: changed where a test did something too, failed where one failed or was not tried.

    A test that check mode kept from being made is not a change: such a host is as declared, and must not look drifted.
    """
    tests, certificates = result["tests"], result.get("certificates", [])
    stopped = [one for one in (*tests, *certificates) if one.get("failed")]
    result["changed"] = bool(result.get("changed")) or any(
        one.get("changed") and one.get("status") != "not_asked" for one in tests
    )
    diffs: list[Any] = []
    for part in (result, *tests, *certificates):
        found = part.pop("diff", None) or []
        diffs.extend(found if isinstance(found, list) else [found])
    if diffs:
        result["diff"] = diffs
    if stopped:
        told = [_stopped(tests, "test"), _stopped(certificates, "certificate")]
        msg = f"{'; '.join(filter(None, told))}: see causes"
        code = "tests_failed" if told[0] else "certificates_failed"
        result.update({**failure(msg, code, msg.partition(": see")[0], _SEE_CAUSES), "changed": result["changed"]})
    return result


def _stopped(results: Sequence[Mapping[str, Any]], word: str) -> str:
    """Say how many of several tests or certificates failed or were not tried; an empty text where none did."""
    stopped = [one for one in results if one.get("failed")]
    not_tried = sum(one.get("status") == NOT_TRIED for one in stopped)
    counted = [(len(stopped) - not_tried, "failed"), (not_tried, "not tried")]
    words = ", ".join(f"{number} {what}" for number, what in counted if number)
    return f"{words} of {len(results)} {word}{'' if len(results) == 1 else 's'}" if stopped else ""


def shown(result: Mapping[str, Any], record: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
    """Return the result as a playbook sees it.

    Ansible prints the whole result of a host that failed, so it has an entry for each cause, and the report the rest.
    Where nothing was to be written, what differs is not called created or updated.

    :param record: the entry of the host in the report.
    :param writes: whether this run was to write on the host, or would have been without check mode.
    """
    if result.get("failed") and (result.get("tests") or result.get("certificates")):
        told = ("changed", "failed", "msg", "error_code", "reason", "hint")
        kept = (*told, "store_problems", "drift", "warnings", "deprecations")
        causes = [describe_cause(cause, with_hosts=False) for cause in find_causes([record])]
        if len(causes) > _MOST_CAUSES:
            more = len(causes) - _MOST_CAUSES + 1
            causes = [*causes[: _MOST_CAUSES - 1], f"and {more} more causes: the report has all"]
        return {"changed": False, **{key: result[key] for key in kept if result.get(key)}, "causes": causes}
    if writes or not isinstance(result.get("templates"), list):
        return dict(result)
    entries = [{**entry, "action": _told_action(entry["action"], writes=False)} for entry in result["templates"]]
    return {**result, "templates": entries}


def _told_action(action: str, *, writes: bool) -> str:
    return action if writes else _NOT_WRITTEN.get(action, action)
