#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_fleet_host
short_description: Apply and test the templates of one host of a fleet
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and may change. The role C(estfleet.cloud_extender.est_integration) is made of it.
    Use the role, or M(estfleet.cloud_extender.est_templates) and M(estfleet.cloud_extender.est_test_enroll), instead.
  - Does all of the role on one host in one task, and leaves a note for M(estfleet.cloud_extender.est_fleet_report).
  - The options are the variables of the role, described there. What the task does not give is read from the variables.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.posix
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - A test is run each time with O(est_integration_test_policy=always).
options:
  est_integration_templates:
    description:
      - The templates, a list. Without it, the host has to have C(est_integration_certificates), and its templates are
        not looked at.
    type: raw
  est_integration_purge:
    description: Whether to remove templates that are not declared.
    type: bool
    default: false
  est_integration_purge_all:
    description: Whether an empty list may remove every template of the host.
    type: bool
    default: false
  est_integration_purge_keep:
    description: Names of templates that are never removed.
    type: list
    elements: raw
    default: []
  est_integration_rotate_key:
    description: Whether to replace the sealing key.
    type: bool
    default: false
  est_integration_rotate_key_after_days:
    description: Replace the sealing key where it is at least so many days old.
    type: int
  est_integration_mode:
    description: Whether to correct what differs or only to tell it.
    type: str
    choices: [enforce, report]
    default: enforce
  est_integration_store_path:
    description: The folder of the template store. If it is not given, the one that the kind of host has.
    type: str
  est_integration_test:
    description: The identity of tests and how to test, as options of M(estfleet.cloud_extender.est_test_enroll).
    type: raw
  est_integration_test_policy:
    description: Which templates are tested.
    type: str
    choices: [never, changed, always]
    default: never
  est_integration_cluster:
    description: The product cluster of the host, a group of the inventory.
    type: str
    default: ""
  est_integration_cluster_writer:
    description: The host of the cluster that is written.
    type: str
    default: ""
  est_integration_report_dest:
    description: Where the fleet report will be written.
    type: path
    default: ""
  est_integration_host_timeout:
    description:
      - Seconds after which the host is given up.
      - Without it, the C(timeout) of the play or C(TASK_TIMEOUT) of the configuration count, or else 600, with 120 and
        C(wait_timeout) of O(est_integration_test) more for each template.
    type: int
  est_integration_certificates:
    description: The production certificates, as C(certificates) of M(estfleet.cloud_extender.est_certificates).
    type: raw
  est_integration_certificate_defaults:
    description: What they have in common, as C(defaults) of M(estfleet.cloud_extender.est_certificates).
    type: raw
  est_integration_certificates_max_failures:
    description: How many production certificates of the run may fail before none is asked for any more.
    type: int
  __est_integration_tests_only:
    description: Whether to test all declared templates as they are on the host, and to apply none.
    type: bool
    default: false
  __est_integration_certificates_only:
    description: Whether to see to the production certificates alone.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Apply the templates of a host (use the role est_integration instead)
  estfleet.cloud_extender.est_fleet_host:
    est_integration_templates: "{{ est_integration_templates }}"
    est_integration_test_policy: changed
  register: est_integration_result
"""

RETURN = r"""
mode:
  description: V(enforce) if what differs was written, V(report) if the host was only looked at.
  type: str
  returned: success
cluster:
  description: The product cluster of the host, the host of it that is written, and whether that is this one; or null.
  type: dict
  returned: success
tests:
  description:
    - The results of M(estfleet.cloud_extender.est_test_enroll), one for each template that was to be tested.
    - C(status) is V(not_tried) where the server had refused the account before in the same run.
  type: list
  elements: dict
  returned: success
certificates:
  description:
    - What became of each production certificate, as M(estfleet.cloud_extender.est_certificates) returns it.
    - C(status) is V(not_tried) where the server had refused the account before in the same run, or too many had failed.
  type: list
  elements: dict
  returned: when certificates are declared, and nothing failed
certificates_mode:
  description: V(enforce) if certificates that were due were asked for, V(report) if they were only looked at.
  type: str
  returned: when certificates are declared, and nothing failed
causes:
  description: Why tests or certificates failed or were not tried, an entry for each server, account and reason.
  type: list
  elements: str
  returned: when a test or a certificate failed, in place of RV(tests) and RV(templates), which the report has
drift:
  description: In what the host was not as declared, as C(est_integration_drift) of the role.
  type: list
  elements: dict
  returned: when the templates were compared
templates:
  description:
    - What was done with each template, with the other keys that M(estfleet.cloud_extender.est_templates) returns.
    - Where nothing is to be written, its C(action) is V(missing), V(differs), V(undeclared) or V(unchanged).
  type: list
  elements: dict
  returned: when the templates were applied
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: tests_failed
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
