# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet report counts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional

# ----------------------------------------------------------------------------------------------------------------------
# The words of a fleet report: its format, and the states of hosts and templates.

FORMAT = "estfleet.cloud_extender.fleet_report"
#: Goes up when a reader of the old format would misread a new one. New keys alone do not count.
FORMAT_VERSION = 1

#: Of a host, from the best to the worst. ``not_run``: it is in the play, and its turn did not come.
HOST_STATES = ("ok", "not_run", "unreachable", "failed")

#: Of a template on a host, from the best to the worst; see docs/report.md for what each means.
TEMPLATE_STATES = ("in_order", "corrected", "unproved", "pending", "unknown", "lost", "differs", "test_failed")

#: Of a production certificate on a host, from the best to the worst; see docs/report.md for what each means.
CERTIFICATE_STATES = ("in_order", "issued", "pending", "unknown", "with_losses", "due", "failed")

#: Of a host, by what is known of its templates; every host of a report is in one of them. ``not_compared``: nothing was
#: declared, or the run only tested. ``not_looked_at``: it failed before that, was down, or its turn did not come.
COMPARISONS = ("as_declared", "corrected", "differing", "not_compared", "not_looked_at")

#: What was done with a template, beside the actions of est_templates: ``unknown`` where the host could not be looked
#: at, ``not_compared`` where the run only tested.
UNKNOWN = "unknown"
NOT_COMPARED = "not_compared"

#: Of a test that was left out, because the server had refused its account before in the same run.
NOT_TRIED = "not_tried"

#: A certificate that ends within so many days is counted as one that ends soon.
SOON_DAYS = 30


#: Runs that renew come every hour or every day: a renewal that is not made so long after its moment is late.
_LATE = timedelta(days=1)

#: So many hosts are named for what a report sets off; the rest has its turn when these are in order.
MOST_NAMED = 100

#: What a name in a limit of Ansible can only mean as itself: nothing of a pattern, and no list of several.
_NAME_IN_LIMIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class ReportError(Exception):
    """A report cannot be read, merged or written; the message says which file and why, and is safe to show.

    :param code: a name for programs.
    """

    def __init__(self, message: str, *, code: str = "unusable_file") -> None:
        super().__init__(message)
        self.code = code


def remarks(test: Mapping[str, Any]) -> List[str]:
    """Return in what the certificate of a test is not what was asked for, but for what the user accepts."""
    accepted = test.get("accepted_lost") or ()
    return [words for words in (*(test.get("lost") or ()), *(test.get("differs") or ())) if words not in accepted]


def template_state(action: str, *, written: bool, test: Mapping[str, Any] | None, proved: bool | None) -> str:
    """Return the one state that a template on a host is shown with: the worst of what is known of it.

    :param action: what est_templates says of it.
    :param written: whether the run was to write on this host; else the action says what would be done.
    :param test: its last test, as in the report, or None.
    :param proved: whether a test has proved it as it is now; None where that is not known, or no proof is owed.
    """
    found = []
    if action == UNKNOWN:
        found.append("unknown")
    elif action not in ("unchanged", NOT_COMPARED):
        found.append("corrected" if written else "differs")
    if proved is False:
        found.append("unproved")
    if test is not None:
        status = test["status"]
        if status == "failed":
            found.append("test_failed")
        elif status == "pending":
            found.append("pending")
        elif remarks(test):
            found.append("lost")
    return max(found, key=TEMPLATE_STATES.index, default="in_order")


def certificate_state(entry: Mapping[str, Any], *, written: bool) -> str:
    """Return the one state that a production certificate is shown with.

    :param entry: its entry in the report, without its state.
    :param written: whether the run was to write on this host.
    """
    status = entry["status"]
    if status in ("failed", "pending", UNKNOWN):
        return str(status)
    if status in ("not_asked", NOT_TRIED) or (status == "recovered" and not written):
        return "due"
    if remarks(entry):
        return "with_losses"
    return "issued" if entry["this_run"] and status in ("issued", "recovered") else "in_order"


# ----------------------------------------------------------------------------------------------------------------------

#: What a test of a run can come to, and the count that it goes into: each test goes into one.
_TESTS = {
    "issued": "tests_issued",
    "pending": "tests_pending",
    "failed": "tests_failed",
    NOT_TRIED: "tests_not_tried",
    "not_asked": "tests_not_asked",
}
#: What a count is of, its name begins with: hosts (``hosts_``, or none of these), templates on hosts (``templates_``,
#: ``state_``), tests of this run (``tests_``), the last test that is known of a template on a host, of whichever run
#: (``last_tests_``), and its certificate (``test_certificates_``), and production certificates on hosts
#: (``certificates_``).
_COUNTS = (
    "hosts",
    "ok",
    "failed",
    "unreachable",
    "not_run",
    *(f"hosts_{name}" for name in COMPARISONS),
    "hosts_kept",
    "hosts_only_tested",
    "changed",
    "drifted",
    "templates",
    "templates_on_hosts",
    *(f"state_{name}" for name in TEMPLATE_STATES),
    "templates_corrected",
    "templates_differing",
    "templates_unproved",
    "templates_switched_off",
    "tests",
    *_TESTS.values(),
    "tests_made_up",
    "last_tests_failed",
    "last_tests_pending",
    "last_tests_with_losses",
    "last_tests_with_accepted_losses",
    "test_certificates",
    "test_certificates_expired",
    "test_certificates_ending_soon",
    "certificates_on_hosts",
    *(f"certificates_{name}" for name in CERTIFICATE_STATES),
    "certificates_with_accepted_losses",
    "certificates_overdue",
    "certificates_expired",
    "certificates_ending_soon",
)


#: What a template is found as that is not other than declared.
_NOT_DIFFERENT = ("unchanged", NOT_COMPARED, UNKNOWN)


def count(hosts: Iterable[Mapping[str, Any]], now: datetime) -> Dict[str, int]:
    """Return the numbers of a report.

    The five ``hosts_...`` of ``COMPARISONS`` add up to ``hosts``, the ``state_...`` to ``templates_on_hosts``,
    what the tests of this run came to adds up to ``tests``, and the ``certificates_...`` of ``CERTIFICATE_STATES`` to
    ``certificates_on_hosts``.

    :param hosts: the entries of the hosts.
    :param now: decides which certificates end soon.
    """
    found = dict.fromkeys(_COUNTS, 0)
    names = set()
    for host in hosts:
        found["hosts"] += 1
        found[host["state"]] += 1
        found[f"hosts_{comparison(host)}"] += 1
        found["hosts_kept"] += bool(host.get("kept"))
        found["hosts_only_tested"] += comparison(host) == "not_compared" and host.get("declared") is not False
        found["changed"] += bool(host.get("changed"))
        found["drifted"] += has_drift(host)
        for entry in host["templates"]:
            names.add(entry["name"])
            found["templates_on_hosts"] += 1
            found[f"state_{entry['state']}"] += 1
            found["templates_corrected"] += _was_written(host, entry)
            found["templates_differing"] += entry["action"] not in _NOT_DIFFERENT and not _was_written(host, entry)
            found["templates_unproved"] += _owes_a_test(entry)
            found["templates_switched_off"] += bool(entry.get("off"))
            _count_test(found, entry["test"], now)
        for entry in host.get("certificates") or ():
            _count_certificate(found, entry, now)
    found["templates"] = len(names)
    return found


def named_hosts(hosts: Iterable[Mapping[str, Any]]) -> Dict[str, List[str]]:
    """Return the hosts on which something can be done about what a report tells, for the limit of a job.

    ``hosts_to_correct`` differ, or have a template whose last test failed or waits, or that is not proved; for a host
    that only another one of its cluster is written for, that one is named as well. ``hosts_to_renew`` have a production
    certificate that could not be had, waits for approval or is to be issued or renewed. ``hosts_to_diagnose`` failed,
    or could not be reached. Each has at most ``MOST_NAMED`` names, and none that a limit would read as a pattern.

    :param hosts: the entries of the hosts.
    """
    correct: List[str] = []
    renew: List[str] = []
    failed: List[str] = []
    unreachable: List[str] = []
    for host in hosts:
        if host["state"] == "failed":
            failed.append(host["name"])
        elif host["state"] == "unreachable":
            unreachable.append(host["name"])
        if host["state"] in ("ok", "failed") and _needs_correction(host):
            cluster = host.get("cluster")
            if cluster and not cluster["writes"]:
                correct.append(cluster["writer"])
            correct.append(host["name"])
        if any(entry["state"] in ("failed", "pending", "due") for entry in host.get("certificates") or ()):
            renew.append(host["name"])
    return {
        "hosts_to_correct": _in_limit(correct),
        "hosts_to_renew": _in_limit(renew),
        "hosts_to_diagnose": _in_limit([*failed, *unreachable]),
    }


def _needs_correction(host: Mapping[str, Any]) -> bool:
    return comparison(host) == "differing" or any(
        (entry["action"] not in _NOT_DIFFERENT and not _was_written(host, entry))
        or _owes_a_test(entry)
        or (entry["test"] or {}).get("status") in ("failed", "pending")
        for entry in host["templates"]
    )


def _in_limit(names: Iterable[str]) -> List[str]:
    return [name for name in dict.fromkeys(names) if _NAME_IN_LIMIT.fullmatch(name)][:MOST_NAMED]


def comparison(host: Mapping[str, Any]) -> str:
    """Return the one of ``COMPARISONS`` that a host is in."""
    if not host.get("compared"):
        return "not_compared" if host["state"] == "ok" or _was_tested(host) else "not_looked_at"
    if not has_drift(host):
        return "as_declared"
    # In a run that writes, what is left undone is told: what it may not put right, and drift without a template.
    return "corrected" if host["mode"] == "enforce" and host.get("changed") else "differing"


def has_drift(host: Mapping[str, Any]) -> bool:
    """Say whether a host was found other than declared, whether that was put right or not."""
    return bool(host["store_problems"]) or any(entry["action"] not in _NOT_DIFFERENT for entry in host["templates"])


def _was_tested(host: Mapping[str, Any]) -> bool:
    return any(entry["test"] and entry["test"]["this_run"] for entry in host["templates"])


def days_left(entry: Optional[Mapping[str, Any]], now: datetime) -> Optional[int]:
    """Return the whole days until a certificate ends, below 0 when it has; None where there is none.

    :param entry: a test, or a production certificate.
    """
    end = _moment((entry or {}).get("not_after"))
    return None if end is None else (end - now).days


def _moment(text: Any) -> Optional[datetime]:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _was_written(host: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return host["mode"] == "enforce" and entry["action"] in ("created", "updated", "repaired", "removed")


def _owes_a_test(entry: Mapping[str, Any]) -> bool:
    """Say whether no test has proved a template as it is now, and none has failed or waits: those are counted apart."""
    status = (entry["test"] or {}).get("status")
    return entry.get("proved") is False and status not in ("failed", "pending")


def _count_test(found: Dict[str, int], test: Optional[Mapping[str, Any]], now: datetime) -> None:
    if test is None:
        return
    found["last_tests_failed"] += test["status"] == "failed"
    found["last_tests_pending"] += test["status"] == "pending"
    found["last_tests_with_losses"] += bool(remarks(test))
    found["last_tests_with_accepted_losses"] += bool(test.get("accepted_lost")) and not remarks(test)
    # A test of an earlier run counts for what is known, not for what this run did.
    if test["this_run"] and test["status"] in _TESTS:
        found["tests"] += 1
        found[_TESTS[test["status"]]] += 1
        found["tests_made_up"] += test["status"] == "issued" and bool(test.get("made_up"))
    left = days_left(test, now)
    if left is not None:
        found["test_certificates"] += 1
        found["test_certificates_expired"] += left < 0
        found["test_certificates_ending_soon"] += 0 <= left < SOON_DAYS


def _count_certificate(found: Dict[str, int], entry: Mapping[str, Any], now: datetime) -> None:
    found["certificates_on_hosts"] += 1
    found[f"certificates_{entry['state']}"] += 1
    found["certificates_with_accepted_losses"] += bool(entry.get("accepted_lost")) and not remarks(entry)
    found["certificates_overdue"] += _is_overdue(entry, now)
    left = days_left(entry, now)
    if left is not None:
        found["certificates_expired"] += left < 0
        found["certificates_ending_soon"] += 0 <= left < SOON_DAYS


def _is_overdue(entry: Mapping[str, Any], now: datetime) -> bool:
    """Say whether a certificate should have been asked for by now; one that failed or waits is counted apart."""
    if entry["state"] in ("failed", "pending", UNKNOWN):
        return False
    renew_at = _moment(entry.get("renew_at"))
    if renew_at is None:  # there is none, or it has to be another one
        return bool(entry["state"] == "due")
    return renew_at + _LATE < now
