# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what has to be done so that a host's store holds what is desired. Nothing is read or written here."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator, Mapping

from .._value import Value, field
from .adapter import Observed
from .decision import Decision, Desired, PlannedTemplate, TemplateResult, decide
from .difference import Diff, describe_template
from .document import Document, SealingKey, StoredTemplate
from .errors import StoreError
from .last_tests import LastTest, parse_last_tests
from .protection import is_protected
from .reading import Inspection, can_be_opened, inspect
from .sealing import Known, Verifiers


class Request(Value):
    """What is asked of a store.

    :param present: templates that should be there.
    :param absent: names that should not.
    :param purge: remove all others.
    :param purge_keep: names that are never purged; see ``is_protected()``.
    :param rotate_key: replace the sealing key by a new one, and seal everything anew.
    :param rotate_key_after_days: do so where it is at least so many days old; None for never.
    """

    present: tuple[Desired, ...] = ()
    absent: tuple[str, ...] = ()
    purge: bool = False
    purge_keep: tuple[str, ...] = ()
    rotate_key: bool = False
    rotate_key_after_days: int | None = None


class Plan(Value):
    """What will be done.

    :param results: one entry for each template that is desired, absent or purged.
    :param changed: whether the document has to be written.
    :param undeclared: names of templates that are there, were not asked for, and are left alone.
    :param problems: all that is wrong with the store, in words.
    :param diff: what changes, without secrets.
    :param planned: the templates to make anew.
    :param kept: the templates that stay as they are.
    :param verifiers: the verifiers of the document.
    :param declared: the secrets that were declared, in clear, by template and field.
    :param keep_old: whether to keep the old document beside the new one.
    :param sealing_key: the sealing key that the document names.
    :param rotate: whether the sealing key in force is replaced, and everything sealed anew.
    :param new_key: whether a new sealing key is needed.
    :param last_tests: what came of the last test of each template, by name.
    :param proved: of each declared template that is not switched off, whether a test has proved it as it will be.
    :param warnings: what somebody should know, in words.
    """

    results: tuple[TemplateResult, ...]
    changed: bool
    undeclared: tuple[str, ...]
    problems: tuple[str, ...]
    diff: Diff
    planned: tuple[PlannedTemplate, ...]
    kept: tuple[StoredTemplate, ...]
    verifiers: Verifiers = field(repr=False)
    declared: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    keep_old: bool = False
    sealing_key: SealingKey | None = None
    rotate: bool = False
    new_key: bool = False
    last_tests: Mapping[str, LastTest] = field(default_factory=dict)
    proved: Mapping[str, bool] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def unproved(self) -> list[str]:
        """The names of the declared templates that no test has proved as they will be."""
        return [name for name, proved in self.proved.items() if not proved]

    @property
    def needs_key(self) -> bool:
        """Whether the sealing key that is in force is needed to carry it out."""
        return self.rotate or (not self.new_key and any(template.seal for template in self.planned))


def make_plan(request: Request, observed: Observed) -> Plan:
    """Compare what is desired with what was read.

    :raises NewerFormat: when a newer version of this collection wrote the document.
    :raises StoreError: when this Python cannot compute the password verifiers, or the sealing key cannot be rotated
        without losing a secret.
    """
    inspection = inspect(observed)
    document = inspection.document or Document((), Verifiers.new())
    declared = _declared_secrets(request)
    if observed.key is None:
        _match_together(document, declared)
    last_tests = parse_last_tests(observed.last_tests)
    decisions = _decisions(request, document, inspection, observed, last_tests)
    removed, undeclared = _others(document, request)
    results = _results(decisions, removed, request, document)
    planned = list(filter(None, (decision.planned for decision in decisions)))
    kept = [*filter(None, (decision.kept for decision in decisions)), *undeclared]
    asked = request.rotate_key or _is_old(document.sealing_key, observed, request.rotate_key_after_days)
    rotate = asked and observed.key_fingerprint != ""
    if asked:
        _refuse_to_lose([*((entry, entry.secrets) for entry in kept), *_kept_secrets(planned, document)], observed)
    actions = {result.action for result in results}
    changed = rotate or not actions <= {"unchanged"} or (observed.exists and bool(inspection.file_problems))
    return Plan(
        results=tuple(results),
        changed=changed,
        undeclared=tuple(stored.name for stored in undeclared),
        problems=inspection.problems,
        diff=_diff(decisions, results, inspection, removed, changed=changed, rotate=rotate),
        planned=tuple(planned),
        kept=tuple(kept),
        verifiers=document.verifiers,
        declared=declared,
        keep_old=inspection.damaged or "repaired" in actions,
        sealing_key=document.sealing_key,
        rotate=rotate,
        new_key=rotate or _needs_first_key(observed, planned),
        last_tests=last_tests,
        proved=_proved(decisions),
        warnings=tuple(warning for decision in decisions for warning in decision.warnings if warning),
    )


def _declared_secrets(request: Request) -> dict[tuple[str, str], str]:
    return {(desired.name, name): secret for desired in request.present for name, secret in desired.secrets.items()}


def _match_together(document: Document, declared: Mapping[tuple[str, str], str]) -> None:
    """Compare all secrets that were known together when the document was written, in one step."""
    joint = document.joint
    if joint is None:
        return
    known = []
    for template, name in joint.of:
        stored = document.find(template)
        secret = declared.get((template, name))
        if secret is None or stored is None or stored.name != template or name not in stored.secrets:
            return
        known.append(Known(template, name, secret, stored.secrets[name].digest))
    document.verifiers.match_together(known, joint.verifier)


def _decisions(
    request: Request,
    document: Document,
    inspection: Inspection,
    observed: Observed,
    last_tests: Mapping[str, LastTest],
) -> list[Decision]:
    return [
        decide(desired, document.find(desired.name), document.verifiers, inspection, observed, last_tests)
        for desired in request.present
    ]


def _results(
    decisions: list[Decision], removed: list[tuple[StoredTemplate, str]], request: Request, document: Document
) -> list[TemplateResult]:
    return [
        *(decision.result for decision in decisions),
        *(TemplateResult(name, "unchanged") for name in request.absent if document.find(name) is None),
        *(TemplateResult(stored.name, "removed", summary=(why,)) for stored, why in removed),
    ]


def _others(document: Document, request: Request) -> tuple[list[tuple[StoredTemplate, str]], list[StoredTemplate]]:
    """Return the templates that are not declared: those that go, each with the reason, and those that stay."""
    declared = {desired.name.casefold() for desired in request.present}
    removed, left = [], []
    for stored in document.templates:
        if stored.name.casefold() in declared:
            continue
        why = _why_removed(stored.name, request)
        if why:
            removed.append((stored, why))
        else:
            left.append(stored)
    return removed, left


def _proved(decisions: list[Decision]) -> dict[str, bool]:
    """Return, by name, whether a test has proved the templates from which something is issued."""
    return {decision.result.name: decision.proved for decision in decisions if decision.proved is not None}


def _diff(
    decisions: list[Decision],
    results: list[TemplateResult],
    inspection: Inspection,
    removed: list[tuple[StoredTemplate, str]],
    *,
    changed: bool,
    rotate: bool,
) -> Diff:
    diff = Diff()
    for decision in decisions:
        diff.add(decision.result.name, decision.before, decision.after)
    for stored, _why in removed:
        diff.add(stored.name, describe_template(stored.fields, stored.secrets), None)
    if changed:
        repaired = [result.name for result in results if result.action in ("repaired", "removed")]
        diff.problems = [*inspection.file_problems, *_problems_of(repaired, inspection)]
    if rotate:
        diff.of_store["sealing_key"] = ("(in use)", "(new, everything is sealed anew)")
    return diff


def _is_old(known: SealingKey | None, observed: Observed, days: int | None) -> bool:
    """Say whether the sealing key in force is at least so many days old; one of unknown age is.

    :param known: what the document says of its key.
    :param days: None for no bound.
    """
    if days is None or not observed.key_fingerprint:
        return False
    if known is None or known.fingerprint != observed.key_fingerprint or known.since is None:
        return True
    age = _days_since(known.since)
    return age is None or age >= days


def _needs_first_key(observed: Observed, planned: list[PlannedTemplate]) -> bool:
    """Say whether there is no sealing key in force, and one is needed."""
    needed = observed.key_damage != "" or any(entry.seal for entry in planned)
    return not observed.key_fingerprint and needed


def _why_removed(name: str, request: Request) -> str:
    """Return why a template that is there and not declared has to go, or an empty string where it stays."""
    folded = name.casefold()
    if any(absent.casefold() == folded for absent in request.absent):
        return "is in the store, and should not be"
    if request.purge and not is_protected(name, request.purge_keep):
        return "is in the store, and not declared"
    return ""


def _kept_secrets(planned: list[PlannedTemplate], document: Document) -> Iterator[tuple[StoredTemplate, Iterable[str]]]:
    for template in planned:
        stored = document.find(str(template.fields["name"]))
        if stored is not None:
            yield stored, template.keep


def _refuse_to_lose(stays: Iterable[tuple[StoredTemplate, Iterable[str]]], observed: Observed) -> None:
    """Refuse to seal everything anew where a secret that stays cannot be opened.

    :param stays: stored templates, and the names of their secrets that stay.
    """
    lost = ", ".join(
        f"{name} of template '{template.name}'"
        for template, names in stays
        for name in names
        if not can_be_opened(template, name, observed)
    )
    if lost:
        raise StoreError(
            f"the sealing key of the template store in {observed.store_path} cannot be rotated: {lost} cannot be "
            "opened, and would be lost; nothing was written: apply each such template with its secret, or remove it",
            code="secret_not_opened",
        )


def _problems_of(names: list[str], inspection: Inspection) -> Iterator[str]:
    folded = {name.casefold() for name in names}
    for name, words in inspection.template_problems.items():
        if name.casefold() in folded:
            yield from words


def _days_since(moment: str) -> float | None:
    """Return how many days ago such a time was, below 0 where it is to come; None where there is no such day."""
    try:
        return (time.time() - calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ"))) / 86400
    except ValueError:
        return None
