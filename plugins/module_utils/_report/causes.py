# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why hosts and tests failed: one entry for each cause, whatever the number of hosts and templates that it stops.

A password that a server refuses is one cause, and so are the tests that were left out for it.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Dict, Iterable, List, Mapping, Tuple

from .counts import NOT_TRIED

# ----------------------------------------------------------------------------------------------------------------------
# Texts of others, as host names and server messages are, made harmless: for a terminal, a page, a log.


def visible(text: str) -> str:
    """Return a text in which control and direction characters are shown by their number and do nothing."""
    return "".join(
        f"<U+{ord(character):04X}>" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
        for character in text
    )


def printable(text: str, limit: int) -> str:
    """Return a text on one line, harmless and at most so long; a longer one is cut and ends in ``...``."""
    folded = visible(" ".join(text.split()))
    return folded if len(folded) <= limit else folded[: limit - 3] + "..."


# ----------------------------------------------------------------------------------------------------------------------

#: How many names of hosts or templates are told in a line.
MOST_NAMES = 5
_LONGEST_REASON = 300
_LONGEST_NAME = 80


def find_causes(hosts: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return the causes of a report, those of most hosts first.

    :param hosts: the entries of the hosts; what is kept from an earlier run does not count.
    :returns: each with ``kind`` (``test``, ``certificate`` or ``host``), ``server``, ``account``, ``label``, ``stage``,
        ``reason``, ``hint``, and the names of ``hosts``, ``templates`` and ``certificates``; ``failed`` and
        ``not_tried`` count the tests or certificates that failed and those that were left out for it.
    """
    causes: Dict[Tuple[Any, ...], Dict[str, Any]] = {}
    for host in hosts:
        if host.get("kept"):
            continue
        stopped = [("test", entry["name"], entry["test"]) for entry in host["templates"] if _stopped(entry["test"])]
        stopped += [("certificate", each["name"], each) for each in host.get("certificates") or () if _stopped(each)]
        for kind, name, told in stopped:
            cause = _of_stopped(causes, kind, told)
            cause["not_tried" if told["status"] == NOT_TRIED else "failed"] += 1
            _add(cause["templates" if kind == "test" else "certificates"], name)
            _add(cause["hosts"], host["name"])
        if host["state"] == "unreachable":
            # What ssh says names the host: with it, each would be a cause of its own.
            _add(_cause(causes, "host", reason="could not be reached")["hosts"], host["name"])
        elif host["state"] == "failed" and not stopped:
            _add(_cause(causes, "host", reason=host["message"])["hosts"], host["name"])
    return sorted(causes.values(), key=lambda cause: -len(cause["hosts"]))


def describe_cause(cause: Mapping[str, Any], *, with_hosts: bool = True) -> str:
    """Return a cause in one line, safe for a terminal.

    :param with_hosts: tell on which hosts; not where it is the host itself that tells.
    """
    hosts = named(cause["hosts"])
    if cause["kind"] == "host":
        return f"{hosts}: {printable(cause['reason'], _LONGEST_REASON)}"
    place = ", ".join(
        printable(words, _LONGEST_NAME)
        for words in (
            cause["server"],
            cause["account"],
            f"label '{cause['label']}'" if cause["label"] else "",
            f"stage {cause['stage']}" if cause["stage"] else "",
        )
        if words
    )
    word, names = (
        ("certificate", cause["certificates"]) if cause["kind"] == "certificate" else ("template", cause["templates"])
    )
    tests = f"{word}{'' if len(names) == 1 else 's'} {named(names, quote=True)}"
    on_hosts = f" on {hosts}" if with_hosts else ""
    counts = ((cause["failed"], "failed"), (cause["not_tried"], "not tried"))
    numbers = f" ({', '.join(f'{number} {what}' for number, what in counts if number)})"
    hint = f". {printable(cause['hint'], _LONGEST_REASON)}" if cause["hint"] else ""
    reason = printable(cause["reason"], _LONGEST_REASON).rstrip(".")
    return f"{tests}{on_hosts}{numbers}: {f'{place}: ' if place else ''}{reason}{hint}"


def named(names: List[str], *, quote: bool = False) -> str:
    """Return names in words, at most ``MOST_NAMES`` of them."""
    shown = [printable(name, _LONGEST_NAME) for name in dict.fromkeys(names)]
    shown = [f"'{name}'" for name in shown] if quote else shown
    if len(shown) <= MOST_NAMES:
        return ", ".join(shown)
    return f"{', '.join(shown[: MOST_NAMES - 1])} and {len(shown) - MOST_NAMES + 1} more{'' if quote else ' hosts'}"


def _stopped(test: Any) -> bool:
    return bool(test) and test["this_run"] and test["status"] in ("failed", NOT_TRIED)


def _of_stopped(causes: Dict[Tuple[Any, ...], Dict[str, Any]], kind: str, test: Mapping[str, Any]) -> Dict[str, Any]:
    told = {key: str(test.get(key) or "") for key in ("server", "account", "label", "stage", "reason", "hint")}
    status = test.get("http_status")
    if status == 401:
        told["label"] = ""
    elif status != 403:
        # Without a refusal, neither account nor label has to do with it.
        told["account"] = told["label"] = ""
    cause = _cause(causes, kind, status=status if status in (401, 403) else None, **told)
    # What the server said tells more than that it was not asked again.
    if test["status"] != NOT_TRIED and not cause["failed"]:
        cause.update(told)
    return cause


def _cause(
    causes: Dict[Tuple[Any, ...], Dict[str, Any]], kind: str, *, reason: str, status: Any = None, **told: str
) -> Dict[str, Any]:
    place = (kind, told.get("server"), told.get("account"), told.get("label"))
    key = (*place, status) if status else (*place, told.get("stage"), reason)
    if key not in causes:
        empty = {"server": "", "account": "", "label": "", "stage": "", "hint": ""}
        causes[key] = {"kind": kind, **empty, **told, "reason": reason, "failed": 0, "not_tried": 0}
        causes[key].update(hosts=[], templates=[], certificates=[])
    return causes[key]


def _add(names: List[str], name: str) -> None:
    if name not in names:
        names.append(name)
