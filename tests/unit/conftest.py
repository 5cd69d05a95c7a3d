# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA that drops names, for the tests of all that tell of it."""

from __future__ import annotations

from typing import Iterator

import pytest
from support.enrolment import template_for
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template


@pytest.fixture(scope="module")
def cisco() -> Iterator[LabServer]:
    """A server that keeps only the common name."""
    with LabServer("--profile", "cisco") as server:
        yield server


@pytest.fixture
def upn(cisco: LabServer) -> Template:
    """A template for it, with names of which it keeps none but the common name."""
    return template_for(cisco, subject_alternative_name="upn")
