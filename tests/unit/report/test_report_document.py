# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of a fleet report: as its schema says, counted, merged, and read back only where it is one."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta

import fastjsonschema
import pytest
from support.fleet_reports import (
    NOW,
    RUN,
    certified_fleet,
    entry,
    issued,
    kept,
    large_fleet,
    record,
    refused,
    small_fleet,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.compact import compact
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.counts import (
    CERTIFICATE_STATES,
    COMPARISONS,
    HOST_STATES,
    MOST_NAMED,
    TEMPLATE_STATES,
    ReportError,
    count,
    days_left,
    named_hosts,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import (
    keep_others,
    make_document,
    merge_documents,
    parse_document,
    serialise,
    utc,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.merging import merge_files
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.summary import summary_lines

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


@pytest.fixture(scope="module")
def schema():
    with open(os.path.join(ROOT, "docs", "report.schema.json"), encoding="utf-8") as file:
        return json.load(file)


def closed(part):
    """The schema with no key allowed that it does not describe: readers shall find all of them in it."""
    if isinstance(part, dict):
        part = {key: closed(value) for key, value in part.items()}
        if "properties" in part and "type" in part:
            part["additionalProperties"] = False
    return part


@pytest.mark.parametrize(
    "document", [small_fleet(), certified_fleet(), large_fleet(20, 3), make_document([], [], now=NOW)]
)
def test_a_report_is_as_the_schema_says(document, schema):
    fastjsonschema.compile(closed(schema))(json.loads(serialise(document)))


def test_the_schema_knows_the_states(schema):
    assert set(schema["definitions"]["host"]["properties"]["state"]["enum"]) == set(HOST_STATES)
    assert set(schema["definitions"]["template"]["properties"]["state"]["enum"]) == set(TEMPLATE_STATES)
    assert set(schema["definitions"]["certificate"]["properties"]["state"]["enum"]) == set(CERTIFICATE_STATES)
    with open(os.path.join(ROOT, "docs", "report.md"), encoding="utf-8") as file:
        page = file.read()
    assert [state for state in (*TEMPLATE_STATES, *CERTIFICATE_STATES) if f"\n| `{state}` |" not in page] == []


def test_every_count_is_described_and_with_the_same_words_wherever_it_is(schema):
    yaml = pytest.importorskip("yaml", reason="it comes with ansible-core")
    with open(os.path.join(ROOT, "plugins", "modules", "est_fleet_report.py"), encoding="utf-8") as file:
        returned = yaml.safe_load(re.search(r'RETURN = r"""\n(.*?)"""', file.read(), re.DOTALL)[1])
    with open(os.path.join(ROOT, "docs", "report.md"), encoding="utf-8") as file:
        page = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", file.read().split("\n## Counts\n")[1], re.MULTILINE))

    def words(text):
        """Without what the markup of Ansible and that of Markdown add to a text."""
        text = " ".join(text) if isinstance(text, list) else text
        text = re.sub(r"RV\(counts\.(\w+)\)", r"\1", text)
        return re.sub(r"C\(([^)]*)\)", r"\1", text).replace("`", "").rstrip(".").lower()

    documented = {name: words(entry["description"]) for name, entry in returned["counts"]["contains"].items()}
    assert set(documented) == set(count([], NOW))
    described = schema["properties"]["counts"]
    assert {name: words(entry["description"]) for name, entry in described["properties"].items()} == documented
    assert set(described["required"]) == set(documented)
    assert {name: words(text) for name, text in page.items()} == documented


def test_what_is_counted():
    assert small_fleet()["counts"] == {
        "hosts": 9,
        "ok": 5,
        "failed": 2,
        "unreachable": 1,
        "not_run": 1,
        "hosts_as_declared": 4,
        "hosts_corrected": 1,
        "hosts_differing": 1,
        "hosts_not_compared": 0,
        "hosts_not_looked_at": 3,
        "hosts_kept": 0,
        "changed": 2,
        "drifted": 2,
        "templates": 3,
        "templates_on_hosts": 24,
        "state_in_order": 12,
        "state_corrected": 1,
        "state_unproved": 0,
        "state_pending": 1,
        "state_unknown": 6,
        "state_lost": 2,
        "state_differs": 1,
        "state_test_failed": 1,
        "templates_corrected": 1,
        "templates_differing": 1,
        "templates_unproved": 0,
        "last_tests_pending": 1,
        "templates_switched_off": 0,
        "hosts_only_tested": 0,
        "tests": 7,
        "tests_issued": 5,
        "tests_pending": 1,
        "tests_failed": 1,
        "tests_not_tried": 0,
        "tests_not_asked": 0,
        "tests_made_up": 0,
        "last_tests_failed": 1,
        "last_tests_with_losses": 2,
        "last_tests_with_accepted_losses": 0,
        "test_certificates": 5,
        "test_certificates_expired": 1,
        "test_certificates_ending_soon": 2,
        **dict.fromkeys((name for name in small_fleet()["counts"] if name.startswith("certificates")), 0),
    }


def test_hosts_are_named_for_what_can_be_done_about_them():
    # ce-2 has a wrong mode, which the run puts right; ce-7 differs, and ce-6 is the one that is written for it.
    assert named_hosts(small_fleet()["hosts"]) == {
        "hosts_to_correct": ["ce-10", "ce-6", "ce-7", "ce-9"],
        "hosts_to_renew": [],
        "hosts_to_diagnose": ["ce-10", "ce-5", "ce-4"],
    }


@pytest.mark.parametrize(
    ("state", "entries", "tests", "named"),
    [
        ("ok", [entry("wifi")], (issued("wifi"),), False),
        ("ok", [entry("wifi", proved=False)], (), True),
        ("ok", [entry("wifi", "updated")], (), True),
        ("ok", [entry("wifi")], (issued("wifi", lost=("subject_alternative_name UPN:jdoe@example.com",)),), False),
        ("ok", [entry("wifi")], ({"status": "pending", "template": "wifi", "timeline": []},), True),
        ("failed", [entry("wifi")], (refused("wifi"),), True),
        ("unreachable", [], (), False),
        ("not_run", [], (), False),
    ],
)
def test_a_host_is_named_for_correction_where_a_correction_can_help(state, entries, tests, named):
    host = record("ce1", *entries, tests=tests, state=state, mode="report")
    assert named_hosts([host])["hosts_to_correct"] == ["ce1"] * named
    assert named_hosts([host])["hosts_to_diagnose"] == ["ce1"] * (state in ("failed", "unreachable"))


@pytest.mark.parametrize(
    "name",
    ["~ce", "!ce1", "&ce1", "ce*", "ce1,ce2", "ce1:ce2", "ce[1:3]", "@file", "-ce1", "ce 1", "ce1\n", "", "{{x}}"],
)
def test_no_name_is_given_that_a_limit_would_read_as_a_pattern(name):
    hosts = [record(other, entry("wifi", "updated"), mode="report") for other in (name, "ce1.example.com")]
    assert named_hosts(hosts)["hosts_to_correct"] == ["ce1.example.com"]


def test_not_more_hosts_are_named_than_a_reaction_may_have():
    hosts = [record(f"ce{number}", state="failed") for number in range(3 * MOST_NAMED)]
    assert named_hosts(hosts)["hosts_to_diagnose"] == [f"ce{number}" for number in range(MOST_NAMED)]


@pytest.mark.parametrize("document", [small_fleet(), large_fleet(60, 5), make_document([], [], now=NOW)])
def test_the_numbers_add_up(document):
    counts = document["counts"]
    assert sum(counts[f"hosts_{name}"] for name in COMPARISONS) == counts["hosts"]
    assert sum(counts[name] for name in HOST_STATES) == counts["hosts"]
    assert sum(counts[f"state_{name}"] for name in TEMPLATE_STATES) == counts["templates_on_hosts"]
    outcomes = ("issued", "pending", "failed", "not_tried", "not_asked")
    assert sum(counts[f"tests_{name}"] for name in outcomes) == counts["tests"]


def test_a_run_that_only_tests_compares_nothing():
    host = host_record("h", state="ok", result={"tests": [issued("a")], "switched_off": ["b"]})
    counts = make_document([host], [RUN], now=NOW)["counts"]
    assert [counts[f"hosts_{name}"] for name in COMPARISONS] == [0, 0, 0, 1, 0]
    assert [(each["name"], each["proved"], each["off"]) for each in host["templates"]] == [
        ("a", True, False),
        ("b", None, True),
    ]


def test_what_is_accepted_is_no_loss():
    remarks = {"lost": ["subject emailAddress=a@b", "subject O=x"], "differs": ["it is a CA certificate (CA:TRUE)"]}
    for accepted, state in (
        ([], "lost"),
        (remarks["lost"], "lost"),
        ([*remarks["lost"], *remarks["differs"]], "in_order"),
    ):
        test = {**issued("t"), **remarks, "accepted_lost": accepted}
        document = make_document([record("h", entry("t"), tests=(test,))], [RUN], now=NOW)
        assert document["hosts"][0]["templates"][0]["state"] == state
        counts = [document["counts"][f"last_tests_with_{each}"] for each in ("losses", "accepted_losses")]
        assert counts == ([1, 0] if state == "lost" else [0, 1])


def test_a_loss_is_told_by_every_later_run():
    last = {"status": "issued", "at": "2026-11-21T12:00:00Z", "lost": ["subject O=x"], "made_up": ["imei"]}
    host = record("h", entry("t", last_test=last, proved=True))
    document = make_document([host], [RUN], now=NOW)
    assert (document["counts"]["last_tests_with_losses"], document["counts"]["tests"]) == (1, 0)
    assert host["templates"][0]["test"]["made_up"] == ["imei"]
    assert any("is not what was asked for: subject O=x" in line for line in summary_lines(document))


def states(host):
    return {each["name"]: each["state"] for each in host["templates"]}


@pytest.mark.parametrize(
    ("action", "mode", "test", "state"),
    [
        ("unchanged", "enforce", None, "in_order"),
        ("unchanged", "enforce", issued("t"), "in_order"),
        ("repaired", "enforce", issued("t"), "corrected"),
        ("created", "report", None, "differs"),
        ("unchanged", "enforce", {"status": "not_tried", "template": "t", "failed": True}, "unproved"),
        ("unchanged", "enforce", issued("t", lost=("subject CN",)), "lost"),
        ("updated", "enforce", refused("t"), "test_failed"),
        ("updated", "enforce", {"status": "pending", "template": "t"}, "pending"),
        ("unchanged", "report", {"status": "not_asked", "template": "t"}, "in_order"),
    ],
)
def test_the_worst_that_is_known_is_the_state_of_a_template(action, mode, test, state):
    assert states(record("h", entry("t", action), tests=(test,) if test else (), mode=mode)) == {"t": state}


def test_the_last_test_counts_where_none_was_made():
    last = {"status": "failed", "stage": "tls", "at": "2026-11-21T12:00:00Z"}
    (told,) = record("h", entry("t", last_test=last))["templates"]
    assert told["state"] == "test_failed"
    assert told["test"]["at"] == "2026-11-21T12:00:00Z"
    assert told["test"]["stage"] == "tls"
    assert told["test"]["this_run"] is False
    skipped = {"status": "not_asked", "template": "t"}
    (told,) = record("h", entry("t", last_test=last), tests=(skipped,))["templates"]
    assert told["state"] == "test_failed"


def test_a_run_without_tests_has_the_days_left_of_the_certificates_of_earlier_ones(schema):
    last = {"status": "issued", "stage": None, "at": "2026-11-21T12:00:00Z", "not_after": utc(NOW + timedelta(days=5))}
    tests = {
        "soon": last,
        "ended": {**last, "not_after": utc(NOW - timedelta(days=1))},
        "failed": {**last, "status": "failed", "stage": "tls", "not_after": None},
        "older": {key: last[key] for key in ("status", "stage", "at")},
    }
    host = record("h", *(entry(name, last_test=test) for name, test in tests.items()))
    document = make_document([host], [RUN], now=NOW)
    fastjsonschema.compile(closed(schema))(json.loads(serialise(document)))
    told = {each["name"]: each["test"] for each in host["templates"]}
    assert {name: days_left(test, NOW) for name, test in told.items()} == {
        "soon": 5,
        "ended": -1,
        "failed": None,
        "older": None,
    }
    assert not any("lost" in test for test in told.values()), "what the CA dropped is not known any more"
    counted = (
        "tests",
        "tests_issued",
        "test_certificates",
        "test_certificates_expired",
        "test_certificates_ending_soon",
    )
    assert [document["counts"][each] for each in counted] == [0, 0, 2, 1, 1]
    (shown,) = compact(document)["hosts"]
    noon = NOW.timestamp() // 60
    assert shown[10] == [noon + 5 * 1440, noon - 1440, 0, 0], "the ends as the page plots them, in minutes"


def test_no_key_and_no_certificate_is_in_it():
    assert "BEGIN CERTIFICATE" not in serialise(small_fleet())


def test_only_tests():
    host = host_record("h", state="ok", result={"tests": [issued("a"), refused("b")]}, declared=("a", "b", "c"))
    assert [(each["name"], each["action"]) for each in host["templates"]] == [
        ("c", "unknown"),
        ("a", "not_compared"),
        ("b", "not_compared"),
    ]


def test_a_drift_that_a_template_tells_is_told_once():
    repaired = entry("t", "repaired", summary=["was edited by hand: fields"])
    host = record(
        "h", repaired, store_problems=["template 't' was edited by hand: fields", "templates.json has mode 0644"]
    )
    assert host["store_problems"] == ["templates.json has mode 0644"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ok", "until the product"),
        ("unreachable", "could not be reached"),
        ("failed", "and failed"),
        (None, "not in this run"),
    ],
)
def test_a_cluster_tells_what_became_of_its_writer(state, words):
    cluster = {"name": "berlin", "writer": "b1", "writes": False}
    member = record("b2", entry("t", "updated"), cluster=cluster, mode="report")
    hosts = [member] if state is None else [host_record("b1", state=state, cluster={**cluster, "writes": True}), member]
    found = make_document(hosts, [RUN], now=NOW)["hosts"][-1]["cluster"]
    assert words in found["note"]
    assert "b1 writes for the cluster berlin" in found["note"]


def test_two_names_of_one_host_are_told():
    hosts = [
        record(name, entry("t"), address=address) for name, address in (("a", "::1:22"), ("b", "::1:22"), ("c", "x"))
    ]
    (note,) = make_document(hosts, [RUN], now=NOW)["notes"]
    assert note.startswith("a and b have the same address (::1:22)")


def test_slices_make_the_report_that_one_run_would_have_made(tmp_path):
    whole = large_fleet(12, 3)
    for number in range(3):
        part = make_document(whole["hosts"][number::3], [RUN], now=NOW)
        (tmp_path / f"slice{number}.json").write_text(serialise(part), encoding="utf-8")
    merged = merge_files([str(tmp_path / "slice0.json"), str(tmp_path / "slice*.json")])
    assert merged["counts"] == {
        **whole["counts"],
        **{key: merged["counts"][key] for key in merged["counts"] if "cert" in key},
    }
    assert {host["name"]: host for host in merged["hosts"]} == {host["name"]: host for host in whole["hosts"]}
    assert merged["runs"] == [RUN]


def test_of_a_host_in_several_reports_the_last_is_told():
    early = {**record("h", entry("t", "updated")), "started_at": "2026-11-22T10:00:00Z"}
    late = {**record("h", entry("t")), "started_at": "2026-11-22T11:00:00Z"}
    not_run = host_record("h", state="not_run")
    for order in ([early, late, not_run], [late, not_run, early], [not_run, late, early]):
        merged = merge_documents([make_document([host], [RUN], now=NOW) for host in order], now=NOW)
        assert merged["hosts"] == [late]


def test_a_run_on_some_hosts_keeps_what_is_known_of_the_others():
    old = small_fleet()
    seen = [record("ce-1", entry("wifi"))]
    kept, notes = keep_others(old, seen, {"ce-1", "ce-2", "ce-4"})
    assert [host["name"] for host in kept] == ["ce-2", "ce-4"]
    assert all(host["kept"] and not host["changed"] for host in kept)
    assert not any(each["test"]["this_run"] for host in kept for each in host["templates"] if each["test"])
    assert notes == [
        "no longer in the inventory, and not in this report any more: ce-10, ce-5, ce-6, ce-7 and 2 more hosts"
    ]
    document = make_document([*seen, *kept], [RUN], now=NOW, notes=notes)
    assert (document["counts"]["hosts"], document["counts"]["hosts_kept"], document["causes"]) == (3, 2, [])
    assert "2 not in this run and told as found before" in summary_lines(document)[0]
    assert notes[0] in summary_lines(document)


def test_a_run_that_only_tests_takes_no_comparison_back():
    differing = record("h", entry("t", "updated", summary=["port is 443, not 8443"]), mode="report")
    tested = host_record("h", state="ok", result={"tests": [issued("t")]}, started_at="2026-11-22T13:00:00Z")
    document = merge_documents([make_document([host], [RUN], now=NOW) for host in (tested, differing)], now=NOW)
    (host,) = document["hosts"]
    assert (host["compared"], host["templates"][0]["state"], host["templates"][0]["proved"]) == (True, "differs", True)
    assert host["compared_at"] == differing["started_at"]
    assert document["counts"]["templates_differing"] == document["counts"]["hosts_differing"] == 1
    assert document["counts"]["tests_issued"] == 1
    only = make_document([tested], [RUN], now=NOW)
    assert (only["counts"]["hosts_not_compared"], only["counts"]["hosts_only_tested"]) == (1, 1)


@pytest.mark.parametrize("state", ["unreachable", "failed"])
def test_a_run_that_did_not_look_at_a_host_does_not_pass_on_an_earlier_comparison(state):
    found = record("h", entry("t"), mode="report")
    unseen = host_record("h", state=state, message="no route", mode="report", started_at="2026-11-22T13:00:00Z")
    document = merge_documents([make_document([host], [RUN], now=NOW) for host in (found, unseen)], now=NOW)
    (host,) = document["hosts"]
    assert (host["state"], bool(host["compared"])) == (state, False)
    counted = document["counts"]
    assert (counted["hosts_not_looked_at"], counted["hosts_as_declared"], counted[state]) == (1, 0, 1)


def test_what_was_looked_at_too_long_ago_has_not_run():
    documents = [make_document([record("a", entry("t"))], [RUN], now=NOW)]
    for days, state in ((1, "ok"), (-1, "not_run")):
        merged = merge_documents(documents, now=NOW, expected=["a"], oldest=NOW - timedelta(days=days))
        assert merged["hosts"][0]["state"] == state


def test_what_is_known_of_failed_and_waiting_tests_is_told_by_every_run():
    failed = {"status": "failed", "stage": "enroll", "at": "2026-11-21T12:00:00Z", "http_status": 401}
    waits = {"status": "pending", "stage": None, "at": "2026-11-21T12:00:00Z"}
    host = record("h", entry("f", last_test=failed, proved=False), entry("p", last_test=waits, proved=False))
    lines = summary_lines(make_document([host], [RUN], now=NOW))
    assert lines == [
        "1 host, 2 templates: as declared, 2 not proved by a test",
        "templates on hosts: 1 whose last test failed, 1 whose last test waits for approval",
        "h: the last test of template 'f' failed: it failed at stage enroll (HTTP 401)",
        "h: the last test of template 'p' waits for approval",
    ]


def test_a_removed_template_concerns_nobody_any_more():
    failed = {"status": "failed", "stage": "tls", "at": "2026-11-21T12:00:00Z"}
    document = make_document([record("h", entry("t", "removed", last_test=failed))], [RUN], now=NOW)
    assert (document["counts"]["last_tests_failed"], document["hosts"][0]["templates"][0]["state"]) == (0, "corrected")


def test_a_verdict_tells_of_the_hosts_that_it_is_about():
    documents = [make_document([record("a", entry("t")), record("gone", entry("t"))], [RUN], now=NOW)]
    merged = merge_documents(documents, now=NOW, expected=["a", "b"])
    assert {host["name"]: host["state"] for host in merged["hosts"]} == {"a": "ok", "b": "not_run"}
    assert merged["notes"] == ["reported of, and not among the hosts that this report is about: gone"]
    nobody = merge_documents(documents, now=NOW, expected=[])
    assert summary_lines(nobody)[0] == "no host: nothing was looked at"


def test_what_was_written_can_be_read_and_is_a_line_a_host():
    document = small_fleet()
    text = serialise(document)
    assert parse_document(text, "x.json") == document
    assert sum('"name":"ce-' in line for line in text.splitlines()) == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "its format is not"),
        ('{"format": "x"}', "its format is not"),
        ('{"format": "estfleet.cloud_extender.fleet_report"}', "no format_version"),
        ('{"format": "estfleet.cloud_extender.fleet_report", "format_version": 2}', "update the collection"),
        ('{"format": "estfleet.cloud_extender.fleet_report", "format_version": 1}', "hosts or runs are missing"),
        (
            '{"format": "estfleet.cloud_extender.fleet_report", "format_version": 1, "runs": [], "hosts": [1]}',
            "not as docs/report.md says",
        ),
    ],
)
def test_what_is_no_report_is_refused(text, words):
    with pytest.raises(ReportError, match=r"^some/file\.json") as raised:
        parse_document(text, "some/file.json")
    assert words in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ReportError, match="No such file"):
        merge_files([str(tmp_path / "slice*.json")])
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(ReportError, match="not UTF-8"):
        merge_files([str(tmp_path / "latin")])


def test_a_long_text_is_cut():
    assert len(host_record("h", state="failed", message="x" * 10_000)["message"]) == 2000


def test_days_are_counted_from_the_time_of_the_report():
    soon = record("h", entry("t"), tests=(issued("t", days=20),))
    assert make_document([soon], [RUN], now=NOW)["counts"]["test_certificates_ending_soon"] == 1
    assert make_document([soon], [RUN], now=NOW + timedelta(days=30))["counts"]["test_certificates_expired"] == 1


# -- production certificates ---------------------------------------------------------------------------------------


def certificate_states(document):
    return {
        host["name"]: [(entry["name"], entry["state"]) for entry in host["certificates"]] for host in document["hosts"]
    }


def test_production_certificates_are_counted_each_in_one_state():
    counts = certified_fleet()["counts"]
    assert {name: number for name, number in counts.items() if name.startswith("certificates")} == {
        "certificates_on_hosts": 9,
        "certificates_in_order": 2,
        "certificates_issued": 1,
        "certificates_pending": 1,
        "certificates_unknown": 1,
        "certificates_with_losses": 1,
        "certificates_due": 2,
        "certificates_failed": 1,
        "certificates_with_accepted_losses": 1,
        "certificates_overdue": 2,
        "certificates_expired": 1,
        "certificates_ending_soon": 0,
    }
    assert sum(counts[f"certificates_{state}"] for state in CERTIFICATE_STATES) == counts["certificates_on_hosts"]


def test_a_certificate_that_nobody_renews_is_overdue_after_a_day_though_it_was_in_order():
    document = certified_fleet()
    (host,) = [host for host in document["hosts"] if host["name"] == "ce-1"]
    moment = NOW + timedelta(days=100 - 14)
    assert count([host], moment + timedelta(hours=23))["certificates_overdue"] == 0
    assert count([host], moment + timedelta(hours=25))["certificates_overdue"] == 2


def test_the_summary_tells_of_production_certificates():
    lines = summary_lines(certified_fleet())
    assert lines[0] == (
        "5 hosts, 1 template, 9 production certificates: 1 unreachable, 6 of 9 production certificates not in order"
    )
    assert (
        "production certificates: 1 issued, renewed or put right, 2 to be issued or renewed, 1 that could not be had, "
        "1 waiting for approval, 1 not what was asked for, 1 with losses that were accepted, 1 not looked at, "
        "2 overdue, 1 expired"
    ) in lines
    assert (
        "ce-4: certificate '/etc/ssl/old.pem' is to be issued or renewed: the renewal period of 14 days has begun"
        in lines
    )
    assert "ce-3: certificate '/etc/ssl/new.pem' waits for approval" in lines
    (refusal,) = [line for line in lines if "HTTP 401" in line]
    assert refusal.startswith(
        "certificates '/etc/ssl/www.pem', '/etc/ssl/db.pem' on ce-2 (1 failed, 1 not tried): https://est.example.com, "
        "stage enroll: "
    )


def test_certificates_alone_are_all_in_order():
    document = make_document(
        [host_record("ce-1", state="ok", result={"declared": False, "certificates": [kept("/a")]})], [RUN], now=NOW
    )
    assert summary_lines(document) == ["1 host, 1 production certificate: all in order"]


def test_a_run_that_looks_at_no_certificate_leaves_what_was_found_of_them():
    old = certified_fleet()
    tested = record("ce-1", tests=(issued("wifi"),))
    tested["compared"] = False
    (seen,) = [host for host in old["hosts"] if host["name"] == "ce-1"]
    merged = merge_documents([old, make_document([{**tested, "started_at": "2026-11-22T13:00:00Z"}], [RUN], now=NOW)])
    found = certificate_states(merged)["ce-1"]
    assert found == [("/etc/ssl/www.pem", "in_order"), ("/etc/ssl/db.pem", "in_order")], "issued was of the run before"
    assert [
        entry["this_run"] for host in merged["hosts"] if host["name"] == "ce-1" for entry in host["certificates"]
    ] == [
        False,
        False,
    ]
    # One that looks at certificates alone leaves the templates.
    renewed = host_record(
        "ce-1",
        state="ok",
        result={"certificates": [kept("/etc/ssl/www.pem", status="issued")]},
        started_at="2026-11-22T13:00:00Z",
    )
    merged = merge_documents([old, make_document([renewed], [RUN], now=NOW)])
    assert certificate_states(merged)["ce-1"] == [("/etc/ssl/www.pem", "issued")]
    (host,) = [host for host in merged["hosts"] if host["name"] == "ce-1"]
    assert [entry["name"] for entry in host["templates"]] == [entry["name"] for entry in seen["templates"]]
    # And one that could not reach the host says nothing of them.
    down = host_record(
        "ce-1", state="unreachable", started_at="2026-11-22T13:00:00Z", certificates=[{"certificate_path": "/a"}]
    )
    assert certificate_states(merge_documents([old, make_document([down], [RUN], now=NOW)]))["ce-1"] == [
        ("/a", "unknown")
    ]


def test_hosts_whose_certificates_need_somebody_are_named_for_a_limit():
    named = named_hosts(certified_fleet()["hosts"])
    assert (named["hosts_to_correct"], named["hosts_to_renew"]) == ([], ["ce-2", "ce-3", "ce-4"])
