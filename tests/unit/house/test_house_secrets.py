# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No option that is named like a secret is missing in the one list of what is secret."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from support.imports import COLLECTION, PLUGINS

pytest.importorskip("ansible", reason="what hides secrets on the controller needs ansible-core")

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.secrets import (
    SECRET_OPTIONS,
    secret_values,
    short_arguments,
)

_NAMED_LIKE_A_SECRET = re.compile(r"pass|secret|token|challenge|(^|_)(pin|key)$")
# Words, numbers and switches that speak of a secret without being one.
_NOT_ONE = {"update_password"}
# Private modules: their secrets come masked, and never from a user.
_PRIVATE = {
    "est_store_file",
    "est_test_files",
    "est_diagnostics_host",
    "private_options",
    "est_read_file",
}


def options(given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in given.items():
        yield name, option
        yield from options(option.get("suboptions") or {})


def documented() -> Iterator[tuple[str, str, str]]:
    for path in sorted([*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("doc_fragments/*.py")]):
        if path.stem in _PRIVATE:
            continue
        module = importlib.import_module(f"{COLLECTION}{path.parent.name}.{path.stem}")
        holder = getattr(module, "ModuleDocFragment", module)
        for text in (value for name, value in vars(holder).items() if name.isupper() and isinstance(value, str)):
            found = yaml.safe_load(text) or {}
            for name, option in options(found.get("options") or {} if isinstance(found, dict) else {}):
                yield path.stem, name, option.get("type", "str")


def test_every_option_that_is_named_like_a_secret_is_in_the_list() -> None:
    found = list(documented())
    assert {name for _module, name, _kind in found} > set(SECRET_OPTIONS), "the list names what no option is called"
    missing = [
        f"{module}: {name}"
        for module, name, kind in found
        if kind in ("str", "raw", "list", "dict")
        and _NAMED_LIKE_A_SECRET.search(name)
        and name not in _NOT_ONE
        and name not in SECRET_OPTIONS
    ]
    assert missing == []


@pytest.mark.parametrize("name", SECRET_OPTIONS)
def test_a_secret_is_found_wherever_it_is_given(name: str) -> None:
    assert secret_values({"templates": [{"inline": {name: "canary"}}], "other": "open"}) == {"canary"}


@pytest.mark.parametrize("name", SECRET_OPTIONS)
def test_no_task_keeps_a_secret_for_callbacks_that_log_arguments(name: str) -> None:
    open_one = {"dest": "/tmp/report", "force": True}
    for given in ({name: "canary"}, {"inline": {name: "canary"}}, {"inline": f'{{"{name}": "canary"}}'},
                  {"templates": f"name=wifi {name}=canary"}):  # fmt: skip
        assert short_arguments({**given, **open_one}) == open_one
