# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a play in a few lines: what was counted, and what somebody must look at, equal words only once."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .causes import describe_cause, named, printable
from .counts import NOT_TRIED, remarks

#: How many problems are told; the report has all.
MOST_PROBLEMS = 12

_MOST_CHARACTERS = 300


def summary_lines(document: Mapping[str, Any]) -> List[str]:
    """Return the summary of a report, a line each, safe for a terminal."""
    counts = document["counts"]
    lines = [_headline(counts)]
    if counts["templates"] or counts["certificates_on_hosts"]:
        lines.extend(f"{what}: {', '.join(words)}" for what, words in _counted(counts) if words)
    lines.extend(printable(note, _MOST_CHARACTERS) for note in document["notes"][:MOST_PROBLEMS])
    problems = [describe_cause(cause) for cause in document["causes"]]
    others: Dict[str, List[str]] = {}
    for host, words in _problems(document):
        others.setdefault(words, []).append(host)
    problems.extend(f"{named(hosts)}: {printable(words, _MOST_CHARACTERS)}" for words, hosts in others.items())
    lines.extend(problems[:MOST_PROBLEMS])
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"... and {len(problems) - MOST_PROBLEMS} more: see the report")
    return lines


def _counted(counts: Mapping[str, int]) -> Iterator[Tuple[str, List[str]]]:
    yield (
        "templates on hosts",
        _numbers(
            counts,
            ("templates_corrected", "corrected"),
            ("templates_differing", "not as declared"),
            ("last_tests_failed", "whose last test failed"),
            ("last_tests_pending", "whose last test waits for approval"),
            ("templates_unproved", "without a proof that the CA issues for them as they are"),
            ("last_tests_with_losses", "whose test certificate is not what was asked for"),
            ("last_tests_with_accepted_losses", "with losses that were accepted"),
            ("templates_switched_off", "switched off, so that nothing is issued from them"),
        ),
    )
    issued = f"issued{_plural_of_made_up(counts['tests_made_up'])}"
    yield (
        "tests of this run",
        _numbers(
            counts,
            ("tests_issued", issued),
            ("tests_pending", "waiting for approval"),
            ("tests_failed", "failed"),
            ("tests_not_tried", "not tried"),
            ("tests_not_asked", "made up to the request and no further"),
        ),
    )
    yield (
        "test certificates",
        _numbers(
            counts,
            ("test_certificates_expired", "expired"),
            ("test_certificates_ending_soon", "end within 30 days"),
        ),
    )
    yield (
        "production certificates",
        _numbers(
            counts,
            ("certificates_issued", "issued, renewed or put right"),
            ("certificates_due", "to be issued or renewed"),
            ("certificates_failed", "that could not be had"),
            ("certificates_pending", "waiting for approval"),
            ("certificates_with_losses", "not what was asked for"),
            ("certificates_with_accepted_losses", "with losses that were accepted"),
            ("certificates_unknown", "not looked at"),
            ("certificates_overdue", "overdue"),
            ("certificates_expired", "expired"),
        ),
    )


def _plural_of_made_up(number: int) -> str:
    return f" ({number} of them for 'Test' or blank values in place of an identity)" if number else ""


def _numbers(counts: Mapping[str, int], *told: Tuple[str, str]) -> List[str]:
    return [f"{counts[key]} {words}" for key, words in told if counts[key]]


def _headline(counts: Mapping[str, int]) -> str:
    hosts = _plural(counts["hosts"], "host")
    templates = _plural(counts["templates"], "template") if counts["templates"] else "no template is declared"
    certificates = counts["certificates_on_hosts"]
    if certificates:
        declared = [templates] if counts["templates"] else []
        templates = ", ".join([*declared, _plural(certificates, "production certificate")])
    words = _numbers(
        counts,
        ("changed", "changed"),
        ("drifted", "drifted"),
        ("failed", "failed"),
        ("unreachable", "unreachable"),
        ("not_run", "not run"),
        ("hosts_kept", "not in this run and told as found before"),
    )
    if not counts["hosts"]:
        return "no host: nothing was looked at"
    open_certificates = certificates - counts["certificates_in_order"] - counts["certificates_issued"]
    if open_certificates:
        words.append(f"{open_certificates} of {_plural(certificates, 'production certificate')} not in order")
    elif not words and certificates and not counts["templates"]:
        words = ["all in order"]
    if not words and counts["templates"]:
        compared = counts["hosts_as_declared"] + counts["hosts_corrected"]
        owed = counts["last_tests_failed"] + counts["last_tests_pending"] + counts["templates_unproved"]
        words = ["all as declared" if compared == counts["hosts"] else f"{compared} of {hosts} compared, as declared"]
        if owed:  # "all" is for what is proved too
            words = [words[0].replace("all as", "as"), f"{owed} not proved by a test"]
        if not compared:
            tested = "tested as they are on the hosts" if counts["tests"] else "nothing was tested"
            words = [f"{tested}, not compared with what is declared"]
    return f"{hosts}, {templates}{': ' if words else ''}{', '.join(words)}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _problems(document: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Yield host and words of all that is not a failure of this run, the worst kind first."""
    hosts = [{**host, "name": _with_age(host)} for host in document["hosts"]]
    kinds = (
        _earlier_failure,
        _cluster_note,
        _deviations,
        _certificates,
        _earlier_tests,
        _differing_certificates,
        _not_run,
    )
    for kind in kinds:
        for host in hosts:
            for words in kind(host):
                yield host["name"], words


def _earlier_failure(host: Mapping[str, Any]) -> Iterator[str]:
    if host.get("kept") and host["state"] in ("failed", "unreachable"):
        yield "could not be reached" if host["state"] == "unreachable" else host["message"]


def _cluster_note(host: Mapping[str, Any]) -> Iterator[str]:
    if host["cluster"] and host["cluster"].get("note"):
        yield host["cluster"]["note"]


def _deviations(host: Mapping[str, Any]) -> Iterator[str]:
    yield from host["store_problems"]
    yield from _differences(host)


def _certificates(host: Mapping[str, Any]) -> Iterator[str]:
    """Production certificates that are not in order, but for failures of this run."""
    for entry in host.get("certificates") or ():
        about, why = f"certificate '{entry['name']}'", f": {entry['reason']}" if entry.get("reason") else ""
        if entry["state"] == "failed" and not entry["this_run"]:
            yield f"{about} could not be had{why}"
        elif entry["state"] == "pending":
            yield f"{about} waits for approval"
        elif entry["state"] == "due" and entry["status"] != NOT_TRIED:
            yield f"{about} is to be issued or renewed{why}"
        elif entry["state"] == "with_losses":
            yield f"{about} is not what was asked for: {'; '.join(remarks(entry))}"


def _earlier_tests(host: Mapping[str, Any]) -> Iterator[str]:
    for entry in host["templates"]:
        test = entry["test"]
        if test and not test["this_run"] and test["status"] in ("failed", "pending"):
            words = "failed" if test["status"] == "failed" else "waits for approval"
            why = f": {test['reason']}" if test["status"] == "failed" and test.get("reason") else ""
            yield f"the last test of template '{entry['name']}' {words}{why}"


def _differing_certificates(host: Mapping[str, Any]) -> Iterator[str]:
    for entry in host["templates"]:
        if entry["test"] and remarks(entry["test"]):
            told = "; ".join(remarks(entry["test"]))
            yield f"the test certificate of template '{entry['name']}' is not what was asked for: {told}"


def _not_run(host: Mapping[str, Any]) -> Iterator[str]:
    if host["state"] == "not_run":
        yield f"not run: {host['message']}"


def _with_age(host: Mapping[str, Any]) -> str:
    return (
        f"{host['name']} (as of {host['started_at']})" if host.get("kept") and host.get("started_at") else host["name"]
    )


def _differences(host: Mapping[str, Any]) -> Iterator[str]:
    written = host["mode"] == "enforce"
    for action, words in (("created", "missing"), ("removed", "not declared")):
        names = [f"'{entry['name']}'" for entry in host["templates"] if entry["action"] == action]
        if names:
            yield f"templates {action if written else words}: {', '.join(names)}"
    for entry in host["templates"]:
        if entry["action"] in ("updated", "repaired"):
            told = f": {'; '.join(entry['summary'])}" if entry["summary"] else ""
            yield f"template '{entry['name']}' {entry['action'] if written else 'differs'}{told}"
