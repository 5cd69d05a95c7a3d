# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test enrolment through each twin of the relay: what goes well, and the faults that the exchange host tells too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.enrolment import IDENTITY, template_for
from support.lab import LabServer
from support.server_faults import ANSWERS, FAULTS, patience
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import RelayConnector

MODULE = PLUGINS / "modules" / "est_relay.py"


def relayed(twin: Twin, folder: Path, template: Template, **options: Any) -> dict[str, Any]:
    """A test enrolment, whose connections are those of the twin."""

    def execute(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert name.endswith("est_relay")
        return twin.run(dict(arguments))

    prefix = "" if twin.kind == "python" else "win_"
    connector = RelayConnector(execute, lambda module: f"estfleet.cloud_extender.{prefix}{module}")
    files = TestFolder(str(folder), template.name, "test")
    return run_test(template, IDENTITY, TestOptions(**options), connector, files, Timeline())


@pytest.mark.parametrize("flags", [[], ["--authentication", "digest-sha256"], *ANSWERS], ids=" ".join)
def test_a_certificate_is_issued(twin: Twin, tmp_path: Path, flags: list[str]) -> None:
    with LabServer(*flags) as lab:
        outcome = relayed(twin, tmp_path, template_for(lab))
        assert [entry["status"] for entry in lab.enrolments][-1] in (200, 201)
    assert (outcome["status"], outcome["exchange"], outcome["server"]["trust"]) == ("issued", "relay", "explicit")
    assert outcome["server"]["tls_version"] in ("TLSv1.2", "TLSv1.3")
    assert [step["ok"] for step in outcome["timeline"]] == [True] * len(outcome["timeline"])


def test_the_first_contact_by_a_fingerprint(twin: Twin, tmp_path: Path) -> None:
    with LabServer() as lab:
        pinned = template_for(lab, ca_certificate=None, ca_fingerprint="ab" * 32)
        with pytest.raises(EstError) as caught:
            relayed(twin, tmp_path, pinned)
    assert (caught.value.code, caught.value.stage) == ("fingerprint_mismatch", "cacerts")


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_fault_is_told_the_same(twin: Twin, tmp_path: Path, name: str) -> None:
    flags, stage, code, received = FAULTS[name]
    limit = patience(flags)
    with LabServer(*flags) as lab, pytest.raises(EstError) as caught:
        relayed(twin, tmp_path, template_for(lab), timeout=limit, connect_timeout=limit)
    error = caught.value
    assert (error.stage, error.code, error.request_received) == (stage, code, received)
    assert error.hint
    assert "estpwd" not in f"{error.reason} {error.hint} {error.server_message}"
