# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what has to be done so that a host's store holds what is desired. Nothing is read or written here."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._value import Value, field
from .adapter import Observed
from .difference import Diff, Difference, describe_change, describe_template, find_differences, is_set
from .document import Document, SealingKey, StoredSecret, StoredTemplate
from .errors import StoreError
from .keeping import Desired, same_server, warning_of_new, what_stays
from .last_tests import LastTest, parse_last_tests
from .reading import Inspection, can_be_opened, inspect
from .sealing import Verifiers, keyed_verifier

# ----------------------------------------------------------------------------------------------------------------------
# Which templates a purge leaves alone.


def is_protected(name: str, keep: Iterable[str]) -> bool:
    """Say whether a template is never purged.

    :param name: the name of the template.
    :param keep: names, in which case does not count, ``*`` stands for any characters and ``?`` for any one. Nothing
        else is special, so that every name stands for itself.
    """
    return any(re.fullmatch(_expression(pattern.casefold()), name.casefold(), re.DOTALL) for pattern in keep)


def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)


# ----------------------------------------------------------------------------------------------------------------------


class Request(Value):
    """What is asked of a store.

    :param present: templates that should be there.
    :param absent: names that should not.
    :param purge: remove all others.
    :param purge_keep: names that are never purged; see ``is_protected()``.
    :param rotate_key: replace the sealing key by a new one, and seal everything anew.
    """

    present: tuple[Desired, ...] = ()
    absent: tuple[str, ...] = ()
    purge: bool = False
    purge_keep: tuple[str, ...] = ()
    rotate_key: bool = False


class TemplateResult(Value):
    """What happens to one template.

    :param action: ``created``, ``updated``, ``removed``, ``unchanged`` or ``repaired``.
    :param changed_fields: names of the fields and secrets that differ.
    :param differences: what differs in them, for a template that is there and declared.
    :param summary: what was found in words, without a full stop; empty where nothing happens.
    """

    name: str
    action: str
    changed_fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    summary: str = ""


class PlannedTemplate(Value):
    """A template of the new document: fields, sealed secrets that stay, and secrets that have to be sealed."""

    fields: Mapping[str, Any]
    keep: Mapping[str, StoredSecret]
    seal: Mapping[str, str] = field(repr=False)


class Plan(Value):
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
    :param sealing_key: the sealing key that the document names.
    :param rotate: whether the sealing key in force is replaced, and everything sealed anew.
    :param new_key: whether a new sealing key is needed.
    :param last_tests: what came of the last test of each template, by name; None where that was not looked at.
    :param proved: of each declared template that is not switched off, whether a test has proved it as it will be.
    :param warnings: what somebody should know, in words.
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
    sealing_key: SealingKey | None = None
    rotate: bool = False
    new_key: bool = False
    last_tests: Mapping[str, LastTest] | None = None
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
    diff = Diff()
    results: list[TemplateResult] = []
    planned: list[PlannedTemplate] = []
    kept: list[StoredTemplate] = []
    warnings: list[str] = []
    last_tests = None if observed.last_tests is None else parse_last_tests(observed.last_tests)
    proved: dict[str, bool] = {}
    for desired in request.present:
        stored = document.find(desired.name)
        if stored is None:
            result, template = _create(desired, repaired=inspection.damaged)
            diff.add(desired.name, None, describe_template(template.fields, template.seal))
            warnings.append(warning_of_new(desired, lost=inspection.damaged))
        else:
            result, template, warning = _update(desired, stored, document.verifiers, observed)
            warnings.append(warning)
            diff.add(desired.name, *describe_change(result.changed_fields, stored, template, observed))
        results.append(result)
        stays = stored is not None and result.action == "unchanged"
        if stored is not None and stays:
            kept.append(stored)
        else:
            planned.append(template)
        if template.fields.get("device_identity_certificates") is not False:  # or nothing is issued from it
            last = (last_tests or {}).get(stored.name) if stored is not None and stays else None
            proved[desired.name] = last is not None and stored is not None and last.proves(stored.content)
        if stored is not None and stays:
            lost = [name for name in stored.secrets if not can_be_opened(stored, name, observed)]
            if lost:
                proved.update({desired.name: False} if desired.name in proved else {})
                warnings.append(
                    f"{' and '.join(lost)} of template '{desired.name}' cannot be opened on this host any more, and no "
                    "test can succeed with it: give it again, or say in remove what shall go"
                )

    results.extend(TemplateResult(name, "unchanged") for name in request.absent if document.find(name) is None)
    undeclared = []
    declared = {desired.name.casefold() for desired in request.present}
    for stored in document.templates:
        if stored.name.casefold() in declared:
            continue
        why = _why_removed(stored.name, request)
        if why:
            results.append(TemplateResult(stored.name, "removed", summary=why))
            diff.add(stored.name, describe_template(stored.fields, stored.secrets), None)
        else:
            undeclared.append(stored.name)
            kept.append(stored)

    rotate = request.rotate_key and observed.key_fingerprint != ""
    if request.rotate_key:
        _refuse_to_lose([*((entry, entry.secrets) for entry in kept), *_kept_secrets(planned, document)], observed)
    repaired = [result.name for result in results if result.action in ("repaired", "removed")]
    changed = (
        rotate
        or any(result.action != "unchanged" for result in results)
        or (observed.exists and bool(inspection.file_drift))
    )
    if changed:
        diff.drift = [*inspection.file_drift, *_drift_of(repaired, inspection)]
    if rotate:
        diff.of_store["sealing_key"] = ("(in use)", "(new, everything is sealed anew)")
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
        sealing_key=document.sealing_key,
        rotate=rotate,
        new_key=rotate
        or (not observed.key_fingerprint and (observed.key_damage != "" or any(entry.seal for entry in planned))),
        last_tests=last_tests,
        proved=proved,
        warnings=tuple(filter(None, warnings)),
    )


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
            "opened, and would be lost; nothing was written: apply each such template with its secret, or remove it"
        )


def _create(desired: Desired, *, repaired: bool) -> tuple[TemplateResult, PlannedTemplate]:
    template = PlannedTemplate(desired.fields, {}, desired.secrets)
    fields = [name for name, value in desired.fields.items() if is_set(value)]
    changed = (*fields, *desired.secrets)
    if repaired:
        return TemplateResult(desired.name, "repaired", changed, summary="is lost with the damaged document"), template
    return TemplateResult(desired.name, "created", changed, summary="is not in the store"), template


def _update(
    desired: Desired, stored: StoredTemplate, verifiers: Verifiers, observed: Observed
) -> tuple[TemplateResult, PlannedTemplate, str]:
    stays = what_stays(desired, stored)
    fields = {**desired.fields, **stays.fields}
    names = [*fields, *(name for name in stored.fields if name not in fields)]
    changed = [name for name in names if not _same(fields.get(name), stored.fields.get(name))]
    damaged = "fields" in stored.edited_parts()
    keep: dict[str, StoredSecret] = {}
    seal: dict[str, str] = {}
    for name in sorted({*desired.secrets, *stored.secrets}):
        secret = desired.secrets.get(name)
        usable = name in stored.secrets and can_be_opened(stored, name, observed)
        if name in stays.secrets or _secret_stays(desired, stored, name, verifiers, observed, usable=usable):
            keep[name] = stored.secrets[name]
            continue
        changed.append(name)
        damaged = damaged or (name in stored.secrets and not usable)
        if secret is not None:
            seal[name] = secret
    action = "repaired" if damaged else "updated" if changed else "unchanged"
    # A name can be there twice: of a secret, and of the same name among the fields, written by hand.
    changed_fields = tuple(dict.fromkeys(changed))
    planned = PlannedTemplate(fields, keep, seal)
    differences = find_differences(changed_fields, stored, planned, observed)
    edited = ["was edited by hand"] if stored.edited_parts() else []
    summary = "" if action == "unchanged" else "; ".join([*edited, *(str(entry) for entry in differences)])
    return TemplateResult(desired.name, action, changed_fields, differences, summary), planned, stays.warning


def _secret_stays(
    desired: Desired, stored: StoredTemplate, name: str, verifiers: Verifiers, observed: Observed, *, usable: bool
) -> bool:
    if name not in stored.secrets or stored.name != desired.name:
        return False  # nothing there; or sealed for another spelling of the name, and cannot be opened under this one
    secret = desired.secrets.get(name)
    if secret is None and desired.spoken_for(name):
        return False
    if name == "password" and not same_server(desired, stored, {}) and not desired.update_secrets:
        return False  # it was for another server, and is not sent to this one
    if not desired.update_secrets:
        return usable or secret is None
    if secret is None or not usable:
        return False
    there = stored.secrets[name]
    if observed.key is not None and there.keyed_verifier:
        made = keyed_verifier(observed.key, stored.name, name, secret)
        return hmac.compare_digest(made.encode("ascii"), there.keyed_verifier.encode("utf-8"))
    return verifiers.matches(stored.name, name, secret, there.verifier)


def _same(one: Any, other: Any) -> bool:
    if type(one) is type(other) and not isinstance(one, (list, dict)):
        return bool(one == other)
    # As JSON, because to Python 1 and true are equal, within a list too.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _drift_of(names: list[str], inspection: Inspection) -> Iterator[str]:
    folded = {name.casefold() for name in names}
    for name, words in inspection.template_drift.items():
        if name.casefold() in folded:
            yield from words
