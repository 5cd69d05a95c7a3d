# Copyright (c) 2026, maas360.cloud_extender contributors
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

#: Octets of JSON that the distinct cells, and the distinct texts of hosts, may take in the page.
CELL_BUDGET = 700_000
TEXT_BUDGET = 400_000

#: What the page shows of a test. Paths, serial numbers and fingerprints are in the JSON file.
_OF_TEST = (
    "status",
    "this_run",
    "exchange",
    "stage",
    "reason",
    "hint",
    "request_received",
    "http_status",
    "server_message",
    "lost",
    "left_out",
    "issuer",
    "public_key",
)


def compact(
    document: Mapping[str, Any], *, budget: int = CELL_BUDGET, text_budget: int = TEXT_BUDGET
) -> Dict[str, Any]:
    """Return what the page draws a report from.

    ``hosts`` has a list for each host: name, state, message, address, mode, cluster, changed, drift, undeclared, cells,
    ends, tested. Texts are numbers in ``texts``; ``cells``, ``ends`` and ``tested`` have an entry for each of
    ``templates``: the number of a cell in ``cells`` (0 for none), and minutes since 1970 (0 for none).
    """
    hosts = document["hosts"]
    names = list(dict.fromkeys(entry["name"] for host in hosts for entry in host["templates"]))
    position = {name: number for number, name in enumerate(names)}
    texts, cells = _Table(text_budget), _Table(budget)
    texts.number("")
    cells.number(None)
    return {
        "made_at": document["made_at"],
        "runs": document["runs"],
        "summary": document["summary"],
        "notes": document["notes"],
        "templates": names,
        "hosts": [_host(host, position, texts, cells) for host in hosts],
        "texts": texts.entries,
        "cells": cells.entries,
        "shortened": texts.shortened or cells.shortened,
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


def _host(host: Mapping[str, Any], position: Mapping[str, int], texts: _Table, cells: _Table) -> List[Any]:
    numbers, ends, tested = ([0] * len(position) for _each in range(3))
    for entry in host["templates"]:
        at = position[entry["name"]]
        test = entry["test"] or {}
        numbers[at] = cells.number(_cell(entry), short=_short_cell(entry))
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
        [texts.text(words) for words in host["drift"]],
        [texts.text(words) for words in host.get("undeclared") or ()],
        numbers,
        _trimmed(ends),
        _trimmed(tested),
    ]


def _cell(entry: Mapping[str, Any]) -> Dict[str, Any]:
    cell = {"state": entry["state"], "action": entry["action"]}
    if entry.get("summary"):
        cell["summary"] = entry["summary"]
    if entry["test"]:
        cell["test"] = {key: entry["test"][key] for key in _OF_TEST if entry["test"].get(key) not in (None, "", [])}
    return cell


def _short_cell(entry: Mapping[str, Any]) -> Dict[str, Any]:
    cell: Dict[str, Any] = {"state": entry["state"], "action": entry["action"], "shortened": True}
    if entry["test"]:
        cell["test"] = {key: entry["test"][key] for key in ("status", "this_run", "stage") if key in entry["test"]}
    return cell


def _minutes(moment: Any) -> int:
    try:
        found = datetime.strptime(str(moment), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return 0
    return int(found.replace(tzinfo=timezone.utc).timestamp() // 60)


def _trimmed(numbers: Sequence[int]) -> Sequence[int]:
    return numbers if any(numbers) else []
