# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what the modules return against their documented RETURN: no other key, no other type, and none missing.

``returned`` of a key says when it has to be there. ``always``, ``success`` and ``failure`` as single words are held;
other words tell a reader of a condition, so that the key may be there or not. What has no ``returned`` is in a nested
dict, and always there with it. A value may be null where the description says so.

``callback_plugins/returned.py`` looks at each result of a run of Ansible's in this way, ``actions.py`` at those of an
action in the process of a test.
"""

from __future__ import annotations

import ast
import functools
import os
import re
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Mapping, Optional

import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "estfleet.cloud_extender."

#: Modules that only our own actions and the role's tasks run. What they return is no interface.
PRIVATE = {
    "est_check_variables",
    "est_diagnostics_host",
    "est_fleet_host",
    "est_identities_host",
    "est_purge_host",
    "est_read_file",
    "est_relay",
    "est_store_file",
    "est_test_files",
    "win_est_diagnostics_host",
    "win_est_key",
    "win_est_read_file",
    "win_est_relay",
    "win_est_store_file",
    "win_est_test_files",
}

#: Folder of the callback plugin, for ``ANSIBLE_CALLBACK_PLUGINS``.
CALLBACKS = str(ROOT / "tests" / "support" / "callback_plugins")

#: The environment variable with the file that the callback plugin writes to; see ``watching()``.
FILE = "RETURNED_FILE"

#: What ansible-core or its loops, conditions and retries add to a result of any module, and what any module may give.
CORES = {
    "ansible_facts",
    "ansible_index_var",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_stats",
    "attempts",
    "changed",
    "deprecations",
    "diff",
    "exception",
    "failed",
    "failed_when_result",
    "failed_when_suppressed_exception",
    "invocation",
    "item",
    "msg",
    "retries",
    "skipped",
    "warnings",
}

#: How a description says that a value may be null.
_NULL = re.compile(r"\bnull\b|V\(none\)", re.IGNORECASE)

_TYPES = {
    "bool": (bool,),
    "dict": (Mapping,),
    "float": (float, int),
    "int": (int,),
    "list": (list, tuple),
    "path": (str,),
    "raw": (object,),
    "str": (str,),
}


def watching() -> dict[str, str]:
    """Return the environment with which a run of Ansible's tells of results that are not as documented.

    ``tests/conftest.py`` names the file, and fails a test in which something was written there.
    """
    if FILE not in os.environ:  # not in a test: a measurement, a fleet for people
        return {}
    return {"ANSIBLE_CALLBACK_PLUGINS": CALLBACKS, FILE: os.environ[FILE]}


def tell(wrong: Iterable[str]) -> None:
    """Have the test fail in which this is found, as ``callback_plugins/returned.py`` does from another process."""
    lines = "".join(f"{line}\n" for line in wrong)
    if FILE not in os.environ:  # a process without our environment
        assert not lines, lines
    elif lines:
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
            file.write(lines)


@functools.cache
def documented(module: str) -> Mapping[str, Any]:
    """Return RETURN of a module, by its name without the collection. A twin for Windows returns what the other does."""
    file = ROOT / "plugins" / "modules" / f"{module.removeprefix('win_')}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "RETURN":
            # The loader in C takes a tenth of the time: every run of Ansible's in a test reads this.
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            return yaml.load(ast.literal_eval(statement.value), loader) or {}
    return {}


def is_public(action: str) -> bool:
    """Say whether an action is a module of the collection that users start."""
    return action.startswith(COLLECTION) and action[len(COLLECTION) :] not in PRIVATE


def wrong_result(
    action: str, result: Mapping[str, Any], failed: Optional[bool], ignored: frozenset[str] = frozenset()
) -> List[str]:
    """Return what is wrong in the result of a module, in one line each.

    :param action: its name, with or without that of the collection.
    :param failed: None where ``failed_when`` decided, so that it is not known what the module said.
    :param ignored: further names that are none of the module's, such as that of a loop's variable.
    """
    module = action[len(COLLECTION) :] if action.startswith(COLLECTION) else action
    own = {
        key: value
        for key, value in result.items()
        if key not in ignored and not key.startswith("_ansible_") and (key in documented(module) or key not in CORES)
    }
    state = {None: "", True: "failure", False: "success"}[failed]
    return [f"{module}: {words}" for words in _wrong(own, documented(module), state, "")]


def _wrong(found: Mapping[str, Any], documentation: Mapping[str, Any], state: str, parent: str) -> Iterator[str]:
    when = f"in a {state}" if state else "in a result"
    for key, entry in documentation.items():
        returned = str(entry.get("returned", "always")).strip().rstrip(".")
        if key in found:
            if state and returned in ("success", "failure") and returned != state and not parent:
                yield f"{parent}{key} is there {when}, and is documented for a {returned}"
            yield from _wrong_value(found[key], entry, state, f"{parent}{key}")
        elif returned in ("always", state) or (parent and returned == "success"):
            yield f"{parent}{key} is missing {when}"
    for key in found:
        if key not in documentation:
            yield f"{parent}{key} is not documented ({when})"


def _wrong_value(value: Any, entry: Mapping[str, Any], state: str, name: str) -> Iterator[str]:
    kind = entry["type"]
    if value is None and _NULL.search(" ".join(_texts(entry.get("description", "")))):
        return
    if not _is(value, kind):
        yield f"{name} is {type(value).__name__}, and is documented as {kind}"
        return
    entries = list(value) if kind == "list" else [value]
    if kind == "list" and "elements" in entry:
        strange = sorted({type(one).__name__ for one in entries if not _is(one, entry["elements"])})
        if strange:
            yield f"{name} has {', '.join(strange)}, and is documented as a list of {entry['elements']}"
            return
    if "contains" in entry:
        told = set()
        for one in entries:
            told.update(_wrong(one, entry["contains"], state, f"{name}."))
        yield from sorted(told)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind in ("bool", "raw") or not isinstance(value, bool))


def _texts(description: Any) -> List[str]:
    return [description] if isinstance(description, str) else list(description)
