# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template asks for when a production certificate is issued: nothing is made up for a variable."""

from __future__ import annotations

from ..template import san, subject
from ..template.errors import TemplateError
from ..template.identity import OPTION_OF_VARIABLE, TestIdentity
from ..template.model import Template
from ..template.render import Rendered, render
from ..template.variables import parse_variables, variables_in


def render_identity(template: Template, identity: TestIdentity) -> Rendered:
    """Fill in a template's variables, all of them.

    :param identity: an empty value in its ``variables`` leaves out what has that variable, as the user wants it.
    :raises TemplateError: a variable without a value, and what :func:`~.template.render.render` raises.
    """
    custom = template.custom_attributes
    texts = [(subject.OPTION, template.subject)]
    entries = san.entries_of(template.subject_alternative_name, template.subject_alternative_name_other)
    texts += [(san.OPTION, entry.value) for entry in entries]
    given = identity.values()
    for option, text in texts:
        for name in variables_in(parse_variables(option, text, custom)):
            if name not in given:
                place = OPTION_OF_VARIABLE.get(name, f"variables.{name}")
                raise TemplateError(
                    place,
                    f"is missing: the {option} of template {template.name!r} has %{name}%, and no certificate is "
                    "issued for a made-up value",
                    allowed="the value for this host",
                )
    return render(template, identity)
