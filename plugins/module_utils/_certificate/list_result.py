# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of ``est_certificates`` as plain data: what became of each certificate, and what that makes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Optional

from .._failure import failure
from .list_parameters import CERTIFICATES
from .parameters import CertificateParameters

#: By what a certificate is known: the one of these that its result has, or its options have.
KNOWN_BY = ("certificate_path", "output_path", "certificate_name")


def of_one(asked: CertificateParameters, outcome: Mapping[str, Any]) -> Dict[str, Any]:
    """What became of one certificate, with the option by which it is known, and whose warnings say which it is."""
    if asked.certificate_path:
        known_by, name = {"certificate_path": asked.certificate_path}, asked.certificate_path
    else:
        known_by = {"certificate_name": asked.identity.certificate_name}
        name = f"{asked.template_name} {asked.identity.certificate_name}"
    return {**known_by, **outcome, "warnings": [f"{name}: {warning}" for warning in outcome.get("warnings", ())]}


def of_all(outcomes: Sequence[Mapping[str, Any]], purged: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """The result of the task; a failed one where a certificate could not be had, or removed.

    :param outcomes: those of ``of_one()``, without their warnings.
    :param purged: what the result says of a purge; ``None`` where there was none.
    """
    of_purge = dict(purged or {})
    parts = [*outcomes, of_purge]
    changed = any(part.get("changed") for part in parts)
    result: Dict[str, Any] = {**of_purge, CERTIFICATES: [dict(outcome) for outcome in outcomes]}
    diffs = [part["diff"] for part in parts if part.get("diff")]
    if diffs:
        removed = sum(bool(each["files"]) for each in of_purge.get("purged", ()))
        result["diff"] = _difference(diffs, sum(bool(outcome.get("diff")) for outcome in outcomes) + removed)
    failed = [outcome for outcome in outcomes if outcome.get("failed")]
    if failed:
        result.update(_failure(failed, len(outcomes)))
    return {**result, "changed": changed}


def _failure(failed: Sequence[Mapping[str, Any]], of: int) -> Dict[str, Any]:
    first = failed[0]
    name = next(filter(None, map(first.get, KNOWN_BY)), None)
    how_many = f"{len(failed)} of {of} certificate{'' if of == 1 else 's'} could not be had"
    others = f" The other {len(failed) - 1} are told in {CERTIFICATES} of the result." if len(failed) > 1 else ""
    reason = f"{how_many}; {'the first, ' if len(failed) > 1 else ''}{name}: {first['reason']}"
    return failure(f"{how_many}. {name}: {first['msg']}{others}", first["error_code"], reason, first.get("hint"))


def _difference(diffs: Sequence[Mapping[str, str]], count: int) -> Dict[str, str]:
    """The differences of certificates one after the other, each below its header.

    :param count: how many certificates they are about.
    """
    texts: Dict[str, List[str]] = {"before": [], "after": []}
    for diff in diffs:
        for side, found in texts.items():
            found.append(f"{diff[f'{side}_header']}\n{diff[side]}")
    header = f"{count} certificate{'' if count == 1 else 's'}"
    return {
        "before_header": header,
        "before": "\n".join(texts["before"]),
        "after_header": header,
        "after": "\n".join(texts["after"]),
    }
