# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what has to be done so that a host's store holds what is desired. Nothing is read or written here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .adapter import Observed
from .diff import Diff, describe_change, describe_template, is_set
from .document import Document, StoredSecret, StoredTemplate
from .inspection import Inspection, can_be_opened, inspect
from .verifier import Verifiers


@dataclass(frozen=True)
class Desired:
    """A template as it should be.

    :param fields: every field that is no secret, as plain JSON data, with ``name``.
    :param secrets: the secrets that are set, in clear.
    :param update_secrets: compare and update the secrets of a template that exists; otherwise a secret is only set
        where the host has none that can be used, and never removed.
    """

    fields: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    update_secrets: bool = True

    @property
    def name(self) -> str:
        """The template's name."""
        return str(self.fields["name"])


@dataclass(frozen=True)
class Request:
    """What is asked of a store: templates that should be there, names that should not, and whether others may."""

    present: tuple[Desired, ...] = ()
    absent: tuple[str, ...] = ()
    purge: bool = False


@dataclass(frozen=True)
class TemplateResult:
    """What happens to one template: ``created``, ``updated``, ``removed``, ``unchanged`` or ``repaired``."""

    name: str
    action: str
    changed_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedTemplate:
    """A template of the new document: fields, sealed secrets that stay, and secrets that have to be sealed."""

    fields: Mapping[str, Any]
    keep: Mapping[str, StoredSecret]
    seal: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What will be done.

    :param results: one entry a template that is desired, absent or purged.
    :param changed: whether the document has to be written.
    :param undeclared: names of templates that are there, were not asked for, and are left alone.
    :param drift: all that is wrong with the store, in words.
    :param diff: what changes, without secrets.
    :param planned: the templates to make anew.
    :param kept: the templates that stay as they are.
    :param verifiers: the verifiers of the document.
    :param keep_old: whether to keep the old document beside the new one.
    """

    results: tuple[TemplateResult, ...]
    changed: bool
    undeclared: tuple[str, ...]
    drift: tuple[str, ...]
    diff: Diff
    planned: tuple[PlannedTemplate, ...]
    kept: tuple[StoredTemplate, ...]
    verifiers: Verifiers = field(repr=False)
    keep_old: bool = False


def make_plan(request: Request, observed: Observed) -> Plan:
    """Compare what is desired with what was read.

    :raises NewerFormat: when a newer version of this collection wrote the document.
    :raises StoreError: when this Python cannot compute the password verifiers.
    """
    inspection = inspect(observed)
    document = inspection.document or Document((), Verifiers.new())
    diff = Diff()
    results: list[TemplateResult] = []
    planned: list[PlannedTemplate] = []
    kept: list[StoredTemplate] = []
    for desired in request.present:
        stored = document.find(desired.name)
        if stored is None:
            result, template = _create(desired, repaired=inspection.damaged)
            diff.add(desired.name, None, describe_template(template.fields, template.seal))
        else:
            result, template = _update(desired, stored, document.verifiers, observed, inspection)
            diff.add(desired.name, *describe_change(result.changed_fields, stored, template, observed))
        results.append(result)
        if stored is not None and result.action == "unchanged":
            kept.append(stored)
        else:
            planned.append(template)

    absent = {name.casefold() for name in request.absent}
    declared = {desired.name.casefold() for desired in request.present}
    results.extend(TemplateResult(name, "unchanged") for name in request.absent if document.find(name) is None)
    undeclared = []
    for stored in document.templates:
        if stored.name.casefold() in declared:
            continue
        if request.purge or stored.name.casefold() in absent:
            results.append(TemplateResult(stored.name, "removed"))
            diff.add(stored.name, describe_template(stored.fields, stored.secrets), None)
        else:
            undeclared.append(stored.name)
            kept.append(stored)

    repaired = [result.name for result in results if result.action in ("repaired", "removed")]
    changed = any(result.action != "unchanged" for result in results) or (
        observed.exists and bool(inspection.file_drift)
    )
    if changed:
        diff.drift = [*inspection.file_drift, *_drift_of(repaired, inspection)]
    return Plan(
        results=tuple(results),
        changed=changed,
        undeclared=tuple(undeclared),
        drift=inspection.drift,
        diff=diff,
        planned=tuple(planned),
        kept=tuple(kept),
        verifiers=document.verifiers,
        keep_old=inspection.damaged or any(result.action == "repaired" for result in results),
    )


def _create(desired: Desired, *, repaired: bool) -> tuple[TemplateResult, PlannedTemplate]:
    template = PlannedTemplate(desired.fields, {}, desired.secrets)
    fields = [name for name, value in desired.fields.items() if is_set(value)]
    action = "repaired" if repaired else "created"
    return TemplateResult(desired.name, action, (*fields, *desired.secrets)), template


def _update(
    desired: Desired, stored: StoredTemplate, verifiers: Verifiers, observed: Observed, inspection: Inspection
) -> tuple[TemplateResult, PlannedTemplate]:
    names = [*desired.fields, *(name for name in stored.fields if name not in desired.fields)]
    changed = [name for name in names if not _same(desired.fields.get(name), stored.fields.get(name))]
    damaged = "fields" in stored.edited_parts()
    keep: dict[str, StoredSecret] = {}
    seal: dict[str, str] = {}
    for name in sorted({*desired.secrets, *stored.secrets}):
        secret = desired.secrets.get(name)
        usable = name in stored.secrets and can_be_opened(stored, name, observed)
        if _secret_stays(desired, stored, name, verifiers, usable=usable):
            keep[name] = stored.secrets[name]
            continue
        changed.append(name)
        damaged = damaged or (name in stored.secrets and not usable)
        if secret is not None:
            seal[name] = secret
    action = "repaired" if damaged else "updated" if changed else "unchanged"
    # A name can be there twice: of a secret, and of the same name among the fields, written by hand.
    changed_fields = tuple(dict.fromkeys(changed))
    return TemplateResult(desired.name, action, changed_fields), PlannedTemplate(desired.fields, keep, seal)


def _secret_stays(desired: Desired, stored: StoredTemplate, name: str, verifiers: Verifiers, *, usable: bool) -> bool:
    if name not in stored.secrets or stored.name != desired.name:
        return False  # nothing there; or sealed for another spelling of the name, and cannot be opened under this one
    secret = desired.secrets.get(name)
    if not desired.update_secrets:
        return usable or secret is None
    if secret is None or not usable:
        return False
    return verifiers.matches(stored.name, name, secret, stored.secrets[name].verifier)


def _same(one: Any, other: Any) -> bool:
    # As JSON, because to Python 1 and true are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _drift_of(names: list[str], inspection: Inspection) -> Iterator[str]:
    folded = {name.casefold() for name in names}
    for name, words in inspection.template_drift.items():
        if name.casefold() in folded:
            yield from words
