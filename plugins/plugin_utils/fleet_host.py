# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role does with one host: its options, who of a cluster is written, which templates are tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.layout import DEFAULT_STORE_PATH
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.fields import number_as_text
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.options import (
    argument_spec as test_argument_spec,
)

from .action_base import OptionError

_NOT_OF_THE_IDENTITY = ("template", "inline", "store_path", "exchange")

#: The options, by the names of the role's variables: the role passes them on as they are, and errors name what the
#: user has set. The values of tests are checked by est_test_enroll, which tells more of a wrong one.
OPTIONS: dict[str, Any] = {
    "est_integration_templates": {"type": "list", "elements": "raw", "required": True},
    "est_integration_purge": {"type": "bool", "default": False},
    "est_integration_purge_keep": {"type": "list", "elements": "raw", "default": []},
    "est_integration_rotate_key": {"type": "bool", "default": False, "no_log": False},
    "est_integration_mode": {"type": "str", "choices": ["enforce", "report"], "default": "enforce"},
    "est_integration_store_path": {"type": "str", "default": DEFAULT_STORE_PATH},
    "est_integration_test": {
        "type": "dict",
        "default": {},
        "options": {name: {"type": "raw"} for name in test_argument_spec() if name not in _NOT_OF_THE_IDENTITY},
    },
    "est_integration_test_policy": {"type": "str", "choices": ["never", "changed", "always"], "default": "never"},
    "est_integration_exchange": {
        "type": "str",
        "choices": ["auto", "host", "uri", "controller"],
        "default": "auto",
    },
    "est_integration_install_ca": {"type": "bool", "default": False},
    "est_integration_cluster": {"type": "str", "default": ""},
    "est_integration_cluster_writer": {"type": "str", "default": ""},
    "est_integration_report_path": {"type": "str", "default": ""},
    "tests_only": {"type": "bool", "default": False},
}


def cluster_of(variables: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """Return the product cluster of a host: its name, the host that is written, and whether it is this one.

    The product keeps the hosts of a cluster the same: two writers would be one too many. The writer is the first host
    of the inventory's group, whatever batch or limit a run has; if it is down, the others wait for it.

    :raises OptionError: the cluster is no group of the inventory, or the host or the writer is not in it.
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
    return {"name": name, "writer": writer or members[0], "writes": host == (writer or members[0])}


def to_test(
    variables: Mapping[str, Any], result: Mapping[str, Any], *, writes: bool, tests_only: bool
) -> Iterable[str]:
    """Return the names of the templates to test, once the templates were applied.

    :param result: that of est_templates.
    :param writes: whether what differs was written; if not, what differs is not on the host, and cannot be tested.
    """
    if tests_only:
        return [_name(options, number) for number, options in enumerate(variables["templates"])]
    policy = variables["test_policy"]
    if policy == "never":
        return []
    found = []
    for entry in result["templates"]:
        there = entry["action"] == "unchanged"
        again = (entry.get("last_test") or {}).get("status") in ("failed", "pending")
        written = not there and entry["action"] != "removed" and writes
        if written or (there and (policy == "always" or again)):
            found.append(entry["name"])
    return found


def add_authorities(result: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add to the result of a host what was done with its CA certificates.

    :param part: what :func:`.windows_certificate_authorities.keep_authorities` returned.
    """
    result["certificate_authorities"] = part["certificate_authorities"]
    result["drift"] = [*result.get("drift", ()), *part["drift"]]
    result["changed"] = bool(result.get("changed")) or part["changed"]
    if part.get("diff"):
        result["diff"] = [diff for diff in (result.get("diff"), part["diff"]) if diff]


def combine(result: dict[str, Any]) -> dict[str, Any]:
    """Return the whole result: changed where a test did something too, failed where one failed, all diffs.

    A test that check mode kept from being made is no change: a host with it is as declared, and shall not look drifted.
    """
    tests = result["tests"]
    failed = [test for test in tests if test.get("failed")]
    result["changed"] = bool(result.get("changed")) or any(
        test.get("changed") and test.get("status") != "skipped" for test in tests
    )
    diffs: list[Any] = []
    for part in (result, *tests):
        found = part.pop("diff", None) or []
        diffs.extend(found if isinstance(found, list) else [found])
    if diffs:
        result["diff"] = diffs
    if failed:
        words = " ".join(str(test.get("msg")) for test in failed)
        result.update(
            failed=True, msg=words if len(tests) == 1 else f"{len(failed)} of {len(tests)} tests failed. {words}"
        )
    return result


def _name(options: Any, number: int) -> str:
    name = number_as_text(options.get("name")) if isinstance(options, Mapping) else None
    if not isinstance(name, str):
        raise OptionError(f"est_integration_templates[{number}] has no name")
    return name
