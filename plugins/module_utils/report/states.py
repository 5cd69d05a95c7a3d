# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a fleet report: its format, and the states of hosts and templates."""

from __future__ import annotations

from typing import Any, List, Mapping

FORMAT = "maas360.cloud_extender.fleet_report"
#: Goes up when a reader of the old format would misread a new one. New keys alone do not count.
FORMAT_VERSION = 1

#: Of a host, from the best to the worst. C(not_run): it is in the play, and its turn did not come.
HOST_STATES = ("ok", "not_run", "unreachable", "failed")

#: Of a template on a host, from the best to the worst; see docs/report.md for what each means.
TEMPLATE_STATES = ("in_order", "corrected", "unproved", "pending", "unknown", "lost", "differs", "test_failed")

#: Of a host, by what is known of its templates; every host of a report is in one of them. C(not_compared): nothing was
#: declared, or the run only tested. C(not_looked_at): it failed before that, was down, or its turn did not come.
COMPARISONS = ("as_declared", "corrected", "differing", "not_compared", "not_looked_at")

#: What was done with a template, beside the actions of est_templates: C(unknown) where the host could not be looked
#: at, C(not_compared) where the run only tested.
UNKNOWN = "unknown"
NOT_COMPARED = "not_compared"

#: Of a test that was left out, because the server had refused its account before in the same run.
NOT_TRIED = "not_tried"

#: A certificate that ends within so many days is counted as one that ends soon.
SOON_DAYS = 30


class ReportError(Exception):
    """A report cannot be read, merged or written; the message says which file and why, and is safe to show."""


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
