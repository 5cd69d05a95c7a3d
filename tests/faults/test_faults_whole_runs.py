# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection cut before or after each module on the host, and whole runs killed at each call of theirs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from faults.injection import every_fault
from support.actions import Host, run_action
from support.bundles import PASSPHRASE, QUICK
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import write_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template

NAMES = ("wifi", "vpn")
OLD, NEW = 1, 2


def options(port: int) -> list[dict[str, Any]]:
    server = {"server": "est.example.com", "port": port, "username": "user"}
    return [{"name": name, **server, "password": f"password {port} of {name}"} for name in NAMES]


class Store:
    """A store with the old templates, made anew for each fault."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "store")
        self._before = folder / "before"
        self.bundle = folder / "bundle"
        assert run_action("est_templates", {"store_path": self.path, "templates": options(OLD)})["changed"]
        shutil.copytree(self.path, self._before)
        templates = [template(**entry) for entry in options(NEW)]
        self.bundle.write_bytes(write_bundle(Content.of(templates, secrets=True), PASSPHRASE, QUICK))

    def renew(self) -> None:
        shutil.rmtree(self.path)
        shutil.copytree(self._before, self.path)

    def work(self, kind: str, host: Host | None = None) -> dict[str, Any]:
        if kind == "an import":
            given = {"src": str(self.bundle), "passphrase": PASSPHRASE, "store_path": self.path}
            return run_action("est_template_import", given, host)
        given = {"templates": options(NEW), "rotate_key": kind == "a new sealing key", "store_path": self.path}
        return run_action("est_templates", given, host)

    def port(self) -> int:
        """The port of all templates, which their passwords belong to."""
        found = [read_template(self.path, name) for name in NAMES]
        ports = {fields["port"] for fields, _secrets in found}
        assert len(ports) == 1
        port = ports.pop()
        assert [secrets["password"] for _fields, secrets in found] == [f"password {port} of {name}" for name in NAMES]
        return int(port)


class CutHost(Host):
    """A host whose connection breaks at the n-th call of a module: before it, or when it has done its work."""

    def __init__(self, number: int, *, after: bool) -> None:
        super().__init__()
        self.left, self.after = number, after

    def execute_module(self, **options: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise AnsibleConnectionFailure("the connection broke")
        result = super().execute_module(**options)
        if self.left == 0:
            raise AnsibleConnectionFailure("the connection broke")
        return result


KINDS = ("a change", "a new sealing key", "an import")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_connection_leaves_the_old_or_the_new_store(
    kind: str, after: bool, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    store = Store(tmp_path)
    number, seen = 1, []
    while True:
        store.renew()
        host = CutHost(number, after=after)
        try:
            result = store.work(kind, host)
        except AnsibleConnectionFailure:  # ansible-core makes a result of it, which says that the host is unreachable
            count(f"{kind}, whole", "the connection cut after a call" if after else "the connection cut before a call")
            seen.append(store.port())
            number += 1
            again = store.work(kind)
            assert again["changed"] == (kind == "a new sealing key" or seen[-1] == OLD), again
            assert store.port() == NEW
            continue
        assert host.left > 0
        assert result["changed"]
        break
    calls = 3 if kind == "a new sealing key" else 2  # read, make the key, write
    assert seen == [OLD] * (calls - 1) + [NEW if after else OLD]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_run_that_is_killed_leaves_the_old_or_the_new_store(
    kind: str, tmp_path: Path, count: Callable[[str, str], None]
) -> None:
    store = Store(tmp_path)
    seen = []
    for ended in every_fault("killed", store.renew, lambda: store.work(kind)["changed"]):
        count(f"{kind}, whole", "killed")
        seen.append(store.port())
        assert not store.work(kind).get("failed"), ended
        assert store.port() == NEW
    assert seen == sorted(seen)
    assert {OLD, NEW} == set(seen)
