# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small valid templates for tests."""

from __future__ import annotations

import base64
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

MINIMAL = {"name": "Corp Wi-Fi", "server": "est.example.com"}


def template(**options: Any) -> Template:
    """Return the smallest template with more options."""
    return Template.from_options({**MINIMAL, **options})


def refusal(**options: Any) -> TemplateError:
    """Return the error that the smallest template with wrong options gives."""
    try:
        accepted = template(**options)
    except TemplateError as exc:
        return exc
    raise AssertionError(f"accepted: {accepted}")


def pem(label: str = "CERTIFICATE", *, der: bytes = b"\x30\x07\x30\x00\x30\x00\x03\x01\x00") -> str:
    """Return a PEM block; by default one that has the outer structure of a certificate, and nothing else."""
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"
