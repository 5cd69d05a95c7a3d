# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up fleets, for tests of the fleet report and of its page."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import make_document, utc
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
RUN = {
    "play": "Configure the EST templates",
    "started_at": "2026-11-22T11:55:00Z",
    "check_mode": False,
    "limit": "",
    "job": "",
    "ansible_version": "2.19.14",
}
NAMES = ("wifi", "mail", "vpn", "802.1X wired", "printers", "kiosk", "scanner", "field tablets")


def issued(template: str, *, days: int = 100, lost: tuple[str, ...] = (), minutes: int = 5) -> dict[str, Any]:
    """A result of est_test_enroll."""
    return {
        "status": "issued",
        "template": template,
        "exchange": "host",
        "changed": True,
        "lost": list(lost),
        "certificate": {
            "path": f"/var/lib/cloud_extender/est/tests/{template}/test/certificate.pem",
            "pem": "-----BEGIN CERTIFICATE-----",
            "subject": "/CN=jdoe",
            "issuer": "/CN=Example EST CA",
            "serial_number": "01F4",
            "not_before": utc(NOW),
            "not_after": utc(NOW + timedelta(days=days, minutes=minutes)),
            "fingerprint_sha256": "AA:" * 31 + "AA",
            "public_key_type": "RSA",
            "public_key_size": 2048,
        },
        "timeline": [{"stage": "tls", "ok": True, "milliseconds": 12.5}],
    }


def refused(template: str, message: str = "This operation wants a user name and a password") -> dict[str, Any]:
    """A result of est_test_enroll for a wrong password."""
    return {
        "failed": True,
        "template": template,
        "stage": "enroll",
        "reason": "the server refused the user name or the password (HTTP 401)",
        "hint": "Check username and password of the template.",
        "request_received": "received",
        "http_status": 401,
        "server_message": message,
        "exchange": "host",
        "msg": "The EST test failed.",
        "timeline": [],
    }


def kept(path: str, *, days: int = 100, status: str = "unchanged", **more: Any) -> dict[str, Any]:
    """An entry of the result of est_certificates."""
    found = issued("web", days=days, minutes=0)["certificate"]
    return {
        "status": status,
        "action": "none" if status == "unchanged" else "renewed",
        "template": "web",
        "certificate_path": path,
        "certificate": found,
        "renew_at": utc(NOW + timedelta(days=days - 14)),
        "reason": "the certificate is valid",
        "server": {"url": "https://est.example.com:8443/.well-known/est"},
        "lost": [],
        "differs": [],
        "timeline": [],
        **more,
    }


def not_had(path: str, **more: Any) -> dict[str, Any]:
    """An entry of the result of est_certificates for one that could not be had."""
    return {**refused("web"), "status": "failed", "certificate_path": path, "server": "https://est.example.com", **more}


def entry(name: str, action: str = "unchanged", **more: Any) -> dict[str, Any]:
    """An entry of the result of est_templates."""
    return {"name": name, "action": action, "changed_fields": ["port"] if action == "updated" else [], **more}


def record(
    name: str,
    *entries: dict[str, Any],
    tests: tuple[dict[str, Any], ...] = (),
    certificates: tuple[dict[str, Any], ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """The entry of a host that was looked at."""
    result = {
        "changed": any(each["action"] != "unchanged" for each in entries),
        "store_path": "/var/lib/cloud_extender/est",
        "templates": list(entries),
        "store_problems": more.pop("store_problems", []),
        "undeclared": more.pop("undeclared", []),
        "tests": list(tests),
        **({"certificates": list(certificates)} if certificates else {}),
    }
    more.setdefault("state", "failed" if any(test.get("failed") for test in tests) else "ok")
    return host_record(name, result=result, started_at="2026-11-22T11:56:00Z", seconds=0.5, **more)


def small_fleet() -> dict[str, Any]:
    """Hosts in every state, with few templates."""
    wifi, mail, vpn = (entry(name) for name in NAMES[:3])
    tests = (issued("wifi"), issued("mail", days=10, lost=("subject_alternative_name UPN:jdoe@example.com",)))
    writer = {"name": "cluster_a", "writer": "ce-6", "writes": True}
    member = {**writer, "writes": False}
    updated = entry("vpn", "updated", summary=["port is 443, not 8443"])
    records = [
        record("ce-1", wifi, mail, vpn, tests=(*tests, issued("vpn", days=400))),
        record(
            "ce-2",
            wifi,
            mail,
            updated,
            tests=(issued("wifi", days=-3),),
            store_problems=["templates.json has mode 0644, not 0600"],
        ),
        record("ce-10", wifi, mail, vpn, tests=(refused("wifi"), *tests[1:]), message="1 of 2 tests failed."),
        host_record("ce-4", state="unreachable", message="ssh: connect to host ce-4: timed out", declared=NAMES[:3]),
        host_record("ce-5", state="failed", message="cannot write the template store: no space", declared=NAMES[:3]),
        record("ce-6", wifi, mail, vpn, cluster=writer),
        record("ce-7", wifi, entry("mail", "created"), vpn, cluster=member, mode="report"),
        host_record("ce-8", state="not_run", message="its turn had not come", mode="report"),
        record("ce-9", wifi, mail, vpn, tests=({"status": "pending", "template": "vpn", "timeline": []},)),
    ]
    return make_document(records, [RUN], now=NOW)


def certified_fleet() -> dict[str, Any]:
    """Hosts with production certificates in every state."""
    wifi = entry("wifi")
    lost = kept("/etc/ssl/lost.pem", lost=["subject emailAddress=x@example.com"])
    accepted = kept("/etc/ssl/accepted.pem", lost=["subject O=Example"], accepted_lost=["subject O=Example"])
    waits = {"status": "pending", "action": "enrolled", "template": "web", "certificate_path": "/etc/ssl/new.pem"}
    old = {"status": "not_asked", "action": "renewed", "reason": "the renewal period of 14 days has begun"}
    records = [
        record("ce-1", wifi, certificates=(kept("/etc/ssl/www.pem"), kept("/etc/ssl/db.pem", status="issued"))),
        record(
            "ce-2", wifi, certificates=(not_had("/etc/ssl/www.pem"), not_had("/etc/ssl/db.pem", status="not_tried"))
        ),
        record("ce-3", wifi, certificates=(lost, accepted, {**waits, "timeline": []})),
        record("ce-4", certificates=(kept("/etc/ssl/old.pem", days=-2, **old),), mode="report"),
        host_record(
            "ce-5", state="unreachable", message="timed out", certificates=[{"certificate_path": "/etc/ssl/www.pem"}]
        ),
    ]
    return make_document(records, [RUN], now=NOW)


def large_fleet(hosts: int, templates: int, *, unique: bool = False) -> dict[str, Any]:
    """Many hosts, of which some have something wrong; with ``unique`` every test failed with words of its own."""
    chance = random.Random(hosts * templates)
    names = [*NAMES, *(f"template {number:02d}" for number in range(len(NAMES), templates))][:templates]
    records = []
    for number in range(hosts):
        name = f"ce-{('ber', 'par', 'nyc', 'sfo')[number % 4]}-{number:04d}.example.com"
        address = f"10.0.{number // 250}.{number % 250}"
        if chance.random() < 0.02:
            words = (
                f"Failed to connect to the host via ssh: ssh: connect to host {address} port 22: Connection timed out"
            )
            records.append(host_record(name, state="unreachable", message=words, declared=names, address=address))
            continue
        entries, tests = [], []
        for each in names:
            drifted = chance.random() < 0.01
            entries.append(entry(each, "updated", summary=["port is 443, not 8443"]) if drifted else entry(each))
            if unique:
                tests.append(refused(each, f"Request {chance.getrandbits(256):064x} was refused: " + "why " * 40))
            elif chance.random() < 0.004:
                tests.append(refused(each))
            else:
                tests.append(
                    issued(each, days=chance.choice((-2, 5, 20, 80, 160, 360)), minutes=chance.randrange(1440))
                )
        records.append(record(name, *entries, tests=tuple(tests), address=address))
    return make_document(records, [RUN], now=NOW)


LONG_NAMES = (
    "wifi",
    "Corporate wireless for laptops of all employees, 802.1X EAP-TLS, user certificate",
    "mail S/MIME",
    "a-name-without-any-space-that-is-as-long-as-an-administrator-may-make-it_2026-11",
    "vpn",
)


def full_fleet(hosts: int = 25, templates: int = 20) -> dict[str, Any]:
    """Hosts of every standing, templates in every state and with long names; two hosts are told from an earlier run."""
    names = [*LONG_NAMES, *(f"template {number:02d} of site Berlin" for number in range(len(LONG_NAMES), templates))]
    names = names[:templates]
    records = [_full_host(number, names) for number in range(hosts)]
    return make_document(records, [{**RUN, "limit": "ce_berlin:!ce-24*"}], now=NOW)


def _full_host(number: int, names: list[str]) -> dict[str, Any]:
    name = f"ce-ber-{number:04d}.example.com"
    entries = [entry(each) for each in names]
    if number == 3:
        return host_record(name, state="unreachable", message=f"ssh: connect to host {name}: timed out", declared=names)
    if number == 4:
        return host_record(name, state="failed", message="cannot write the template store: no space", declared=names)
    if number == 5:
        return host_record(name, state="not_run", message="its turn had not come", declared=names)
    if number == 6:
        entries[1] = entry(names[1], "updated", summary=["port is 443, not 8443"])
        found = record(name, *entries, mode="report", store_problems=["templates.json has mode 0644, not 0600"])
        found["templates"][1]["proved"] = False
        return found
    if number == 7:
        entries[1] = entry(names[1], "updated", summary=["port is 443, not 8443"])
        return record(name, *entries, store_problems=["templates.json has mode 0644, not 0600"])
    tests = tuple(issued(each, days=(number * 20 + at) % 130 - 3) for at, each in enumerate(names))
    if number == 8:
        return host_record(name, state="ok", result={"tests": tests}, started_at="2026-11-22T11:56:00Z")
    if number == 9:
        return host_record(name, state="ok", result={"templates": [], "declared": False})
    found = record(name, *entries, tests=tests)
    _mark(found, number)
    return found


def _mark(host: dict[str, Any], number: int) -> None:
    """Give some templates of a host the states that a result alone does not give them."""
    told = host["templates"]
    for each in told:
        each["proved"] = True
    if 10 <= number < 20:
        told[0]["test"] = {
            **TOLD_REFUSAL,
            "account": "the account 'svc-est'",
            "at": host["started_at"],
            "this_run": True,
        }
        told[0].update(state="test_failed", proved=False)
        told[1]["test"] = {
            **TOLD_LEFT_OUT,
            "account": "the account 'svc-est'",
            "at": host["started_at"],
            "this_run": True,
        }
        told[1].update(state="unproved", proved=False)
        host.update(state="failed", message="1 of 20 tests failed, 1 was not tried")
    if number == 20:
        told[2]["test"]["lost"] = ["subject emailAddress", "subject_alternative_name UPN:jdoe@example.com"]
        told[2]["test"]["accepted_lost"] = ["subject emailAddress"]
        told[2]["state"] = "lost"
        told[3]["test"]["differs"] = ["the certificate has the key RSA 2048, not EC P-256"]
        told[3]["state"] = "lost"
        told[4]["test"]["lost"] = told[4]["test"]["accepted_lost"] = ["subject emailAddress"]
    if number == 21:
        told[0]["test"]["made_up"] = ["email", "imei"]
        told[1].update(state="pending", proved=False, test={**told[1]["test"], "status": "pending"})
        del told[1]["test"]["not_after"]
        told[2].update(state="unproved", proved=False, test=None)
    if number >= 23:
        days = 2 if number == 23 else 0
        host.update(kept=True, started_at=utc(NOW - timedelta(days=days, hours=3)))
        for each in told:
            each["test"]["this_run"] = False


TOLD_REFUSAL = {
    "status": "failed",
    "stage": "enroll",
    "reason": "the server refused the user name or the password (HTTP 401)",
    "hint": "Check username and password of the template.",
    "request_received": "received",
    "http_status": 401,
    "server_message": "This operation wants a user name and a password",
    "server": "https://est.example.com:8443",
    "label": "",
}
TOLD_LEFT_OUT = {
    "status": "not_tried",
    "stage": "enroll",
    "http_status": 401,
    "reason": "account 'svc-est' was refused at https://est.example.com:8443 before in this run",
    "server": "https://est.example.com:8443",
    "label": "",
}
