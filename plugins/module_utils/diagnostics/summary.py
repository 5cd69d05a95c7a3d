# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a report for people. Platform-neutral."""

from __future__ import annotations

import textwrap
from typing import Any, Dict, List, Mapping, Sequence

from ..est.plain_text import printable
from .finding import Finding

_WIDTH = 110
_SHOWN_LEFT_OUT = 20
_LONGEST = 600


def summarise(
    report: Mapping[str, Any], findings: Sequence[Finding], left_out: Sequence[Mapping[str, str]]
) -> List[str]:
    """The lines of the summary: what does not work first, each with what to do, then all else that was found.

    :param left_out: ``path`` and ``reason`` of what is not in the archive, or not whole.
    """
    controller = report["controller"]
    failed = [finding for finding in findings if not finding.ok]
    lines = [
        f"Diagnostics of {printable(report['host'], 200)}, {report['collected_at']}",
        f"maas360.cloud_extender {controller['collection']}, ansible-core {controller['ansible_core']}, "
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
    not_told = report.get("not_told", ())
    if not_told:
        lines += ["", "NOT TOLD OF A WINDOWS HOST"]
        for what in not_told:
            lines.extend(_paragraph("", what))
    if left_out:
        lines += ["", "NOT IN THIS ARCHIVE, OR NOT WHOLE"]
        for entry in left_out[:_SHOWN_LEFT_OUT]:
            lines.extend(_paragraph("", f"{entry['path']}: {entry['reason']}"))
        if len(left_out) > _SHOWN_LEFT_OUT:
            lines.append(f"  and {len(left_out) - _SHOWN_LEFT_OUT} more, see diagnostics.json")
    return lines


def problems(findings: Sequence[Finding]) -> List[Dict[str, str]]:
    """What does not work, as plain data."""
    return [
        {"section": finding.section, "reason": finding.text, "hint": finding.hint}
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
