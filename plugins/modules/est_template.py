#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_template
short_description: Manage one EST certificate template of a host
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Creates, updates or removes one EST certificate template in the template store of a host. The other templates of
    the store are left alone.
  - To manage several templates of a host, M(estfleet.cloud_extender.est_templates) does it in one call.
  - A store that was damaged or edited by hand, or has wrong permissions, is put right, and the old document is kept
    beside the new one. A damaged document is rebuilt with this template only. In check mode this is reported and
    nothing is written.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_est
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.store_options
  - estfleet.cloud_extender.template_options
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the template should be in the store. For V(absent), O(name) is enough.
    type: str
    choices:
      - present
      - absent
    default: present
seealso:
  - module: estfleet.cloud_extender.est_templates
  - module: estfleet.cloud_extender.est_template_info
  - module: estfleet.cloud_extender.est_test_enroll
"""

EXAMPLES = r"""
- name: Configure a template
  estfleet.cloud_extender.est_template:
    name: Cisco EST
    server: https://est.example.com:8443
    username: estuser
    password: "{{ est_password }}"
    ca_path: /etc/pki/est-ca.pem
    subject: /CN=%uname%/emailAddress=%email%
    subject_alternative_name: upn

- name: Remove a template
  estfleet.cloud_extender.est_template:
    name: Old template
    state: absent
"""

RETURN = r"""
name:
  description: The name of the template.
  returned: success
  type: str
  sample: Cisco EST
action:
  description: What was done, as in RV(templates[].action).
  returned: success
  type: str
  sample: created
changed_fields:
  description: The names of the fields that differed, as in RV(templates[].changed_fields).
  returned: success
  type: list
  elements: str
  sample:
    - port
differences:
  description: What differed, as in RV(templates[].differences).
  returned: when the template is in the store and differs
  type: list
  elements: dict
  sample:
    - field: port
      want: 8443
      have: 443
summary:
  description: What was found, in words, as in RV(templates[].summary).
  returned: when the template is not as it should be
  type: str
  sample: port is 443, not 8443
last_test:
  description: What came of the last test of the template, as in RV(templates[].last_test).
  returned: when there was a test
  type: dict
  sample:
    status: issued
    stage:
    at: "2026-11-22T12:00:00Z"
    not_after: "2027-11-22T12:00:00Z"
templates:
  description: What was done, a list with one entry, as M(estfleet.cloud_extender.est_templates) returns it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the template.
      returned: success
      type: str
      sample: Cisco EST
    action:
      description:
        - V(created), V(updated), V(removed) or V(unchanged).
        - V(repaired) if the template in the store had been damaged or edited by hand, and has been put right.
      returned: success
      type: str
      sample: updated
    changed_fields:
      description: The names of the fields that differed. Empty for a template that was removed.
      returned: success
      type: list
      elements: str
      sample:
        - port
        - password
    differences:
      description:
        - What differs between the declared template and the one in the store.
        - Values are shortened. Of certificates the fingerprint is told, of a secret only that it differs.
      returned: when a template that is declared and in the store differs
      type: list
      elements: dict
      contains:
        field:
          description: The name of the field.
          returned: always
          type: str
          sample: port
        want:
          description: The declared value. Of a secret V((set\)), V((set, different\)) or V((not set\)).
          returned: always
          type: raw
          sample: 8443
        have:
          description:
            - The value in the store. Of a secret V((set\)), V((not set\)) or V((cannot be opened\)). Of a field that no
              template has V((unknown field\)).
          returned: always
          type: raw
          sample: 443
        secret:
          description: Whether the field is a secret.
          returned: when it is
          type: bool
          sample: true
    summary:
      description: What was found, in words.
      returned: when the template is not as it should be
      type: str
      sample: was edited by hand; port is 443, not 8443
    last_test:
      description:
        - What came of the last test of the template with M(estfleet.cloud_extender.est_test_enroll) on this host.
      returned: when there was a test
      type: dict
      contains:
        status:
          description: V(issued), V(pending) or V(failed).
          returned: always
          type: str
          sample: failed
        stage:
          description: The stage at which it failed.
          returned: always
          type: str
          sample: enroll
        at:
          description: When, in UTC by the clock of the host.
          returned: always
          type: str
          sample: "2026-11-22T12:00:00Z"
        not_after:
          description:
            - The end of the certificate that was issued, UTC. V(none) where the test issued none, and of a test with a
              release of the collection that did not note it.
          returned: always
          type: str
          sample: "2027-11-22T12:00:00Z"
store_path:
  description: The folder of the template store.
  returned: always, unless the options are wrong
  type: str
  sample: /var/lib/cloud_extender/est
drift:
  description:
    - What was found wrong with the store, in words. Templates that were edited by hand, wrong permissions or
      owners, a damaged document, passwords that cannot be opened any more. What a declared template differs in is told
      in RV(templates[].differences).
    - It is put right, except for templates that are not declared, which are left alone.
  returned: success
  type: list
  elements: str
  sample:
    - templates.json has mode 0644, not 0600
    - "template 'Cisco EST' was edited by hand: fields"
kept_document:
  description:
    - Where the old document was kept on the host.
  returned: when a damaged or hand-edited document was replaced
  type: str
  sample: /var/lib/cloud_extender/est/templates.json.damaged-20261122T120000Z
diff:
  description:
    - What changes, as YAML text. Of a secret it only says that it is set, or differs.
  returned: success
  type: dict
  contains:
    before:
      description: What was there.
      returned: success
      type: str
      sample: "templates:\n  Cisco EST:\n    port: 8443\n"
    after:
      description: What is there now. In check mode, what would be there.
      returned: success
      type: str
      sample: "templates:\n  Cisco EST:\n    port: 443\n"
    before_header:
      description: The path of the document.
      returned: success
      type: str
      sample: /var/lib/cloud_extender/est/templates.json
    after_header:
      description: The path of the document.
      returned: success
      type: str
      sample: /var/lib/cloud_extender/est/templates.json
"""
