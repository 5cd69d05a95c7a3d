# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new bundle changes in an old one, without secrets: names, fields, and that secrets differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..store.diff import describe_template
from ..store.difference import NOT_SET, SET, SET_DIFFERENT, is_set
from ..store.plan import TemplateResult
from ..template.fields import FIELDS
from ..template.model import Template
from .content import Content
from .existing import Existing, describe
from .file import FILE_MODE


@dataclass
class Comparison:
    """What changes.

    :param changed: whether the bundle has to be written.
    :param results: one entry a template of the old and the new bundle.
    :param before: what changes, as it is now; plain data.
    :param after: what changes, as it will be.
    """

    changed: bool = False
    results: list[TemplateResult] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def compare(old: Existing, new: Content, *, sealed: bool) -> Comparison:
    """Compare what is there with the bundle that is to be there.

    :param sealed: whether the new bundle is sealed.
    """
    facts = describe(sealed=sealed, secrets=new.secrets, mode=f"{FILE_MODE:04o}")
    comparison = Comparison(changed=old.facts != facts or old.content != new)
    if comparison.changed:
        _add(comparison.before, "bundle", {key: value for key, value in old.facts.items() if facts.get(key) != value})
        _add(comparison.after, "bundle", {key: value for key, value in facts.items() if old.facts.get(key) != value})
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    there = {template.name.casefold(): template for template in old.content.templates} if old.content else {}
    for template in new.templates:
        stored = there.pop(template.name.casefold(), None)
        changed = _changed_fields(stored, template)
        action = "created" if stored is None else "updated" if changed else "unchanged"
        comparison.results.append(TemplateResult(template.name, action, tuple(changed)))
        if stored is None:
            after[template.name] = describe_template(template.as_fields(), template.secrets())
        elif changed:
            before[template.name] = {name: _told(name, stored, None) for name in changed}
            after[template.name] = {name: _told(name, template, stored) for name in changed}
    for stored in there.values():
        comparison.results.append(TemplateResult(stored.name, "removed"))
        before[stored.name] = describe_template(stored.as_fields(), stored.secrets())
    _add(comparison.before, "templates", before)
    _add(comparison.after, "templates", after)
    return comparison


def _changed_fields(old: Template | None, new: Template) -> list[str]:
    if old is None:
        return [*(name for name, value in new.as_fields().items() if is_set(value)), *new.secrets()]
    return [item.name for item in FIELDS if getattr(old, item.name) != getattr(new, item.name)]


def _told(name: str, template: Template, replaced: Template | None) -> Any:
    """Return the value of a field that changes; of a secret only whether it is set."""
    if name in template.as_fields():
        return template.as_fields()[name]
    if name not in template.secrets():
        return NOT_SET
    return SET_DIFFERENT if replaced is not None and name in replaced.secrets() else SET


def _add(data: dict[str, Any], key: str, value: dict[str, Any]) -> None:
    if value:
        data[key] = value
