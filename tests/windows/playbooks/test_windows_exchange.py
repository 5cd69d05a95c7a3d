# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges with an EST server that a Windows-like host does not trust, through the host, beside a POSIX host."""

from __future__ import annotations

import uuid
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from support.lab import PASSWORD, USERNAME, LabServer
from windows.playbooks.plays import COLLECTION, Plays, script, task

IDENTITY = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}


def test_an_approval_is_waited_for_with_the_key_that_stays_on_the_host(newest_plays: Plays) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as lab:
        inline = {"name": "Wi-Fi", "server": lab.url, "username": USERNAME, "password": PASSWORD}
        inline.update(ca_certificate=lab.ca_pem, key_type="ec")
        enroll = task("est_test_enroll", inline=inline, identity=IDENTITY)
        wait = task("est_test_enroll", inline=inline, identity=IDENTITY, wait_timeout=60)
        refused = task("est_test_enroll", inline={**inline, "password": "canary-no"}, identity=IDENTITY)
        steps = [{**enroll, "name": "ask"}, {**wait, "name": "wait"}, {**refused, "name": "refused"}]
        done = newest_plays.run(steps, "-vvvvv")
        statuses = [entry["status"] for entry in lab.enrolments]
    assert sorted(statuses) == [200, 200, 202, 202, 401, 401], "one of each for each host"
    for step in ("ask", "wait", "refused"):
        told = [done.of(host, step) for host in ("windows", "posix")]
        for key in ("status", "stage", "reason", "error_code", "http_status", "requested", "lost", "substitutions"):
            assert told[0].get(key) == told[1].get(key), (step, key)
    asked, issued = done.of("windows", "ask"), done.of("windows", "wait")
    assert (asked["status"], issued["status"], issued["exchange"]) == ("pending", "issued", "relay")
    assert done.of("windows", "refused")["error_code"] == "authentication_failed"
    tests = newest_plays.store("windows") / "tests" / "Wi-Fi"
    assert asked["private_key_path"] == newest_plays.host.path(tests / "test+pending" / "private_key.pem")
    assert [path.name for path in tests.iterdir() if path.is_dir()] == ["test"]
    key = load_pem_private_key((tests / "test" / "private_key.pem").read_bytes(), None)
    assert load_pem_x509_certificate(issued["certificate"]["pem"].encode("ascii")).public_key() == key.public_key()
    for secret in (PASSWORD, "canary", "PRIVATE KEY", (tests / "test" / "private_key.pem").read_text().split("\n")[1]):
        assert secret not in done.run.output


HELD = """
$store = [Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
$store.Open('ReadOnly')
$store.Certificates | Where-Object FriendlyName -like 'web-NAME-est-*' | ForEach-Object Thumbprint
"""


def test_the_playbook_renew_keeps_a_certificate_with_a_key_that_the_host_makes(
    newest_plays: Plays, lab: LabServer
) -> None:
    name = f"portal-{uuid.uuid4().hex[:8]}"  # Wine removes no certificate
    inline = {"name": "web", "server": lab.url, "username": USERNAME, "password": PASSWORD, "key_type": "rsa"}
    wanted = {
        "inline": {**inline, "ca_certificate": lab.ca_pem},
        "identity": IDENTITY,
        "certificate_name": name,
        "key_provider": "csp",
        "reload": ["Spooler"],  # which does not run in Wine
    }
    second = {**wanted, "certificate_name": f"{name}-b"}
    extra = {
        "est_integration_hosts": "windows_hosts",
        "est_integration_store_path": "{{ est_store }}",
        "est_integration_certificates": [wanted, second],
    }

    def renew(*options: str) -> tuple[list[dict[str, Any]], list[str]]:
        done = newest_plays.run(f"{COLLECTION}.renew", *options, "-vvvvv", extra=extra)
        assert done.run.status == 0, done.run.output
        for secret in (PASSWORD, "PRIVATE KEY"):
            assert secret not in done.run.output
        task = f"{COLLECTION}.est_integration : Keep the certificate templates as declared"
        return done.of("windows", task)["certificates"], done.calls["windows"]

    would, calls = renew("--check")
    assert [(one["changed"], one["status"]) for one in would] == [(True, "not_asked")] * 2
    assert calls == ["module"], "one look at both"
    enrolled, calls = renew()
    told = [(one["action"], one["exchange"], one["reloaded"]) for one in enrolled]
    assert told == [("enrolled", "relay", ["Spooler"])] * 2
    # The role looks first, so that an account is tried by one host alone. Then come six calls for the first, four for
    # the second, and one for the service.
    assert calls == ["module"] * (1 + 6 + 4 + 1)
    again, calls = renew()
    assert [(one["changed"], one["status"], one["reloaded"]) for one in again] == [(False, "unchanged", [])] * 2
    assert calls == ["module"]
    thumbprints = [one["certificate"]["thumbprint"] for one in enrolled]
    assert [one["certificate"]["thumbprint"] for one in again] == thumbprints
    held = newest_plays.run(script("held", windows=HELD.replace("NAME", f"{name}*")), hosts="windows")
    assert sorted(held.of("windows", "held")["stdout"].split()) == sorted(thumbprints)
