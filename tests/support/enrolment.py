# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test enrolments against the lab server, from this process: shared by the tests of the package test_enroll."""

from __future__ import annotations

from typing import Any

from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import TestOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline

#: What a CA that keeps only the common name drops of a template with UPN.
LOST_EMAIL = "subject emailAddress=jdoe@example.com"
LOST_UPN = "subject_alternative_name UPN:jdoe@example.com"
LOST = [LOST_EMAIL, LOST_UPN]
#: The beginning of what is told of that.
NOT_AS_ASKED = "the certificate of template 'wifi' is not what was asked for: "

IDENTITY = TestIdentity(user="jdoe", domain="example.com", email="jdoe@example.com")


def template_for(lab: LabServer, **options: Any) -> Template:
    """A template for a lab server, with EC keys because they are made faster."""
    return Template.from_options(
        {
            "name": "wifi",
            "server": lab.host,
            "port": lab.port,
            "username": "estuser",
            "password": "estpwd",
            "ca_certificate": lab.ca_pem,
            "key_type": "ec",
            **options,
        }
    )


def enrol(folder: object, template: Template, identity: TestIdentity = IDENTITY, **options: Any) -> dict[str, Any]:
    """Run a test enrolment with files below ``folder``; ``options`` are those of ``TestOptions``."""
    files = TestFolder(str(folder), template.name, identity.certificate_name)
    return run_test(template, identity, TestOptions(**options), HostConnector(), files, Timeline())


def stages(outcome: dict[str, Any]) -> list[str]:
    """The stages of a result."""
    return [step["stage"] for step in outcome["timeline"]]
