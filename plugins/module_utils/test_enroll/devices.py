# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the template option ``device_identity_certificates`` means: whether anything may be issued from a template."""

from __future__ import annotations

from ..template.errors import TemplateError, show
from ..template.model import Template


def refuse_without_devices(template: Template) -> None:
    """Refuse a template that nothing may be issued from.

    :raises TemplateError: its device identity certificates are switched off.
    """
    if not template.device_identity_certificates:
        raise TemplateError(
            "device_identity_certificates",
            "is false, so nothing may be issued from this template, and nothing was sent; set it to true in the "
            "template to have certificates issued",
            template=show(template.name),
        )
