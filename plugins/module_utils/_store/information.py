# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a store, for a user to see: no secrets, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._template.fields import SECRET_FIELDS
from .adapter import Observed
from .difference import plain_fields
from .last_tests import parse_last_tests
from .reading import Inspection, choose_templates, inspect


def describe_store(observed: Observed, names: Sequence[str] | None) -> dict[str, Any]:
    """Return ``templates``, ``store`` and ``store_problems``, plain data without secrets.

    :param observed: what was read from the host.
    :param names: which templates to return (case does not count); None for all. Of a damaged document none is known.
    :raises StoreError: one of the names is not there.
    :raises NewerFormat: when a newer version of this collection wrote the document.
    """
    inspection = inspect(observed)
    tests = parse_last_tests(observed.last_tests)
    stored = inspection.document.templates if inspection.document else ()
    templates = []
    for template in choose_templates(stored, None if inspection.damaged else names, observed.store_path):
        described = plain_fields(template.fields)
        described.update((f"{name}_set", name in template.secrets) for name in SECRET_FIELDS)
        described["store_problems"] = list(inspection.template_problems.get(template.name, ()))
        last = tests.get(template.name)
        described["last_test"] = None if last is None else last.as_result()
        described["proved"] = last is not None and last.proves(template.content)
        templates.append(described)
    return {
        "templates": templates,
        "store": _describe_files(observed, inspection),
        "store_problems": list(inspection.problems),
    }


def _describe_files(observed: Observed, inspection: Inspection) -> dict[str, Any]:
    sealing_key = inspection.document.sealing_key if inspection.document else None
    known = sealing_key is not None and sealing_key.fingerprint == observed.key_fingerprint
    return {
        "exists": observed.exists,
        "format_version": inspection.document.format_version if inspection.document else None,
        "damaged": inspection.damaged,
        "folder_mode": observed.folder_mode or None,
        "document_mode": observed.document_mode or None,
        "owner": observed.owner or None,
        "sealing_key_usable": bool(observed.key_fingerprint),
        "sealing_key_since": sealing_key.since if sealing_key is not None and known else None,
        "kept_documents": list(observed.kept_documents),
    }
