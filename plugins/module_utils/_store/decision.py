# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one declared template: whether it is made anew, and what differs. Nothing is read or written here."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from .._template.fields import ENROLMENT_CODE
from .._value import Value, field
from .adapter import Observed
from .difference import Difference, describe_change, describe_template, find_differences, is_set
from .document import StoredSecret, StoredTemplate
from .keeping import Desired, retained_fields, same_server, warning_of_new
from .last_tests import LastTest
from .reading import Inspection, can_be_opened
from .sealing import Verifiers, keyed_verifier


class TemplateResult(Value):
    """What happens to one template.

    :param action: ``created``, ``updated``, ``removed``, ``unchanged`` or ``repaired``.
    :param changed_fields: names of the fields and secrets that differ.
    :param differences: what differs in them, for a template that is there and declared.
    :param summary: what was found, in lines without a full stop; none where nothing happens.
    """

    name: str
    action: str
    changed_fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    summary: tuple[str, ...] = ()


class PlannedTemplate(Value):
    """A template of the new document: fields, sealed secrets that stay, and secrets that have to be sealed."""

    fields: Mapping[str, Any]
    keep: Mapping[str, StoredSecret]
    seal: Mapping[str, str] = field(repr=False)


class Decision(Value):
    """What becomes of one declared template.

    :param before: what the diff shows of it as it is, and ``after`` as it will be.
    :param proved: see ``Plan.proved``; None where nothing is issued from it.
    :param warnings: some can be empty.
    :param planned: the template as it is made anew; None where it stays as it is.
    :param kept: the template that stays as it is.
    """

    result: TemplateResult
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    proved: bool | None
    warnings: tuple[str, ...]
    planned: PlannedTemplate | None = None
    kept: StoredTemplate | None = None


def decide(
    desired: Desired,
    stored: StoredTemplate | None,
    verifiers: Verifiers,
    inspection: Inspection,
    observed: Observed,
    last_tests: Mapping[str, LastTest],
) -> Decision:
    """Decide what becomes of a declared template.

    :param stored: the template of that name, where there is one.
    """
    if stored is None:
        result, template = _create(desired, repaired=inspection.damaged)
        after = describe_template(template.fields, template.seal)
        warning = warning_of_new(desired, lost=inspection.damaged)
        return Decision(result, None, after, _as_new(template), (warning,), planned=template)
    result, template, warning = _update(desired, stored, verifiers, observed)
    before, after = describe_change(result.changed_fields, stored, template, observed)
    if result.action != "unchanged":
        return Decision(result, before, after, _as_new(template), (warning,), planned=template)
    lost = [name for name in stored.secrets if not can_be_opened(stored, name, observed)]
    last = last_tests.get(stored.name)
    proved = _as_new(template)
    if proved is not None:
        proved = last is not None and last.proves(stored.content) and not lost
    useless = ""
    if lost:
        useless = (
            f"{' and '.join(lost)} of template '{desired.name}' cannot be opened on this host any more, and no "
            "test can succeed with it: give it again, or say in remove what is to go"
        )
    return Decision(result, before, after, proved, (warning, useless), kept=stored)


def _as_new(template: PlannedTemplate) -> bool | None:
    """Return ``Plan.proved`` of a template that is made anew: None where nothing is issued from it."""
    return None if template.fields.get("device_identity_certificates") is False else False


def _create(desired: Desired, *, repaired: bool) -> tuple[TemplateResult, PlannedTemplate]:
    template = PlannedTemplate(desired.fields, {}, desired.secrets)
    fields = [name for name, value in desired.fields.items() if is_set(value)]
    changed = (*fields, *desired.secrets)
    if repaired:
        lost = ("is lost with the damaged document",)
        return TemplateResult(desired.name, "repaired", changed, summary=lost), template
    return TemplateResult(desired.name, "created", changed, summary=("is not in the store",)), template


def _update(
    desired: Desired, stored: StoredTemplate, verifiers: Verifiers, observed: Observed
) -> tuple[TemplateResult, PlannedTemplate, str]:
    stays = retained_fields(desired, stored)
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
    summary = () if action == "unchanged" else (*edited, *(str(entry) for entry in differences))
    return TemplateResult(desired.name, action, changed_fields, differences, summary), planned, stays.warning


def _secret_stays(
    desired: Desired, stored: StoredTemplate, name: str, verifiers: Verifiers, observed: Observed, *, usable: bool
) -> bool:
    if name not in stored.secrets or stored.name != desired.name:
        return False  # nothing there; or sealed for another spelling of the name, and cannot be opened under this one
    secret = desired.secrets.get(name)
    if secret is None and desired.spoken_for(name):
        return False
    if name in ("password", ENROLMENT_CODE) and not same_server(desired, stored, {}) and not desired.update_secrets:
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
