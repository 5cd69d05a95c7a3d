# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a play in a few lines: what was counted, and what somebody must look at, equal words only once."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .printable import printable

#: So many problems are told, and so many hosts of each named; the report has all.
MOST_PROBLEMS = 12
MOST_HOSTS = 5

_MOST_CHARACTERS = 300


def summary_lines(document: Mapping[str, Any]) -> List[str]:
    """Return the summary of a report, a line each, safe for a terminal."""
    counts = document["summary"]
    lines = [_headline(counts)]
    done = [
        f"{counts[key]} {words}"
        for key, words in (
            ("corrected", "corrected"),
            ("differing", "not as declared"),
            ("tests_issued", "tested well"),
            ("tests_pending", "waiting for approval"),
            ("tests_failed", "with a failed test"),
            ("lost", "with attributes that the CA dropped"),
        )
        if counts[key]
    ]
    if done:
        lines.append(f"templates on hosts: {', '.join(done)}")
    if counts["certificates_expired"] or counts["certificates_ending_soon"]:
        lines.append(
            f"test certificates: {counts['certificates_expired']} expired, "
            f"{counts['certificates_ending_soon']} end within 30 days"
        )
    lines.extend(printable(note, _MOST_CHARACTERS) for note in document["notes"][:MOST_PROBLEMS])
    problems: Dict[str, List[str]] = {}
    for host, words in _problems(document):
        problems.setdefault(words, []).append(host)
    for words, hosts in list(problems.items())[:MOST_PROBLEMS]:
        lines.append(f"{_named(hosts)}: {printable(words, _MOST_CHARACTERS)}")
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"... and {len(problems) - MOST_PROBLEMS} more: see the report")
    return lines


def _headline(counts: Mapping[str, int]) -> str:
    words = [
        f"{counts[key]} {what}"
        for key, what in (
            ("changed", "changed"),
            ("drifted", "drifted"),
            ("failed", "failed"),
            ("unreachable", "unreachable"),
            ("not_run", "not run"),
        )
        if counts[key]
    ]
    hosts, templates = _plural(counts["hosts"], "host"), _plural(counts["templates"], "template")
    return f"{hosts}, {templates}: {', '.join(words) or 'all as declared'}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _problems(document: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Yield host and words, the worst kind first."""
    hosts = document["hosts"]
    for host in hosts:
        # Where tests failed, they say what.
        if host["state"] == "failed" and not any(_failed(entry) for entry in host["templates"]):
            yield host["name"], f"failed: {host['message']}"
    for host in hosts:
        # What ssh says names the host: with it, each would have a line of its own.
        if host["state"] == "unreachable":
            yield host["name"], "could not be reached"
    for host in hosts:
        for entry in host["templates"]:
            if _failed(entry):
                yield host["name"], f"test of template '{entry['name']}' failed{_why(entry['test'])}"
    for host in hosts:
        if host["cluster"] and host["cluster"].get("note"):
            yield host["name"], host["cluster"]["note"]
    for host in hosts:
        for words in host["drift"]:
            yield host["name"], words
        for words in _differences(host):
            yield host["name"], words
    for host in hosts:
        for entry in host["templates"]:
            if entry["test"] and entry["test"].get("lost"):
                lost = ", ".join(entry["test"]["lost"])
                yield host["name"], f"the CA left out of the certificate of template '{entry['name']}': {lost}"
    for host in hosts:
        if host["state"] == "not_run":
            yield host["name"], f"not run: {host['message']}"


def _failed(entry: Mapping[str, Any]) -> bool:
    return bool(entry["test"]) and entry["test"]["status"] == "failed" and entry["test"]["this_run"]


def _why(test: Mapping[str, Any]) -> str:
    stage = f" at stage {test['stage']}" if test.get("stage") else ""
    return f"{stage}: {test.get('reason', '')}"


def _differences(host: Mapping[str, Any]) -> Iterator[str]:
    written = host["mode"] == "enforce"
    for action, words in (("created", "missing"), ("removed", "not declared")):
        names = [f"'{entry['name']}'" for entry in host["templates"] if entry["action"] == action]
        if names:
            yield f"templates {action if written else words}: {', '.join(names)}"
    for entry in host["templates"]:
        if entry["action"] in ("updated", "repaired"):
            told = f": {entry['summary']}" if entry["summary"] else ""
            yield f"template '{entry['name']}' {entry['action'] if written else 'differs'}{told}"


def _named(hosts: List[str]) -> str:
    shown = [printable(host, 80) for host in dict.fromkeys(hosts)]
    if len(shown) <= MOST_HOSTS:
        return ", ".join(shown)
    return f"{', '.join(shown[: MOST_HOSTS - 1])} and {len(shown) - MOST_HOSTS + 1} more hosts"
