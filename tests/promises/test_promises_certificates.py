# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production certificates of the role: in the task and the report of the templates, and with one account no further."""

from __future__ import annotations

from typing import Any

import pytest


def declare(fleet: Any, lab: Any, **template: Any) -> None:
    """Declare a template, and two certificates of it."""
    fleet.variables["est_integration_templates"] = [lab.template("wifi", **template)]
    fleet.variables["est_integration_certificate_defaults"] = {
        "template": "wifi",
        "identity": {"domain": "example.com"},
    }
    fleet.variables["est_integration_certificates"] = [
        {
            "identity": {"user": user, "email": f"{user}@example.com"},
            "certificate_path": f"{fleet.folder}/{{{{ inventory_hostname }}}}-{user}.pem",
            "private_key_path": f"{fleet.folder}/{{{{ inventory_hostname }}}}-{user}.key",
        }
        for user in ("www", "db")
    ]


@pytest.mark.each_core
def test_certificates_are_had_once_and_told_with_the_templates(fleet, lab):
    declare(fleet, lab)
    done = fleet.run("drift")
    assert done.status == 0, done.output
    counts = fleet.report()["counts"]
    assert (counts["certificates_on_hosts"], counts["certificates_due"], counts["certificates_overdue"]) == (4, 4, 4)
    assert lab.news() == []
    assert fleet.run("configure", "--check").status == 0
    done = fleet.run("configure")
    assert done.status == 0, done.output
    assert len(lab.news()) == 4
    assert "production certificates: 4 issued, renewed or put right" in done.text
    done = fleet.run("configure")
    assert (done.status, done.changed(), len(lab.news())) == (0, {"ce1": 0, "ce2": 0}, 0)
    assert done.summary[0] == "2 hosts, 1 template, 4 production certificates: as declared, 2 not proved by a test"
    report = fleet.report()
    assert [entry["state"] for host in report["hosts"] for entry in host["certificates"]] == ["in_order"] * 4
    # A run that sees to certificates alone leaves what is known of the templates.
    (fleet.folder / "ce1-db.pem").unlink()
    done = fleet.run("renew")
    assert (done.status, done.changed(), len(lab.news())) == (0, {"ce1": 1, "ce2": 0}, 1), done.output
    report = fleet.report()
    assert report["counts"]["hosts_as_declared"] == 2
    assert [entry["state"] for entry in report["hosts"][0]["certificates"]] == ["in_order", "issued"]


@pytest.mark.each_core
def test_a_refused_account_and_a_bound_of_failures_stop_the_other_hosts(fleet, lab):
    declare(fleet, lab, password="canary-wrong")
    done = fleet.run("configure", "--forks", "1")
    assert done.status == 2
    assert len(lab.news()) == 1, "one host, and one certificate of it, has tried the account"
    counts = fleet.report()["counts"]
    assert counts["certificates_failed"] + counts["certificates_due"] == 4
    assert "(HTTP 401)" in done.text
    assert "canary-wrong" not in done.output
    # Another account for each certificate: no refusal of one stops the other, and the bound does.
    del fleet.variables["est_integration_certificate_defaults"]
    for number, entry in enumerate(fleet.variables["est_integration_certificates"]):
        inline = lab.template("wifi", username=f"nobody{number}-{{{{ inventory_hostname }}}}")
        entry.update(inline=inline, identity={**entry["identity"], "domain": "example.com"})
    fleet.variables["est_integration_certificates_max_failures"] = 1
    done = fleet.run("renew", "--forks", "1")
    assert done.status == 2
    assert len(lab.news()) == 2
    assert (
        "2 certificates could not be had in this run, more than est_integration_certificates_max_failures" in done.text
    )
    assert [entry["status"] for entry in fleet.report()["hosts"][1]["certificates"]] == ["not_tried", "not_tried"]
