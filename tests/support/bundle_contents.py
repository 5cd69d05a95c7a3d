# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any content of a bundle, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)


@st.composite
def templates(draw):
    """Templates that are valid, with any text wherever any is allowed."""
    options = {
        "port": draw(st.integers(1, 65535)),
        "use_system_trust": draw(st.booleans()),
        "key_type": draw(st.sampled_from(["rsa", "ec", "ed25519", "ml-dsa-65"])),
        "renewal_period_days": draw(st.integers(1, 365)),
    }
    if draw(st.booleans()):
        options.update(username=draw(TEXTS).replace(":", "."), password=draw(TEXTS))
    if draw(st.booleans()):
        options.update(client_certificate_path="/c.pem", client_key_path="/k.pem", client_key_passphrase=draw(TEXTS))
    try:
        return template(name=draw(TEXTS), **options)
    except TemplateError:
        return template(port=options["port"])


@st.composite
def contents(draw):
    """Content with templates whose names differ in more than case, with or without secrets."""
    found = draw(st.lists(templates(), min_size=1, max_size=4, unique_by=lambda one: one.name.casefold()))
    secrets = draw(st.booleans())
    if not secrets:
        found = [Template.from_fields(one.as_fields(), {}) for one in found]
    return Content.of(found, secrets=secrets)
