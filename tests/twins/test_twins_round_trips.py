# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that a host gets for a change of its store, and for none: through the controller's store, by each twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.templates import template
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import look
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import Outcome, apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.program import read_answer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.quick_look import WINDOWS_STORE
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.store import HostStore
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_program import COMMAND

MODULE = PLUGINS / "modules" / "est_store_file.py"
MARK = "0123456789abcdef01234567"
NO_LISTS = "Linux has no access lists of this kind"


class Controller:
    """Applies templates on the host of a twin, and counts what that gets to do."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.folder = twin.folder / "est"
        self.calls: list[str] = []

    def apply(self, password: str | None = "password 1", *, check: bool = False, **options: Any) -> Outcome:
        made = [template(name=name, username="u", password=password) for name in ("Wi-Fi", "VPN")]
        present = tuple(Desired(one.as_fields(), one.secrets()) for one in made)
        store = HostStore(
            "module",
            self._execute,
            self.twin.path(self.folder),
            self._look,
            key_with_document=self.twin.kind == "python",
        )
        self.calls.clear()
        return apply_request(store, Request(present=options.pop("present", present), **options), check_mode=check)

    def _execute(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert module == "module"
        self.calls.append(f"{arguments['operation']}{' key' if arguments['operation'] == 'read' else ''}")
        result = self.twin.run(dict(arguments))
        if result.get("failed"):
            raise StoreError(result["msg"])
        return result

    def _look(self, store_path: str, pad: bytes | None) -> Any:
        if self.twin.kind == "python":
            self.calls.append("look")
            return look.quick_look(store_path, pad)
        if pad is not None:
            return None
        self.calls.append("look")
        return read_answer(self.twin.command(COMMAND, WINDOWS_STORE.text((store_path,), MARK).splitlines()), MARK)


@pytest.fixture
def controller(twin: Twin) -> Controller:
    return Controller(twin)


def test_each_change_costs_what_it_must_and_none_one_look(controller: Controller) -> None:
    fetched = [] if controller.twin.kind == "python" else ["read key"]
    assert controller.apply(check=True).plan.changed
    assert controller.calls == ["look"]
    assert controller.apply().plan.changed
    assert controller.calls == ["look", "make_key", "write"]
    for check in (False, True):
        assert not controller.apply(check=check).plan.changed
        assert controller.calls == ["look"]
    removed = controller.apply(present=(), absent=("vpn",))
    assert (removed.plan.changed, controller.calls) == (True, ["look", "write"])
    assert controller.apply().plan.changed
    assert controller.calls == ["look", *fetched, "write"]
    assert controller.apply("password 2").plan.changed
    assert controller.calls == ["look", *fetched, "write"]
    assert controller.apply("password 2", rotate_key=True).plan.rotate
    assert controller.calls == ["look", *fetched, "make_key", "write"]
    assert not controller.apply("password 2").plan.changed
    assert controller.calls == ["look"]


def test_drift_is_seen_by_the_look_and_put_right_by_one_write(controller: Controller) -> None:
    controller.apply()
    (controller.folder / ".templates.json.new").write_bytes(b"half")
    assert controller.apply().plan.problems == (".templates.json.new was left by a run that was killed while it wrote",)
    assert controller.calls[-1:] == ["write"]
    assert not controller.apply().plan.changed
    (controller.folder / "sealing.key").unlink()
    lost = controller.apply()
    assert len(lost.plan.problems) == 2
    assert controller.calls == ["look", "make_key", "write"]
    assert not controller.apply().plan.changed
    assert controller.calls == ["look"]


@pytest.mark.cannot_show(pwsh=NO_LISTS)
def test_access_of_others_is_seen_by_the_look_and_put_right_by_one_write(controller: Controller) -> None:
    controller.apply()
    controller.twin.folder.chmod(0o700)
    for name in ("templates.json", "sealing.key"):
        (controller.folder / name).chmod(0o644)
        (problem,) = controller.apply().plan.problems
        assert problem.startswith(name)
        assert controller.calls == ["look", "write"]
        assert not controller.apply().plan.changed
    controller.folder.chmod(0o777)
    with pytest.raises(StoreError, match=r"can write to (this|the) folder"):
        controller.apply()
