# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the controller: the versions that matter where something goes wrong."""

from __future__ import annotations

import json
import os
from typing import Any

import yaml
from ansible.release import __version__ as ansible_core_version

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.deps import versions

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def controller_versions() -> dict[str, Any]:
    """The versions of the collection, ansible-core, Python, OpenSSL and the libraries; None for what is not there."""
    return {"collection": _collection_version(), "ansible_core": ansible_core_version, **versions()}


def _collection_version() -> str:
    """An installed collection has MANIFEST.json, a checkout galaxy.yml."""
    try:
        with open(os.path.join(_ROOT, "MANIFEST.json"), encoding="utf-8") as file:
            return str(json.load(file)["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        with open(os.path.join(_ROOT, "galaxy.yml"), encoding="utf-8") as file:
            return str(yaml.safe_load(file)["version"])
    except (OSError, yaml.YAMLError, KeyError):
        return "of an unknown version"
