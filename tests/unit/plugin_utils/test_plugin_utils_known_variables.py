# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable whose name is nearly one of ours is an error; helpers of the user's are let be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ansible")

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import OptionError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.variables import (
    KNOWN,
    check_names,
    nearest,
    without_effect,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("est_integration_template", "est_integration_templates"),
        ("est_integration_templatess", "est_integration_templates"),
        ("est_integraton_templates", "est_integration_templates"),
        ("est_integration_test_polcy", "est_integration_test_policy"),
        ("est_integration_tests", "est_integration_test"),
        ("est_integration_Purge", "est_integration_purge"),
        ("EST_INTEGRATION_PURGE", "est_integration_purge"),
        ("est_integration_templates_", "est_integration_templates"),
        ("est-integration-templates", "est_integration_templates"),
        ("est_integration_certificate", "est_integration_certificates"),
        ("est_integration_rotate_key_after_day", "est_integration_rotate_key_after_days"),
        ("est_integration_host", "est_integration_hosts"),
        ("est_diagnostics_dst", "est_diagnostics_dest"),
        ("est_awx_accept_unreachabel", "est_awx_accept_unreachable"),
    ],
)
def test_what_is_nearly_known_is_an_error_that_names_both(name, meant):
    assert nearest(name) == meant
    with pytest.raises(OptionError, match=rf"{name} \(did you mean {meant}\?\)"):
        check_names(["ansible_host", name])


@pytest.mark.parametrize(
    "name",
    [
        "est_integration_templates_site",
        "est_integration_templates_x",
        "est_integration_templates2",
        "est_integration_defaults",
        "est_password",
        "est_templates",
        "est_server",
        "my_integration_templates",
        "integration_test",
        "test_integration_hosts",
        "ext_integration_result",
        "establishment",
    ],
)
def test_helpers_of_the_users_are_let_be(name):
    check_names([name])


@pytest.mark.parametrize(
    ("asked", "play", "warns"),
    [
        (None, ["cloud_extenders"], False),
        ("site_a", ["cloud_extenders"], True),
        (["site_a"], ["cloud_extenders"], True),
        ("site_a:&up", ["site_a", "&up"], False),
        ("a,b", ["a", "b"], False),
        (["a", "b"], ["a", "b"], False),
        ("{{ group }}", ["site_a"], False),
    ],
)
def test_a_choice_of_hosts_without_effect_is_told(asked, play, warns):
    assert bool(without_effect({"est_integration_hosts": asked}, play)) == warns


def test_every_variable_of_roles_and_playbooks_is_known_and_none_is_near_another():
    check_names(KNOWN)
    sources = [
        *(ROOT / "playbooks").glob("*.yml"),
        *(ROOT / "extensions").rglob("*.yml"),
        *(ROOT / "roles").rglob("*.yml"),
    ]
    used = set()
    for path in sources:
        text = re.sub(r"(?m)^\s*#.*$", "", path.read_text(encoding="utf-8"))
        for name in re.findall(r"(?<![\w./-])est_(?:integration|diagnostics|awx|eda|lab_server)_\w+", text):
            used.add(name)
    of_others = {"est_integration_target", "est_eda_token"} - KNOWN
    assert {name for name in used if "__" not in name} - KNOWN - of_others == set()
