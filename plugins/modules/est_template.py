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
  - estfleet.cloud_extender.attributes.actiongroup_store
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.template_options.store
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
  description:
    - V(created), V(updated), V(removed) or V(unchanged).
    - V(repaired) if the template in the store had been damaged or edited by hand, and has been put right.
  returned: success
  type: str
  sample: updated
changed_fields:
  description: The names of the fields that differed. Empty if it was removed, or not there.
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
  type: list
  elements: str
  sample:
    - was edited by hand
    - port is 443, not 8443
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
      description: The stage at which it failed. V(none) if it did not.
      returned: always
      type: str
      sample: enroll
    at:
      description: When, in UTC by the clock of the host.
      returned: always
      type: str
      sample: "2026-11-22T12:00:00Z"
    not_after:
      description: The end of the certificate that was issued, UTC. V(none) where the test issued none.
      returned: always
      type: str
      sample: "2027-11-22T12:00:00Z"
    exchange:
      description: Where the exchange with the EST server left from, V(host), V(relay) or V(controller).
      returned: when it is known
      type: str
      sample: host
    lost:
      description: What was asked for and is not in the certificate that the CA issued.
      returned: when something is
      type: list
      elements: str
      sample: ["subject_alternative_name UPN:jdoe@example.com"]
    differs:
      description: In what else the certificate is not what was asked for, in words.
      returned: when it is not
      type: list
      elements: str
      sample: ["it is a CA certificate (CA:TRUE)"]
    made_up:
      description: The variables for which nothing was given, so that C(Test) or a blank stood in the certificate.
      returned: when there were some
      type: list
      elements: str
      sample: ["imei"]
    http_status:
      description: The HTTP status with which the server refused the test.
      returned: when it did
      type: int
      sample: 401
proved:
  description:
    - Whether the last test issued a certificate for the template as it is now.
    - V(false) as long as a proof is owed, after a change and after a test that failed or could not start.
  returned: when the template is not switched off
  type: bool
  sample: true
store_path:
  description: The folder of the template store.
  returned: success
  type: str
  sample: /var/lib/cloud_extender/est
store_problems:
  description:
    - What was found wrong with the store, in words. Templates that were edited by hand, wrong permissions or
      owners, a damaged document, passwords that cannot be opened any more. What a declared template differs in is told
      in RV(differences).
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
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: invalid_option
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
