# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a fleet: what is against it, and what a user accepts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

pytest.importorskip("ansible", reason="lookups need ansible-core, which needs a newer Python")

from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.estfleet.cloud_extender.plugins.lookup import est_verdict
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import count

IN_ORDER = {"hosts": 4, "ok": 4, **{number: 0 for _cause, number, _words in est_verdict.CAUSES}}
# The cause, the number of the report that tells of it, and the words of the verdict.
CAUSES = [
    ("failed", "failed", "hosts that failed: 3"),
    ("unreachable", "unreachable", "hosts that could not be reached: 3"),
    ("not_run", "not_run", "hosts that did not run, or that no report tells of: 3"),
    ("differing", "hosts_differing", "hosts that are not as declared: 3"),
    ("differing", "templates_differing", "templates on hosts that are not as declared: 3"),
    (
        "not_compared",
        "hosts_only_tested",
        "hosts whose templates were only tested, not compared with what is declared: 3",
    ),
    ("last_tests_failed", "last_tests_failed", "templates on hosts whose last test failed: 3"),
    ("pending", "last_tests_pending", "templates on hosts whose last test waits for approval: 3"),
    ("lost", "last_tests_with_losses", "test certificates that are not what was asked for: 3"),
    ("unproved", "templates_unproved", "templates on hosts without a proof of their present content: 3"),
    ("not_tried", "tests_not_tried", "tests that were left out: 3"),
    ("certificates_failed", "certificates_failed", "production certificates that could not be had: 3"),
    ("certificates_pending", "certificates_pending", "production certificates that wait for approval: 3"),
    ("certificates_lost", "certificates_with_losses", "production certificates that are not what was asked for: 3"),
    (
        "certificates_overdue",
        "certificates_overdue",
        "production certificates that are missing, or whose renewal is late: 3",
    ),
    ("certificates_expired", "certificates_expired", "production certificates that have expired: 3"),
]


def verdict(counts: dict[str, Any] | None, variables: dict[str, Any] | None = None) -> Any:
    loader = DataLoader()
    known = dict(variables or {})
    lookup = est_verdict.LookupModule(loader=loader, templar=Templar(loader=loader, variables=known))
    # ansible-core says what plugin it loaded; here it is loaded by hand.
    lookup.set_options = lambda **_options: None
    found = lookup.run([] if counts is None else [counts], variables=known)
    return found[0] if found else None


def test_every_cause_is_tested() -> None:
    assert [(cause, number) for cause, number, _words in CAUSES] == [entry[:2] for entry in est_verdict.CAUSES]


def test_the_numbers_are_those_of_a_report() -> None:
    counted = count([], datetime.now(timezone.utc))
    assert {number for _cause, number, _words in CAUSES} <= set(counted)
    assert verdict(counted)["against"] == ["the report has no host"]


def test_nothing_is_against_a_fleet_in_order() -> None:
    assert verdict({**IN_ORDER, "changed": 4, "templates_corrected": 9, "tests": 8, "test_certificates": 8}) == {
        "against": [],
        "accepted": [],
    }


@pytest.mark.parametrize(("cause", "number", "words"), CAUSES)
def test_each_cause_is_against_it_until_its_own_variable_accepts_it(cause: str, number: str, words: str) -> None:
    counts = {**IN_ORDER, number: 3}
    others = {f"est_awx_accept_{other}": True for other, _number, _words in CAUSES if other != cause}
    assert verdict(counts) == {"against": [words], "accepted": []}
    assert verdict(counts, {**others, "est_awx_accept_no_hosts": True}) == {"against": [words], "accepted": []}
    assert verdict(counts, {f"est_awx_accept_{cause}": False})["against"] == [words]
    assert verdict(counts, {f"est_awx_accept_{cause}": True}) == {"against": [], "accepted": [words]}


def test_no_host_is_no_fleet_in_order() -> None:
    nothing = {**IN_ORDER, "hosts": 0, "ok": 0}
    assert verdict(nothing)["against"] == ["the report has no host"]
    assert verdict(nothing, {"est_awx_accept_no_hosts": True})["accepted"] == ["the report has no host"]


def test_all_that_is_against_it_is_told() -> None:
    counts = {**IN_ORDER, **{number: 3 for _cause, number, _words in CAUSES}}
    found = verdict(counts, {"est_awx_accept_unreachable": True})
    assert found["accepted"] == ["hosts that could not be reached: 3"]
    assert [*found["against"], *found["accepted"]] == [
        *(words for cause, _number, words in CAUSES if cause != "unreachable"),
        "hosts that could not be reached: 3",
    ]


def test_a_report_without_the_numbers_gives_no_verdict() -> None:
    with pytest.raises(KeyError):
        verdict({"hosts": 4, "ok": 4})


@pytest.mark.parametrize(
    ("value", "accepts"), [("true", True), ("yes", True), ("false", False), (1, True), ("no", False)]
)
def test_values_of_surveys_and_of_extra_variables_are_taken(value: Any, accepts: bool) -> None:
    found = verdict({**IN_ORDER, "unreachable": 3}, {"est_awx_accept_unreachable": value})
    assert bool(found["accepted"]) == accepts


@pytest.mark.parametrize("value", ["", "maybe", 7, None, ["true"], {}])
def test_what_is_no_boolean_is_an_error(value: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="est_awx_accept_unreachable has to be true or false; it is"):
        verdict(None, {"est_awx_accept_unreachable": value})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("est_awx_accept_unreacheable", "Did you mean est_awx_accept_unreachable?"),
        ("est_awx_accept_tests_pending", "est_awx_accept_no_hosts"),
        ("est_awx_accept_", "there is no variable est_awx_accept_. There are"),
        ("est_awx_accept_everything", "there is no variable est_awx_accept_everything. There are"),
        ("est_awx_accept_all", "est_awx_accept_failed, est_awx_accept_unreachable, "),
    ],
)
def test_a_misspelt_variable_is_an_error(name: str, words: str) -> None:
    with pytest.raises(AnsibleLookupError) as raised:
        verdict(None, {name: True})
    assert words in str(raised.value)
    assert verdict(None, {"est_awx_organization": "Default", "unreachable": True}) is None
