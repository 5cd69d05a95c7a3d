# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole set of templates that a user asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import TemplateError, show
from .model import Template, require_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping


def templates_from_options(options: Any) -> tuple[Template, ...]:
    """Check a list of templates, each as :meth:`Template.from_options` does.

    :param options: a list of dictionaries.
    :raises TemplateError: for the first wrong option; the error says the place in the list and the template's name. Two
        names that differ only in case are refused: an administrator could not tell them apart.
    """
    if not isinstance(options, (list, tuple)):
        raise TemplateError("templates", "is not a list", value=show(options), allowed="a list of templates")
    templates: list[Template] = []
    first_places: dict[str, int] = {}
    for index, entry in enumerate(options):
        where = f"templates[{index}]"
        require_mapping(where, entry)
        try:
            template = Template.from_options(entry)
        except TemplateError as exc:
            raise exc.at(where, _name_of(entry)) from None
        first = first_places.setdefault(template.name.casefold(), index)
        if first != index:
            raise TemplateError(
                "name",
                f"is the name of templates[{first}] too ({show(templates[first].name)})",
                value=show(template.name),
                allowed="names that differ in more than case",
                where=where,
            )
        templates.append(template)
    return tuple(templates)


def _name_of(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    return show(name) if isinstance(name, str) and name.strip() else ""
