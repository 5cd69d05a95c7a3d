# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle carries: templates, with or without their secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .._template.errors import TemplateError, show
from .._template.model import Template
from .._value import Value
from .envelope import read_json
from .errors import DamagedBundle, UnknownName, UnusableTemplate

_TEMPLATE_KEYS = ("fields", "secrets")


class Content(Value):
    """The templates of a bundle, sorted by name; no two names differ only in case.

    :param secrets: whether secrets were to be included. A template may have none all the same.
    """

    templates: tuple[Template, ...]
    secrets: bool

    @classmethod
    def of(cls, templates: Iterable[Template], *, secrets: bool) -> Content:
        """Return templates as content: sorted, so that the same templates are always the same content."""
        return cls(tuple(sorted(templates, key=_sort_key)), secrets)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the templates."""
        return tuple(template.name for template in self.templates)

    def find(self, name: str) -> Template | None:
        """Return the template of this name (case does not count), or None."""
        for template in self.templates:
            if template.name.casefold() == name.casefold():
                return template
        return None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON data, with the secrets in clear."""
        return {
            "templates": [
                {"fields": template.as_fields(), "secrets": template.secrets() if self.secrets else {}}
                for template in self.templates
            ]
        }


def read_content(data: Any, *, secrets: bool) -> Content:
    """Read what ``Content.as_json()`` gave, and check every template.

    :param secrets: whether the bundle says that it has secrets.
    :raises DamagedBundle: when it has another shape.
    :raises UnusableTemplate: for a template that is wrong or that this version does not know; says which and why.
    """
    if not isinstance(data, dict) or list(data) != ["templates"] or not isinstance(data["templates"], list):
        raise DamagedBundle("is damaged: its content is not a list of templates")
    if not data["templates"]:
        raise DamagedBundle("is damaged: there is no template in it")
    templates: list[Template] = []
    places: dict[str, int] = {}
    for index, entry in enumerate(data["templates"]):
        template = _read_template(entry, f"templates[{index}]", secrets=secrets)
        first = places.setdefault(template.name.casefold(), index)
        if first != index:
            raise DamagedBundle(
                f"is damaged: templates[{index}] has the name of templates[{first}] ({show(template.name)})"
            )
        templates.append(template)
    return Content.of(templates, secrets=secrets)


def content_from_text(octets: bytes, *, secrets: bool) -> Content:
    """Read content that was sealed as JSON text; see ``read_content()``."""
    try:
        data = read_json(octets.decode("utf-8"))
    except ValueError as error:
        words = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DamagedBundle(f"is damaged: its content {words}") from None
    return read_content(data, secrets=secrets)


def content_as_text(content: Content) -> bytes:
    """Return content as the JSON text that is sealed."""
    return json.dumps(content.as_json(), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def choose(content: Content, names: Iterable[str] | None) -> Content:
    """Return content with some of its templates only.

    :param names: which (case does not count); None for all.
    :raises UnknownName: when one is not there; says what is.
    """
    if names is None:
        return content
    wanted = {name.casefold(): name for name in names}
    missing = [show(name) for name in wanted.values() if content.find(name) is None]
    if missing:
        there = ", ".join(show(name) for name in content.names)
        raise UnknownName(f"has no template {', '.join(missing)}; templates there: {there}")
    chosen = (template for template in content.templates if template.name.casefold() in wanted)
    return Content.of(chosen, secrets=content.secrets)


def _read_template(entry: Any, where: str, *, secrets: bool) -> Template:
    if not isinstance(entry, dict) or sorted(entry) != sorted(_TEMPLATE_KEYS):
        raise DamagedBundle(f"is damaged: {where} does not have exactly the keys {', '.join(_TEMPLATE_KEYS)}")
    if not isinstance(entry["fields"], dict) or not isinstance(entry["secrets"], dict):
        raise DamagedBundle(f"is damaged: fields and secrets of {where} are not objects")
    if entry["secrets"] and not secrets:
        raise DamagedBundle(f"is damaged: {where} has secrets, and the bundle says that it has none")
    name = entry["fields"].get("name")
    try:
        return Template.from_fields(entry["fields"], entry["secrets"])
    except TemplateError as error:
        told = error.at(where, show(name) if isinstance(name, str) and name.strip() else "")
        raise UnusableTemplate(
            f"holds a template that this version of estfleet.cloud_extender does not take: {told}"
        ) from None


def _sort_key(template: Template) -> tuple[str, str]:
    return template.name.casefold(), template.name
