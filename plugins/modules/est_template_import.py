#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_template_import
short_description: Import EST certificate templates of a bundle into a host
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Makes the template store of a host hold the EST certificate templates of a bundle, which
    M(estfleet.cloud_extender.est_template_export) wrote from another host. This is what the product's wizard calls
    "Import Certificate Template".
  - The bundle is opened and every template in it is checked on the controller, before the host is asked anything. All
    templates are written at once, or none.
  - A wrong passphrase, a damaged bundle, a bundle of a newer version and a file that is not
    a bundle are told apart, see
    RV(reason).
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_store
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.template_options.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  src:
    description:
      - The file of the bundle on the controller. A relative path is looked for where M(ansible.builtin.copy) looks.
    type: path
    required: true
  names:
    description:
      - The names of the templates to import. Case does not matter. One that is not in the bundle is an error, which
        names those that are. So is an empty list.
      - If it is not given, all templates of the bundle are imported.
    type: list
    elements: str
  passphrase:
    description:
      - The passphrase that the bundle was sealed with.
      - Where it is not given, the variable E(EST_BUNDLE_PASSPHRASE) of the controller's environment counts, unless it
        is empty.
      - A bundle that is not sealed is refused if there is a passphrase, since somebody could have put it in the place
        of a sealed one.
    type: str
  purge:
    description:
      - Whether to remove templates that are in the store and are not imported.
      - Otherwise they are left alone, and listed in RV(undeclared).
    type: bool
    default: false
  purge_keep:
    description:
      - The names of templates that O(purge) never removes. They are left alone, and listed in RV(undeclared).
      - Case does not matter. V(*) stands for any characters, V(?) for any one character, and nothing else is special.
    type: list
    elements: str
    default: []
notes:
  - If the bundle was exported without secrets, the host keeps the passwords that it has. Otherwise a template that has
    no password in the bundle has none on the host.
  - Opening a sealed bundle takes half a second and 32 MiB of memory for each host on the controller, and the Python
    library C(cryptography) (3.4.8 or newer) there.
  - Paths such as O(estfleet.cloud_extender.est_template#module:ca_path) are imported as paths. The files have to be on
    the host already, or to be brought there by other tasks.
seealso:
  - module: estfleet.cloud_extender.est_template_export
  - module: estfleet.cloud_extender.est_templates
  - module: estfleet.cloud_extender.est_test_enroll
"""

EXAMPLES = r"""
- name: Import a bundle from another site
  estfleet.cloud_extender.est_template_import:
    src: bundles/ce1.bundle
    passphrase: "{{ est_bundle_passphrase }}"

- name: Show what one template of it would change
  estfleet.cloud_extender.est_template_import:
    src: bundles/ce1.bundle
    passphrase: "{{ est_bundle_passphrase }}"
    names:
      - Cisco EST
  check_mode: true
  diff: true

- name: Make the host have these templates and no others
  estfleet.cloud_extender.est_template_import:
    src: bundles/ce1.bundle
    passphrase: "{{ est_bundle_passphrase }}"
    purge: true
    purge_keep:
      - Lab
"""

RETURN = r"""
bundle:
  description: The bundle that was read.
  returned: success
  type: dict
  contains:
    path:
      description: The path of the file on the controller.
      returned: success
      type: str
      sample: /srv/site/bundles/ce1.bundle
    format_version:
      description: The format version.
      returned: success
      type: int
      sample: 1
    sealed:
      description: Whether it is sealed with a passphrase.
      returned: success
      type: bool
      sample: true
    secrets:
      description: Whether secrets are included.
      returned: success
      type: bool
      sample: true
    templates:
      description: The names of the templates in it, sorted, whether they were imported or not.
      returned: success
      type: list
      elements: str
      sample:
        - Cisco EST
        - Wi-Fi
without_password:
  description:
    - The names of the imported templates that have a user name and no password on the host, so that a test would fail.
      This can be after an import from a bundle without secrets.
  returned: success
  type: list
  elements: str
  sample: []
templates:
  description: What was done with each template. In check mode, what would be done.
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
      description: What differs, a field at a time. Of a secret it only says that it does.
      returned: if fields or secrets differ
      type: list
      elements: dict
    summary:
      description: What was found, in words.
      returned: when the template is not as it should be
      type: list
      elements: str
      sample:
        - port is 443, not 8443
    last_test:
      description: The last test of the template on this host.
      returned: if it was tested
      type: dict
    proved:
      description: Whether the last test issued a certificate for the template as it is now.
      returned: when the template is not switched off
      type: bool
      sample: true
store_path:
  description: The folder of the template store.
  returned: success
  type: str
  sample: /var/lib/cloud_extender/est
undeclared:
  description: The names of the templates that are in the store and were not imported. They were left alone.
  returned: success
  type: list
  elements: str
  sample:
    - Old template
store_problems:
  description:
    - What was found wrong with the store, in words. Templates that were edited by hand, wrong permissions or
      owners, a damaged document, passwords that cannot be opened any more.
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
    - Of the bundle, V(wrong_passphrase), V(damaged_bundle), V(newer_format), V(not_a_bundle), V(missing_passphrase),
      V(not_sealed), V(unusable_template), V(unknown_template), V(unusable_file) or V(missing_library).
  type: str
  returned: failure
  sample: wrong_passphrase
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
