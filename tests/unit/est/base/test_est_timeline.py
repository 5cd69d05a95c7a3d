# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline tells how far an exchange came, and nothing that did not happen."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    Timeline,
    TransportError,
)


def test_stages_that_a_request_needs_come_before_it_and_are_not_counted_twice():
    timeline = Timeline()
    with timeline.stage("cacerts") as step:
        timeline.add("connect", True, 10_000.0, "127.0.0.1")
        step.detail = "2 certificates"
    assert [(entry["stage"], entry["ok"], entry["detail"]) for entry in timeline.as_list()] == [
        ("connect", True, "127.0.0.1"),
        ("cacerts", True, "2 certificates"),
    ]
    assert timeline.as_list()[1]["milliseconds"] == 0


def test_an_error_gets_the_stage_in_which_it_happened():
    timeline = Timeline()
    with pytest.raises(EstError) as caught, timeline.stage("enroll"):
        raise EstError("no luck")
    assert caught.value.stage == "enroll"
    assert timeline.as_list()[-1]["ok"] is False
    assert timeline.as_list()[-1]["detail"] == "no luck"


def test_a_stage_that_never_began_is_not_listed():
    timeline = Timeline()
    with pytest.raises(TransportError), timeline.stage("cacerts"):
        timeline.add("tls", False, 1.0, "wrong CA")
        raise TransportError("wrong CA", stage="tls")
    assert [entry["stage"] for entry in timeline.as_list()] == ["tls"]


def test_an_interruption_is_a_failed_stage():
    timeline = Timeline()
    with pytest.raises(KeyboardInterrupt), timeline.stage("save"):
        raise KeyboardInterrupt
    assert timeline.as_list()[0]["detail"] == "interrupted"
