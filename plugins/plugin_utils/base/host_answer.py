# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a managed host answered, as far as an action may go on with it.

Whoever has taken over a host decides what its modules return, and ansible-core acts on some keys of a result wherever
they come from: facts become variables that win over the inventory, ``add_host`` adds hosts, ``ansible_stats`` becomes
the variables of an AWX workflow. So nothing of an answer is passed on but data for the action that asked, warnings, and
the interpreter that core itself found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Characters of an answer at most. A diagnosis with its logs is the largest.
MAX_ANSWER = 160 * 1024 * 1024
_MOST_WARNINGS = 20
_LONGEST_WARNING = 1000

# A result that has one of these is more to ansible-core than a result: of an action as well, with some versions.
_ACTED_ON = frozenset(
    (
        "add_group",
        "add_host",
        "exception",
        "include",
        "include_args",
        "include_variables",
        "notify",
        "results",
        "skipped",
    )
)
_WARNINGS = ("warnings", "deprecations")
# As a character, and as JSON has it.
_ESCAPE = re.compile(r"[\x07\x1b\x80-\x9f]|\\u00(?:07|1[bB]|[89][0-9a-fA-F])")
_INTERPRETER = "discovered_interpreter_python"
_LAYOUT = {ord("\n"): None, ord("\t"): None}
_PATH = re.compile(r"/[\w./+-]{1,250}")


class UnusableAnswer(Exception):
    """A host answered with something that its module never returns; the message says what, for people."""

    code = "unusable_answer"


def answer_of(
    result: Mapping[str, Any], module: str, *, keep_facts: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the data of an answer, and what of it may be passed on to ansible-core.

    :param result: the result of a module, as plain data.
    :param module: its name, for the message.
    :param keep_facts: leave ``ansible_facts`` in the data.
    :returns: the data; and ``ansible_facts``, ``warnings``, ``deprecations``, each only where there is something.
    :raises UnusableAnswer: it is larger than any module of this collection answers.
    """
    if _is_larger(result, MAX_ANSWER):
        raise UnusableAnswer(
            f"{module} on the host answered with more than {MAX_ANSWER // 2**20} MiB: look at the host"
        )
    passed_on: dict[str, Any] = {}
    facts = result.get("ansible_facts")
    interpreter = facts.get(_INTERPRETER) if isinstance(facts, Mapping) else None
    if isinstance(interpreter, str) and _PATH.fullmatch(interpreter):
        passed_on["ansible_facts"] = {_INTERPRETER: interpreter}
    for key in _WARNINGS:
        told = result.get(key)
        if isinstance(told, list) and told:
            passed_on[key] = [_told(entry) for entry in told[:_MOST_WARNINGS]]
    data = {
        key: value
        for key, value in result.items()
        if key not in _ACTED_ON
        and key not in (*_WARNINGS, "invocation")
        and not key.startswith(("_ansible_", "ansible_"))
    }
    if keep_facts and isinstance(facts, Mapping):
        data["ansible_facts"] = facts
    return data, passed_on


def check_shape(answer: Mapping[str, Any], shape: Mapping[str, Any], module: str) -> None:
    """Refuse an answer that lacks a key, or has another type in its place.

    :param shape: the type of each key; a tuple for one of several; a list with one type for a list of that.
    :param module: its name, for the message.
    :raises UnusableAnswer: naming the first that is wrong.
    """
    for key, types in shape.items():
        if key not in answer:
            problem = f"without {key}"
        elif not _is(answer[key], types):
            problem = f"with {type(answer[key]).__name__} for {key}"
        else:
            continue
        raise UnusableAnswer(
            f"{module} on the host answered {problem}, which it never does: something else answers in its place"
        )


def _is(value: Any, types: Any) -> bool:
    if isinstance(types, list):
        return isinstance(value, list) and all(_is(entry, types[0]) for entry in value)
    # True is a number to Python.
    return isinstance(value, types) and (not isinstance(value, bool) or types is bool)


def without_controls(value: Any) -> Any:
    """Return a result without characters that steer a terminal, at any depth: what a host or a server says is printed.

    Line ends and tabs stay.
    """
    if isinstance(value, dict):
        return {key: without_controls(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_controls(entry) for entry in value]
    if not isinstance(value, str) or value.translate(_LAYOUT).isprintable():
        return value
    # Most results have nothing to clean, and a run that changes nothing does not load the EST client for it.
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import cleaned

    return "".join(piece if piece in ("\n", "\t") else cleaned(piece) for piece in re.split(r"([\n\t])", value))


def last_line(result: Mapping[str, Any], key: str) -> str:
    """Return the last line with anything in it of a text in a result, or an empty string: of a traceback, the error."""
    lines = [line.strip() for line in str(result.get(key) or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def with_clean_warnings(printed: str) -> str:
    """Return what a module printed, with warnings that cannot steer a terminal.

    :param printed: its JSON, and whatever else the host has printed around it.
    """
    if not any(f'"{key}"' in printed for key in _WARNINGS):
        return printed
    start, end = printed.find("{"), printed.rfind("}") + 1
    try:
        answer = json.loads(printed[start:end])
    except (ValueError, RecursionError):
        # Nothing of ours prints this. Whatever core makes of it, it has no escape character.
        return _ESCAPE.sub("", printed)
    cleaned = {key: without_controls(answer[key]) for key in _WARNINGS if key in answer}
    return f"{printed[:start]}{json.dumps({**answer, **cleaned})}{printed[end:]}"


def _told(entry: Any) -> Any:
    """Return a warning or a deprecation as a text, or what core needs of it. The action cleans it with its result."""
    if isinstance(entry, Mapping):
        known = ("msg", "version", "date", "collection_name")
        return {key: _words(entry[key]) for key in known if isinstance(entry.get(key), str)}
    return _words(entry)


def _words(text: Any) -> str:
    return " ".join(str(text).split())[:_LONGEST_WARNING]


def _is_larger(value: Any, limit: int) -> bool:
    size = 0
    for text in _texts(value):
        size += len(text) + 1
        if size > limit:
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            waiting.extend(found.keys())
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
            yield ""
        else:
            yield found if isinstance(found, str) else "0"
