# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report as one document: made of the entries of its hosts, read back, and merged with others."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .causes import find_causes, named
from .counts import (
    FORMAT,
    FORMAT_VERSION,
    HOST_STATES,
    ReportError,
    comparison,
    count,
    template_state,
)
from .host_record import host_record

Document = Dict[str, Any]


def utc(moment: Optional[datetime] = None) -> str:
    """Return a moment, by default this one, as a report writes it."""
    return (moment or datetime.now(timezone.utc)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_document(
    records: Iterable[Mapping[str, Any]],
    runs: Sequence[Mapping[str, Any]],
    *,
    now: Optional[datetime] = None,
    notes: Sequence[str] = (),
) -> Document:
    """Make a report.

    :param records: the entries of the hosts, see ``host_record()``.
    :param runs: what is known of each run that the report is about.
    :param now: when the report is made; decides which certificates end soon.
    :param notes: what else is to be told.
    """
    moment = now or datetime.now(timezone.utc)
    hosts = [dict(record) for record in records]
    _tell_of_clusters(hosts)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_at": utc(moment),
        "runs": [dict(run) for run in runs],
        "counts": count(hosts, moment),
        "notes": [*notes, *_same_place(hosts)],
        "causes": find_causes(hosts),
        "hosts": hosts,
    }


def keep_others(
    old: Document, records: Sequence[Mapping[str, Any]], inventory: Collection[str]
) -> Tuple[List[Dict[str, Any]], List[str]]:
    """Return what stays of an older report beside the hosts of a run, and what is to be told of that.

    :param records: the entries of the hosts of the run.
    :param inventory: the names of all hosts there are: one that is none of them leaves the report.
    :returns: the entries of the other hosts, with ``kept`` set, and notes.
    """
    seen = {record["name"] for record in records}
    others = [host for host in old["hosts"] if host["name"] not in seen]
    gone = [host["name"] for host in others if host["name"] not in inventory]
    return [_kept(host) for host in others if host["name"] in inventory], _told(
        "no longer in the inventory, and not in this report any more", gone
    )


def _told(words: str, names: Sequence[str]) -> List[str]:
    return [f"{words}: {named(list(names))}"] if names else []


def joined(newer: Mapping[str, Any], older: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what is known of a host from two runs.

    A later one that only tested, or only looked at certificates, does not undo a comparison, and one that looked at no
    certificate leaves what was found of them.

    One that did not look at the host, such as one that could not reach it, stands alone: what was found before says
    nothing of how the host is now.

    :param newer: the entry of the later run.
    :param older: the entry of the earlier one.
    """
    told = dict(newer)
    before = _kept(older)
    if comparison(newer) != "not_looked_at" and not newer.get("certificates"):
        told["certificates"] = before["certificates"]
    if comparison(newer) != "not_compared" or not older.get("compared"):
        return told
    tested = {entry["name"]: entry for entry in newer["templates"] if entry["test"]}
    templates = []
    for entry in before["templates"]:
        now = tested.pop(entry["name"], None)
        seen = {**entry, "test": now["test"], "proved": now["proved"]} if now else entry
        state = template_state(seen["action"], written=False, test=seen["test"], proved=seen["proved"])
        templates.append({**seen, "state": state})
    templates.extend(tested.values())
    known = {name: before[name] for name in ("compared", "store_problems", "undeclared", "store_path")}
    return {**told, **known, "mode": "report", "templates": templates, "compared_at": older.get("started_at") or ""}


def _kept(host: Mapping[str, Any]) -> Dict[str, Any]:
    """The entry of a host that was not in the run: what was found, and nothing that was done."""
    put_right = host.get("mode") == "enforce" and bool(host.get("changed"))
    templates = []
    for entry in host["templates"]:
        test = {**entry["test"], "this_run": False} if entry["test"] else None
        told = {**entry, "test": test}
        if put_right and entry["action"] in ("created", "updated", "repaired"):
            told.update(action="unchanged", changed_fields=[], summary=[])
        told["state"] = template_state(told["action"], written=False, test=test, proved=entry.get("proved"))
        if not (put_right and entry["action"] == "removed"):
            templates.append(told)
    problems = [] if put_right else host["store_problems"]
    certificates = [{**entry, "this_run": False} for entry in host.get("certificates") or ()]
    for entry in certificates:
        entry["state"] = "in_order" if entry["state"] == "issued" else entry["state"]
    found = {"store_problems": problems, "templates": templates, "certificates": certificates}
    return {**host, "changed": False, "kept": True, **found}


def merge_documents(
    documents: Sequence[Document],
    *,
    now: Optional[datetime] = None,
    expected: Optional[Sequence[str]] = None,
    oldest: Optional[datetime] = None,
) -> Document:
    """Merge reports, such as those of the slices of a job, into one.

    A host that is in several is told as it was found last; an entry that says that its turn did not come gives way to
    any other.

    :param expected: the hosts that the report is about: one of which no report tells has not run, and others are left
        out. None for those that the reports tell of.
    :param oldest: a host that was looked at last before this moment counts as one of which no report tells.
    """
    hosts: Dict[str, Dict[str, Any]] = {}
    for document in documents:
        for host in document["hosts"]:
            known = hosts.get(host["name"])
            older, newer = (known, host) if known is None or _age(known) <= _age(host) else (host, known)
            hosts[host["name"]] = newer if older is None else joined(newer, older)
    runs: List[Mapping[str, Any]] = []
    for document in documents:
        runs.extend(run for run in document["runs"] if run not in runs)
    notes: List[str] = []
    if expected is not None:
        others = [name for name in hosts if name not in expected]
        notes = _told("reported of, and not among the hosts that this report is about", others)
        hosts = {name: hosts.get(name) or _not_reported(name) for name in dict.fromkeys(expected)}
    if oldest is not None:
        too_old = {name: str(host.get("started_at") or "") for name, host in hosts.items()}
        hosts.update(
            (name, _not_reported(name, f"it was looked at last at {seen}, which is too long ago"))
            for name, seen in too_old.items()
            if seen and seen < utc(oldest)
        )
    ordered = sorted(runs, key=lambda run: str(run.get("started_at")))
    return make_document(hosts.values(), ordered, now=now, notes=notes)


def _not_reported(name: str, why: str = "no report tells of it: no run has looked at it") -> Dict[str, Any]:
    return host_record(name, state="not_run", message=why, mode="report")


def parse_document(text: str, where: str) -> Document:
    """Read a report back.

    :param where: the file, for the error message.
    :raises ReportError: when this is not a report, or one of a newer format.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReportError(f"{where} is not a fleet report: it is not JSON ({error})", code="not_a_report") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ReportError(f"{where} is not a fleet report: its format is not {FORMAT}", code="not_a_report")
    version = found.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise ReportError(f"{where} is not a fleet report: it has no format_version", code="not_a_report")
    if version > FORMAT_VERSION:
        raise ReportError(
            f"{where} has format_version {version}, and this version of the collection reads up to {FORMAT_VERSION}: "
            "update the collection",
            code="newer_format",
        )
    hosts, runs = found.get("hosts"), found.get("runs")
    if not (isinstance(hosts, list) and isinstance(runs, list) and all(map(_is_host, hosts))):
        raise ReportError(
            f"{where} is not a complete fleet report: hosts or runs are missing or not as docs/report.md says",
            code="not_a_report",
        )
    return found


def serialise(document: Document) -> str:
    """Return the text of the JSON file: one host per line, so that two reports can be compared by line."""
    head = {key: value for key, value in document.items() if key != "hosts"}
    lines = ",\n".join(json.dumps(host, separators=(",", ":")) for host in document["hosts"])
    return f'{json.dumps(head, indent=1)[:-2]},\n "hosts": [\n{lines}\n]}}\n'


def _is_host(host: Any) -> bool:
    return (
        isinstance(host, dict)
        and isinstance(host.get("name"), str)
        and host.get("state") in HOST_STATES
        and isinstance(host.get("store_problems"), list)
        and isinstance(host.get("templates"), list)
        and all(
            isinstance(entry, dict) and {"name", "state", "action", "test"} <= set(entry) for entry in host["templates"]
        )
    )


def _age(host: Mapping[str, Any]) -> Tuple[bool, str]:
    return host["state"] != "not_run", str(host.get("started_at") or "")


def _tell_of_clusters(hosts: Sequence[Dict[str, Any]]) -> None:
    """Say of every host that only another one of its cluster is written for, why it differs, and what comes of it."""
    states = {host["name"]: host["state"] for host in hosts if not host.get("kept")}
    for host in hosts:
        cluster = host.get("cluster")
        if not cluster:
            continue
        cluster["note"] = ""
        if cluster["writes"]:
            continue
        state = states.get(cluster["writer"])
        why = {
            None: "and was not in this run",
            "not_run": "and its turn did not come",
            "unreachable": "and could not be reached",
            "failed": "and failed",
        }.get(state)
        if why is not None:
            cluster["note"] = (
                f"{cluster['writer']} writes for the cluster {cluster['name']}, {why}: nothing was corrected"
            )
        elif any(entry["state"] == "differs" for entry in host["templates"]):
            cluster["note"] = (
                f"{cluster['writer']} writes for the cluster {cluster['name']}; this host differs until the product "
                "has synchronised them"
            )


def _same_place(hosts: Sequence[Mapping[str, Any]]) -> List[str]:
    """Tell of hosts of different names that are one and the same: they overwrite one another."""
    places: Dict[Tuple[str, str], List[str]] = {}
    for host in hosts:
        if host.get("address") and host.get("store_path"):
            places.setdefault((host["address"], host["store_path"]), []).append(host["name"])
    return [
        f"{' and '.join(names)} have the same address ({address}) and the same store ({store_path}): they are one host "
        "with several names"
        for (address, store_path), names in places.items()
        if len(names) > 1
    ]
