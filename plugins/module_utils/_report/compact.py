# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet report as small as its page needs it: equal cells and equal texts once, moments as numbers.

A thousand hosts with twenty templates have twenty thousand cells, of which few differ. What cannot be told once, such
as a server message that is another one every time, is told until there is too much of it; the JSON file has all.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .counts import NOT_TRIED, comparison, remarks

#: Octets of JSON that the distinct cells, and the distinct texts of hosts, may take in the page.
CELL_BUDGET = 700_000
TEXT_BUDGET = 400_000

#: How many causes are in the page, and how many names of hosts and templates in all of them together.
MOST_CAUSES = 300
MOST_NAMES = 30_000

#: How many certificates are named of one cause: they are listed by themselves.
_MOST_CERTIFICATES = 30

#: What the page shows of a test. Paths, serial numbers and fingerprints are in the JSON file.
_OF_TEST = (
    "status",
    "this_run",
    "exchange",
    "stage",
    "error_code",
    "reason",
    "hint",
    "request_received",
    "http_status",
    "server_message",
    "lost",
    "accepted_lost",
    "differs",
    "made_up",
    "account",
    "omitted_attributes",
    "issuer",
    "public_key_type",
    "public_key_size",
    "public_key_curve",
)


def compact(
    document: Mapping[str, Any], *, budget: int = CELL_BUDGET, text_budget: int = TEXT_BUDGET
) -> Dict[str, Any]:
    """Return what the page draws a report from.

    ``hosts`` has a list for each host: name, state, message, address, mode, cluster, changed, store problems,
    undeclared, cells, ends, tested, comparison, kept. Texts are numbers in ``texts``; ``cells``, ``ends`` and
    ``tested`` have an entry for each of ``templates``: the number of a cell in ``cells`` (0 for none), and minutes
    since 1970 (0 for none). ``kept`` is 0 for a host of this run, otherwise the minutes since 1970 when it was looked
    at, or -1 where that is not known.

    ``causes`` name hosts and templates by their numbers, and certificates by those of texts. ``production`` has a list
    for each certificate: the number of its name in ``texts``, that of its host in ``hosts``, its state, the minutes
    since 1970 when it ends and when it is renewed, the number of what is to be told of it, and if a cause tells it.
    """
    hosts = document["hosts"]
    names = list(dict.fromkeys(entry["name"] for host in hosts for entry in host["templates"]))
    position = {name: number for number, name in enumerate(names)}
    texts, cells = _Table(text_budget), _Table(budget)
    texts.number("")
    cells.number(None)
    # The causes first: they are what is read first, and must have the room.
    causes = _Causes([host["name"] for host in hosts], position, texts)
    told = [causes.compact(cause) for cause in (document.get("causes") or ())[:MOST_CAUSES]]
    missing = max(0, len(document.get("causes") or ()) - MOST_CAUSES)
    return {
        "made_at": document["made_at"],
        "runs": document["runs"],
        "counts": document["counts"],
        "notes": document["notes"],
        "templates": names,
        "causes": told,
        "causes_missing": missing,
        "production": [
            _production(entry, number, texts)
            for number, host in enumerate(hosts)
            for entry in host.get("certificates") or ()
        ],
        "hosts": [_host(host, position, texts, cells) for host in hosts],
        "texts": texts.entries,
        "cells": cells.entries,
        "shortened": bool(missing) or causes.shortened or texts.shortened or cells.shortened,
    }


class _Table:
    """Distinct entries, each with a number; the long ones are shortened when there is no more room for them."""

    def __init__(self, budget: int) -> None:
        self.entries: List[Any] = []
        self.shortened = False
        self._numbers: Dict[str, int] = {}
        self._left = budget

    def number(self, entry: Any, short: Optional[Any] = None) -> int:
        """Return the number of an entry; where there is no room for a new one, that of what is to stand for it."""
        key = json.dumps(entry, separators=(",", ":"))
        found = self._numbers.get(key)
        if found is not None:
            return found
        if short is not None and len(key) > self._left:
            self.shortened = True
            return self.number(short)
        self._left -= len(key)
        self._numbers[key] = len(self.entries)
        self.entries.append(entry)
        return self._numbers[key]

    def text(self, words: str) -> int:
        """Return the number of a text."""
        return self.number(words, short=words[:40] + "..." if len(words) > 43 else words)


class _Causes:
    """What went wrong, each with the hosts and templates that it hit, by their numbers."""

    def __init__(self, hosts: Sequence[str], templates: Mapping[str, int], texts: _Table) -> None:
        self.shortened = False
        self._hosts = {name: number for number, name in enumerate(hosts)}
        self._templates = templates
        self._texts = texts
        self._left = MOST_NAMES

    def compact(self, cause: Mapping[str, Any]) -> Dict[str, Any]:
        """Return one cause; ``hosts`` and ``templates`` are how many, and the numbers of those there is room for."""
        told: Dict[str, Any] = {"kind": cause["kind"], "not_tried": cause.get("not_tried") or 0}
        for key in ("server", "account", "label", "stage", "reason", "hint"):
            told[key] = self._texts.text(str(cause.get(key) or ""))
        told["hosts"] = self._named(cause.get("hosts") or (), self._hosts)
        told["templates"] = self._named(cause.get("templates") or (), self._templates)
        certificates = cause.get("certificates") or ()
        told["certificates"] = [
            len(certificates),
            [self._texts.text(name) for name in certificates[:_MOST_CERTIFICATES]],
        ]
        return told

    def _named(self, names: Sequence[str], numbers: Mapping[str, int]) -> List[Any]:
        known = [numbers[name] for name in names if name in numbers]
        shown = known[: self._left]
        self._left -= len(shown)
        self.shortened = self.shortened or len(shown) < len(known)
        return [len(names), shown]


def _host(host: Mapping[str, Any], position: Mapping[str, int], texts: _Table, cells: _Table) -> List[Any]:
    numbers, ends, tested = ([0] * len(position) for _each in range(3))
    kept = bool(host.get("kept"))
    for entry in host["templates"]:
        at = position[entry["name"]]
        test = entry["test"] or {}
        numbers[at] = cells.number(_cell(entry, kept), short=_short_cell(entry, kept))
        ends[at] = _minutes(test.get("not_after"))
        tested[at] = _minutes(test.get("at"))
    cluster = host.get("cluster")
    return [
        host["name"],
        host["state"],
        texts.text(host.get("message") or ""),
        host.get("address") or "",
        host.get("mode") or "",
        [cluster["name"], cluster["writer"], texts.text(cluster.get("note") or "")] if cluster else 0,
        int(bool(host.get("changed"))),
        [texts.text(words) for words in host["store_problems"]],
        [texts.text(words) for words in host.get("undeclared") or ()],
        numbers,
        _trimmed(ends),
        _trimmed(tested),
        comparison(host),
        (_minutes(host.get("started_at")) or -1) if kept else 0,
    ]


def _production(entry: Mapping[str, Any], host: int, texts: _Table) -> List[Any]:
    told = [
        *(["; ".join(remarks(entry))] if remarks(entry) else ()),
        *filter(None, (entry.get("reason"), entry.get("hint"))),
    ]
    ends, renewed = _minutes(entry.get("not_after")), _minutes(entry.get("renew_at"))
    caused = int(entry["this_run"] and entry["status"] in ("failed", NOT_TRIED))
    return [texts.text(entry["name"]), host, entry["state"], ends, renewed, texts.text(". ".join(told)), caused]


def _cell(entry: Mapping[str, Any], kept: bool) -> Dict[str, Any]:
    cell = {"state": entry["state"], "action": entry["action"]}
    if entry.get("proved") is not None:
        cell["proved"] = entry["proved"]
    if entry.get("off"):
        cell["off"] = True
    if entry.get("summary"):
        cell["summary"] = "; ".join(entry["summary"])
    if entry["test"]:
        cell["test"] = _test(entry["test"], _OF_TEST, kept)
    return cell


def _short_cell(entry: Mapping[str, Any], kept: bool) -> Dict[str, Any]:
    cell: Dict[str, Any] = {"state": entry["state"], "action": entry["action"], "shortened": True}
    if entry.get("proved") is not None:
        cell["proved"] = entry["proved"]
    if entry["test"]:
        cell["test"] = _test(entry["test"], ("status", "this_run", "stage"), kept)
    return cell


def _test(test: Mapping[str, Any], keys: Sequence[str], kept: bool) -> Dict[str, Any]:
    found = {key: test[key] for key in keys if test.get(key) not in (None, "", [])}
    if kept:
        # What was this run to the run that wrote it is an earlier one now.
        found["this_run"] = False
    return found


def _minutes(moment: Any) -> int:
    try:
        found = datetime.strptime(str(moment), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return 0
    return int(found.replace(tzinfo=timezone.utc).timestamp() // 60)


def _trimmed(numbers: Sequence[int]) -> Sequence[int]:
    return numbers if any(numbers) else []
