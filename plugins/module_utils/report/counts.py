# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet report counts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Mapping, Optional

from .states import SOON_DAYS, UNKNOWN


def count(hosts: Iterable[Mapping[str, Any]], now: datetime) -> Dict[str, int]:
    """Return the numbers of a report.

    :param hosts: the entries of the hosts.
    :param now: decides which certificates end soon.
    """
    found = dict.fromkeys(
        (
            "hosts",
            "ok",
            "failed",
            "unreachable",
            "not_run",
            "changed",
            "drifted",
            "templates",
            "corrected",
            "differing",
            "tests",
            "tests_issued",
            "tests_pending",
            "tests_failed",
            "lost",
            "certificates",
            "certificates_expired",
            "certificates_ending_soon",
        ),
        0,
    )
    names = set()
    for host in hosts:
        found["hosts"] += 1
        found[host["state"]] += 1
        found["changed"] += bool(host.get("changed"))
        found["drifted"] += has_drift(host)
        for entry in host["templates"]:
            names.add(entry["name"])
            found["corrected"] += _was_written(host, entry)
            found["differing"] += entry["state"] == "differs"
            _count_test(found, entry["test"], now)
    found["templates"] = len(names)
    return found


def has_drift(host: Mapping[str, Any]) -> bool:
    """Say whether a host was found other than declared, whether that was put right or not."""
    return bool(host["drift"]) or any(
        entry["action"] not in ("unchanged", "not_compared", UNKNOWN) for entry in host["templates"]
    )


def days_left(test: Optional[Mapping[str, Any]], now: datetime) -> Optional[int]:
    """Return the whole days until the certificate of a test ends, below 0 when it has; None where there is none."""
    try:
        end = datetime.strptime(str((test or {}).get("not_after")), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
    return (end.replace(tzinfo=timezone.utc) - now).days


def _was_written(host: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return host["mode"] == "enforce" and entry["action"] in ("created", "updated", "repaired", "removed")


def _count_test(found: Dict[str, int], test: Optional[Mapping[str, Any]], now: datetime) -> None:
    if test is None:
        return
    found["lost"] += bool(test.get("lost"))
    # A test of an earlier run counts for what is known, not for what this run did.
    if test["this_run"]:
        found["tests"] += 1
        found["tests_issued"] += test["status"] == "issued"
        found["tests_pending"] += test["status"] == "pending"
    found["tests_failed"] += test["status"] == "failed"
    left = days_left(test, now)
    if left is not None:
        found["certificates"] += 1
        found["certificates_expired"] += left < 0
        found["certificates_ending_soon"] += 0 <= left < SOON_DAYS
