# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From all that was collected to the report, its summary, the archive, and the result of the task. Platform-neutral."""

from __future__ import annotations

import base64
import json
import re
import textwrap
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._value import Value, field
from ..est.base.text import printable, redact
from .archive import Member, UniqueNames, pack, safe_path
from .collect import failed
from .findings import Finding, clock_offset, judge
from .log_text import CLEANED, clean_section
from .logs import take_logs
from .stored import Stored

# ----------------------------------------------------------------------------------------------------------------------
# The summary of a report for people.

_WIDTH = 110
_SHOWN_SKIPPED_FILES = 20
_LONGEST = 600


def summarise(
    report: Mapping[str, Any], findings: Sequence[Finding], skipped_files: Sequence[Mapping[str, str]]
) -> List[str]:
    """The lines of the summary: what does not work first, each with what to do, then all else that was found.

    :param skipped_files: ``path`` and ``reason`` of what is not in the archive, or not whole.
    """
    controller = report["controller"]
    failed = [finding for finding in findings if not finding.ok]
    lines = [
        f"Diagnostics of {printable(report['host'], 200)}, {report['collected_at']}",
        f"estfleet.cloud_extender {controller['collection']}, ansible-core {controller['ansible_core']}, "
        f"controller Python {controller['python']}",
        "",
        f"WHAT DOES NOT WORK: {_count(len(failed), 'problem')}" if failed else "WHAT DOES NOT WORK: nothing found",
    ]
    for finding in failed:
        lines.extend(_paragraph(f"{finding.section:<9}", finding.text))
        if finding.hint:
            lines.extend(_paragraph("       ->", finding.hint))
    lines += ["", "WHAT ELSE WAS FOUND"]
    for finding in findings:
        if finding.ok:
            took = f" ({finding.milliseconds:g} ms)" if finding.milliseconds is not None else ""
            lines.extend(_paragraph(f"{finding.section:<9}", finding.text + took))
    if skipped_files:
        lines += ["", "NOT IN THIS ARCHIVE, OR NOT WHOLE"]
        for entry in skipped_files[:_SHOWN_SKIPPED_FILES]:
            lines.extend(_paragraph("", f"{entry['path']}: {entry['reason']}"))
        if len(skipped_files) > _SHOWN_SKIPPED_FILES:
            lines.append(f"  and {len(skipped_files) - _SHOWN_SKIPPED_FILES} more, see diagnostics.json")
    return lines


def problems(findings: Sequence[Finding]) -> List[Dict[str, Optional[str]]]:
    """What does not work, as plain data."""
    return [
        {"section": finding.section, "error_code": finding.code, "reason": finding.text, "hint": finding.hint or None}
        for finding in findings
        if not finding.ok
    ]


def _paragraph(label: str, text: str) -> List[str]:
    first = f"  {label} " if label else "  "
    return textwrap.wrap(
        printable(text, _LONGEST),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# ----------------------------------------------------------------------------------------------------------------------

FORMAT = "estfleet.cloud_extender.diagnostics"
FORMAT_VERSION = 1
_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----([^-]+)-----END")

_HOST_HINT = "Check that Ansible can run modules on the host: ansible -m ansible.builtin.ping."
_WITHHELD = Finding(
    "logs",
    False,
    "logs were left out: passwords of templates cannot be opened, so nobody could take them out of the logs",
    "Apply the templates again, or give the passwords in redact.",
    code="logs_withheld",
)


class Collected(Value):
    """What the host answered.

    :param answer: see ``collect()``; empty where there is none.
    :param servers: sections with what ``seen()`` made of its relays.
    :param trouble: why there is none, or an empty string.
    :param sent, received: when it was asked and when the answer was there, by the clock of the controller.
    """

    answer: Mapping[str, Any] = field(repr=False)
    servers: Sequence[Mapping[str, Any]] = field(repr=False)
    trouble: str
    sent: float
    received: float


class Report:
    """A report on one host.

    :param began: seconds since the epoch, by the clock of the controller.
    :param targets: see ``find_targets()``, for this and ``unusable``.
    :param logs_withheld: whether logs were asked for and left out because of secrets that are not known.
    :param secrets: texts that may be nowhere in it.
    :param max_log_octets: of all logs together, as it was asked for: a host may not send any amount.
    """

    def __init__(
        self,
        *,
        host: str,
        began: float,
        controller: Mapping[str, Any],
        stored: Stored,
        collected: Collected,
        targets: Sequence[Mapping[str, Any]],
        unusable: Sequence[Tuple[str, str, str]],
        logs_withheld: bool,
        secrets: Sequence[str],
        max_log_octets: int,
    ) -> None:
        self._began = int(began)
        answer = collected.answer
        self._secrets = secrets
        self._max_log_octets = max_log_octets
        self._files: List[Member] = []
        self._skipped_files: List[Dict[str, str]] = []
        data: Dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "host": host,
            "collected_at": _utc(began),
            "controller": dict(controller),
            "store": failed(stored.problem, code=stored.error_code)
            if stored.problem
            else {"ok": True, "data": {"store_path": stored.store_path, **stored.description}},
        }
        if answer:
            sections = answer["sections"]
            data["clock"] = clock_offset(collected.sent, answer["started"], answer["ended"], collected.received)
            data["system"] = sections["system"]
            data.update({name: clean_section(name, sections[name]) for name in CLEANED if name in sections})
            data["tests"] = self._take_tests(sections["tests"])
            data["logs"] = self._take_logs(sections["logs"])
        else:
            data["system"] = failed(
                f"nothing could be collected on the host: {collected.trouble}", _HOST_HINT, code="module_failed"
            )
        data["servers"] = [
            {"templates": target["templates"], "section": section}
            for target, section in zip(targets, collected.servers)
        ]
        data["servers"] += [{"templates": [name], "section": failed(why, code=code)} for name, code, why in unusable]
        self._data: Dict[str, Any] = _redacted(data, secrets)
        self._skipped_files = _redacted(self._skipped_files, secrets)
        self._findings = judge(self._data)
        if logs_withheld and answer:
            self._findings = [one for one in self._findings if one.section != "logs"] + [_WITHHELD]
        self.summary = summarise(self._data, self._findings, self._skipped_files)

    def _take_tests(self, section: Mapping[str, Any]) -> Dict[str, Any]:
        """Put the files of the tests into the archive, and only their names into the report."""
        found = section.get("data")
        if found is None:
            return dict(section)
        tests, names = [], UniqueNames()
        self._leave_out(found["skipped_files"])
        for test in found["tests"]:
            folder, modified = names.take(safe_path(str(test["name"]))), int(test["modified"])
            for name, content in sorted(test["files"].items()):
                octets = base64.b64decode(content, validate=True)
                if _has_one_of(self._secrets, octets):
                    reason = "holds a secret of a template, such as an enrolment code"
                    self._leave_out([(f"{found['output_path']}: {test['name']}/{name}", reason)])
                else:
                    self._files.append((f"tests/{folder}/{safe_path(name)}", modified, octets))
            tests.append(
                {
                    "name": folder,
                    "modified": modified,
                    "modified_at": _utc(modified),
                    "has_private_key": bool(test["has_private_key"]),
                    "files": sorted(test["files"]),
                }
            )
        return {**section, "data": {"output_path": found["output_path"], "tests": tests}}

    def _take_logs(self, section: Mapping[str, Any]) -> Dict[str, Any]:
        """Put the logs into the archive, and only their names into the report."""
        found = section["data"]
        logs, left_out = take_logs(found["files"], self._max_log_octets, self._secrets)
        self._files.extend((log.name, log.modified, log.data) for log in logs)
        skipped_files = [*found["skipped_files"], *map(list, left_out)]
        self._leave_out(skipped_files)
        files = [{"path": log.path, "size": log.size, "octets": len(log.data), "member": log.name} for log in logs]
        return {**section, "data": {"files": files, "skipped_files": skipped_files}}

    def _leave_out(self, entries: Sequence[Sequence[str]]) -> None:
        self._skipped_files.extend({"path": path, "reason": reason} for path, reason in entries)

    def result(self, archive: str) -> Dict[str, Any]:
        """The result of the task."""
        return {
            "changed": True,
            "archive": archive,
            "summary": self.summary,
            "problems": problems(self._findings),
            "skipped_files": self._skipped_files,
        }

    def archive(self, folder: str) -> bytes:
        """The archive, with the summary as its first member.

        :param folder: the one folder in it.
        """
        return pack(
            folder,
            [
                ("SUMMARY.txt", self._began, ("\n".join(self.summary) + "\n").encode("utf-8", "replace")),
                ("diagnostics.json", self._began, self._as_json()),
                *self._files,
            ],
        )

    def _as_json(self) -> bytes:
        whole = {**self._data, "problems": problems(self._findings), "skipped_files": self._skipped_files}
        return (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _has_one_of(secrets: Sequence[str], content: bytes) -> bool:
    """Whether a PEM file, or a text, has a secret in it: a request can have an enrolment code."""
    bodies = [content, *(_decoded(body) for body in _PEM.findall(content))]
    return any(secret.encode("utf-8", "surrogatepass") in body for secret in secrets for body in bodies if secret)


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body)
    except ValueError:
        return b""


def _redacted(value: Any, secrets: Sequence[str]) -> Any:
    """Plain data without secrets. The keys are ours."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {key: _redacted(entry, secrets) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(entry, secrets) for entry in value]
    return value


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
