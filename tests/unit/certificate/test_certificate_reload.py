# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are reloaded after a change, and after a run that died before it did so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.lab import LabServer
from support.production import asked_for, holder_of, keep, posts, quick_look, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import services
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


class Host:
    """A host with programs of its own in place of systemctl and service, which note what they are called with."""

    def __init__(self, lab: LabServer, folder: Path, monkeypatch: pytest.MonkeyPatch, *, systemd: bool) -> None:
        self.lab, self.folder = lab, folder / "files"
        self.log, self.programs = folder / "log", folder / "programs"
        self.folder.mkdir()
        self.programs.mkdir()
        monkeypatch.setattr(services, "_PATH", f"{self.programs}:/usr/bin:/bin")
        monkeypatch.setattr(services, "_SYSTEMD", str(folder if systemd else folder / "none"))
        for name in ("systemctl", "service"):
            self.let(name, "exit 0")

    def let(self, name: str, does: str) -> None:
        program = self.programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.log}\n{does}\n')
        program.chmod(0o755)

    def keep(self, *names: str, **options: Any) -> dict[str, Any]:
        """What the module does: the certificate, and then the services."""
        template = template_for(self.lab)
        options["reload"] = list(names) or None
        outcome = keep(self.folder, template, **options)
        asked = asked_for(self.folder, template, **options)
        holder = holder_of(asked)
        holder.read()
        reloaded = holder.reload(services.Services(), changed=outcome["changed"])
        return {**outcome, "reloaded": list(reloaded)}

    def quick(self, *names: str) -> dict[str, Any] | None:
        template = template_for(self.lab)
        return quick_look(template, asked_for(self.folder, template, reload=list(names)))

    def called(self) -> list[str]:
        """What was called since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    @property
    def owed(self) -> list[str]:
        return json.loads((self.folder / ".host.pem.est-note").read_text()).get("reload", [])


@pytest.fixture(params=[True, False], ids=["systemd", "SysV"])
def host(request: pytest.FixtureRequest, lab: LabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(lab, tmp_path, monkeypatch, systemd=request.param)


def commands(host: Host, name: str) -> list[str]:
    if str(host.folder.parent) == services._SYSTEMD:
        return [f"systemctl try-reload-or-restart -- {name}"]
    return [f"service {name} status", f"service {name} reload"]


def test_services_are_reloaded_when_something_has_changed_and_only_then(host: Host) -> None:
    assert host.keep("web", "mail", "web", check=True)["reloaded"] == ["web", "mail"]
    assert host.called() == []
    assert host.keep("web", "mail", "web")["reloaded"] == ["web", "mail"]
    assert host.called() == [*commands(host, "web"), *commands(host, "mail")]
    assert host.owed == []
    again = host.keep("web", "mail")
    assert (again["status"], again["reloaded"], host.called()) == ("unchanged", [], [])
    assert host.quick("web", "mail") is not None
    chain = {"fullchain_path": str(host.folder / "fullchain.pem")}
    found = host.keep("web", **chain)
    assert (found["status"], found["reloaded"], host.called()) == ("recovered", ["web"], commands(host, "web"))


def test_a_reload_that_is_owed_is_made_by_the_next_run(host: Host) -> None:
    for name in ("systemctl", "service"):
        host.let(name, 'case "$*" in *status) exit 0;; esac; echo "no such thing"; exit 5')
    with pytest.raises(EstError) as caught:
        host.keep("web", "mail")
    error = caught.value
    assert (error.code, error.stage) == ("not_reloaded", "save")
    for name in ("web", "mail"):
        assert f"{name}: {commands(host, name)[-1]} ended with status 5: no such thing" in error.reason
    assert host.owed == ["web", "mail"]
    assert host.quick("web", "mail") is None
    before = posts(host.lab)
    said = host.keep("web", "mail", check=True)
    assert (said["status"], said["reloaded"]) == ("recovered", ["web", "mail"])
    for name in ("systemctl", "service"):
        host.let(name, "exit 0")
    host.called()
    # One that is not named any more is not told.
    found = host.keep("mail")
    assert (found["status"], found["changed"], found["reloaded"]) == ("recovered", True, ["mail"])
    assert "an earlier run had not reloaded mail" in found["reason"]
    assert host.called() == commands(host, "mail")
    assert posts(host.lab) == before
    assert host.quick("mail") is not None


def test_a_service_that_does_not_run_stays_so(host: Host) -> None:
    host.let("service", 'case "$*" in *status) exit 3;; esac; exit 1')
    assert host.keep("web")["reloaded"] == ["web"]
    assert len(host.called()) == 1


def test_what_does_not_answer_or_is_not_there_is_told(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "_TIMEOUT", 0.1)
    for name in ("systemctl", "service"):
        host.let(name, "exec sleep 60")
    with pytest.raises(EstError, match="has not ended after 0 seconds"):
        services.Services().reload(["web"])
    monkeypatch.setattr(services, "_PATH", str(tmp_path))
    with pytest.raises(EstError, match=r"there is no program (systemctl|service) on this host"):
        services.Services().reload(["web"])
    assert os.listdir(host.folder) == []


@pytest.mark.parametrize("name", ["--now", "", "a b", "a/b", "a\nb", "x" * 129])
def test_what_is_no_name_of_a_service_is_refused(lab, name: str) -> None:
    with pytest.raises(TemplateError, match="reload"):
        asked_for("/x", template_for(lab), reload=[name])
