# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings of the site. tests/tools/suite/site_pages.py puts the pages together and starts it."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

project = "estfleet.cloud_extender"
author = "estfleet.cloud_extender contributors"
html_title = "estfleet.cloud_extender"
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
# A browser lets no page that it opened from the disk read another one.
html_show_search_summary = False
extensions = ["myst_parser", "sphinx_antsibull_ext"]
# As the forge names them.
myst_heading_anchors = 4
# Blocks of Ansible's output are no valid JSON or YAML.
suppress_warnings = ["misc.highlighting_failure"]

_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
#: Pages of Ansible's own documentation, by the labels that the module reference has for them.
_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "check_mode_dry": "playbook_guide/playbooks_checkmode.html",
    "common_return_values": "reference_appendices/common_return_values.html",
    "diff_mode": "playbook_guide/playbooks_checkmode.html",
}


def _elsewhere(_app: Any, _environment: Any, node: Any, content: Any) -> nodes.Node | None:
    """Lead to the documentation of Ansible, without the network that Sphinx would ask for where a label is."""
    label = node.get("reftarget", "")
    plugin = re.fullmatch(r"ansible_collections\.(\w+)\.(\w+)\.(\w+_(?:module|lookup|connection))", label)
    path = "collections/{}/{}/{}.html".format(*plugin.groups()) if plugin else _PAGES.get(label)
    if path is None or (plugin and plugin[1] == "estfleet"):
        return None
    found = nodes.reference("", "", internal=False, refuri=_ANSIBLE + path)
    found += content
    return found


def setup(app: Any) -> None:
    """Register what leads elsewhere."""
    app.connect("missing-reference", _elsewhere)
