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

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

#: Runs a module on the host, for real even in check mode: name, arguments -> result, a failed one as well.
Execute = Callable[[str, Mapping[str, Any]], dict[str, Any]]

#: Characters of an answer at most. A diagnosis with its logs is the largest.
MAX_ANSWER = 160 * 1024 * 1024
_MOST_WARNINGS = 20
_LONGEST_WARNING = 1000
#: A larger number cannot be told apart from its neighbours in JSON's readers, and overflows in arithmetic.
_LARGEST_NUMBER = 2**53
_LONGEST_LAST_LINE = 300
#: How ansible-core's words begin where a module gave no answer; they tell nothing of the reason.
_SAYS_NOTHING = (
    "MODULE FAILURE",
    "Module result deserialization failed",
    "The module failed to execute correctly",
    "Unknown failure",
)

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
# What may be in a text of JSON as it is, and steers a terminal: also marks that reverse the direction of a text.
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
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


def octets_of(text: str, module: str) -> bytes:
    """Return what a host answered in base64.

    :param module: its name, for the message.
    :raises UnusableAnswer: it is something else.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise UnusableAnswer(f"{module} on the host answered with something else than octets") from None


# What the modules return that run an exchange on the host, by name: a name has one type wherever it is. A test holds it
# against their documentation. Any of it can be null.
_TEXT = (
    "action after after_header algorithm authorized_by before before_header certificate_name certificate_path "
    "certificate_store_location certificate_store_name chain_path cipher detail error_code exchange "
    "fingerprint_sha256 friendly_name fullchain_path hint issuer kind msg name not_after not_before oid "
    "output_path path pem pkcs12_path private_key_path public_key_curve public_key_type realm reason refused "
    "renew_at request_received retry_at root_certificate_path root_trusted_by scheme serial_number server_message "
    "stage status subject template thumbprint tls_version trust url username words"
)
_TEXTS = (
    "accepted_lost authenticated_by backup_files chain_subjects differs files key_protected_by left lost "
    "omitted_attributes reloaded removed replaced subject_alternative_names"
)
_TABLES = (
    "ca_certificates certificates csr_attributes identities problems purged schemes timeline untrusted_certificates"
)
_ANSWERS = "changed current_root failed key_matches ok request_pending required self_signed trusted"
_PARTS = "authentication certificate diff requested root_certificate server substitutions"
_RETURNED: dict[str, Any] = {
    **dict.fromkeys(_TEXT.split(), str),
    **dict.fromkeys(("days_left", "http_status", "public_key_size"), int),
    **dict.fromkeys(("clock", "milliseconds"), (int, float)),
    **dict.fromkeys(_ANSWERS.split(), bool),
    **dict.fromkeys(_PARTS.split(), dict),
    **{name: [str] for name in _TEXTS.split()},
    **{name: [dict] for name in _TABLES.split()},
}


def documented(answer: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Return what is documented of an answer of a module that ran an exchange on the host: the result of the task.

    :param module: its name, for the message.
    :raises UnusableAnswer: something of it has another type than is documented, at any depth.
    """
    known = {key: value for key, value in answer.items() if key in _RETURNED}
    waiting: list[Mapping[str, Any]] = [known]
    while waiting:
        found = waiting.pop()
        for key, value in found.items():
            if value is not None and not _is(value, _RETURNED.get(key, (str, int, float, bool))):
                check_shape({key: value}, {key: _RETURNED.get(key, str)}, module)
            waiting.extend(each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict))
    return known


def _is(value: Any, types: Any) -> bool:
    if isinstance(types, list):
        return isinstance(value, list) and all(_is(entry, types[0]) for entry in value)
    if isinstance(value, (int, float)) and not abs(value) <= _LARGEST_NUMBER:  # or it is none at all (NaN)
        return False
    # True is a number to Python.
    wants_bool = types is bool or (isinstance(types, tuple) and bool in types)
    return isinstance(value, types) and (not isinstance(value, bool) or wants_bool)


def without_controls(value: Any) -> Any:
    """Return a result without characters that steer a terminal, at any depth: what a host or a server says is printed.

    Line ends and tabs stay.
    """
    if isinstance(value, dict):
        return {key: without_controls(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_controls(entry) for entry in value]
    if not isinstance(value, str) or value.isprintable() or value.translate(_LAYOUT).isprintable():
        return value
    # Most results have nothing to clean, and a run that changes nothing does not load the EST client for it.
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import cleaned

    return "".join(piece if piece in ("\n", "\t") else cleaned(piece) for piece in re.split(r"([\n\t])", value))


def failure_words(result: Mapping[str, Any]) -> str:
    """Return what a module says of its failure, or where it could say nothing, what there is in its place.

    That is the last line that it printed, such as one of an interpreter that cannot start, or of a traceback the error.
    From ansible-core 2.19 on the error of a module that died is in ``exception`` alone, and there is no ``msg``.

    :param result: of the module, as plain data, with all its keys.
    :returns: empty where there is nothing at all.
    """
    said = str(result.get("msg") or "").strip()
    if said and not said.startswith(_SAYS_NOTHING):
        return said
    for key in ("module_stderr", "module_stdout", "exception"):
        lines = [line.strip() for line in str(result.get(key) or "").splitlines() if line.strip()]
        if lines and not lines[-1].startswith(_SAYS_NOTHING):
            return f"a module of Ansible failed on the host: {lines[-1][:_LONGEST_LAST_LINE]}"
    return said


def printed_cleanly(printed: str) -> str:
    """Return what a module printed, of which nothing can steer a terminal that ansible-core itself shows: the warnings
    in its JSON, and whatever else the host has printed around that.
    """
    if _STEERS.search(printed):
        printed = _cleaned_around(printed)
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


def _cleaned_around(printed: str) -> str:
    """Clean what is before and after the JSON; all of it where there is none."""
    start = max(printed.find("{"), 0)
    try:
        _answer, end = json.JSONDecoder().raw_decode(printed, start)
    except (ValueError, RecursionError):
        return str(without_controls(printed))
    return f"{without_controls(printed[:start])}{printed[start:end]}{without_controls(printed[end:])}"


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
