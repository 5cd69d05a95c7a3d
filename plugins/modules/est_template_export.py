#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_template_export
short_description: Export EST certificate templates of a host as a sealed bundle
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Writes one, several or all EST certificate templates of a host into one file on the controller, the bundle.
    M(estfleet.cloud_extender.est_template_import) puts it onto another host, which need not share an inventory with
    this one.
  - The bundle is sealed with a passphrase, passwords and all. Without passwords it can also be left in clear, to be
    read and reviewed.
  - Nothing is written to the host.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_store
  - estfleet.cloud_extender.attributes.posix_and_windows
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  dest:
    description:
      - The file of the bundle on the controller. A relative path is below the folder of the playbook, with a playbook
        of a collection below the folder that C(ansible-playbook) was started in.
      - Its folder, and those above it, are made with permissions V(0700) where they do not exist, not in check mode.
      - It is replaced whole, and has the permissions V(0600) from the first moment on.
      - A file that is there already is only replaced if it is a bundle, or empty. A bundle of a newer format version
        is not replaced.
      - Several hosts need a file each. Use C(inventory_hostname) in the name.
    type: path
    required: true
  names:
    description:
      - The names of the templates to export. Case does not matter. One that is not in the store is an error,
        which names those that are. So is an empty list.
      - If it is not given, all templates of the host are exported.
    type: list
    elements: str
  passphrase:
    description:
      - Seals the bundle. At least 15 characters, at least 8 of them different, not only digits, and no spaces or line
        ends around them. Five random words are a good one.
      - Where it is not given, the variable E(EST_BUNDLE_PASSPHRASE) of the controller's environment counts, unless it
        is empty.
      - Required, unless O(include_secrets=false). It cannot be recovered.
    type: str
  include_secrets:
    description:
      - Whether the passwords and the passphrases of client keys are exported.
      - If V(false), the bundle is still sealed if O(passphrase) is given. Otherwise it is in clear, and only protected
        against damage. Who can write the file can change the templates in it.
    type: bool
    default: true
  skip_damaged:
    description:
      - Whether to leave out templates that were edited by hand, or whose secrets cannot be opened any more. They are
        listed in RV(skipped_templates).
      - If V(false), or if no template is left, such a template is an error.
    type: bool
    default: false
  store_path:
    description:
      - The folder of the template store on the host, an absolute path.
      - If it is not given, it is V(/var/lib/cloud_extender/est), and on a Windows host
        V(C:\\ProgramData\\CloudExtenderEST).
    type: str
notes:
  - Sealing takes half a second and 32 MiB of memory on the controller, and the Python library C(cryptography) (3.4.8 or
    newer) there. The host needs Python with its standard library, nothing else.
  - Paths such as O(estfleet.cloud_extender.est_template#module:ca_path) are exported as paths, the files are not.
seealso:
  - module: estfleet.cloud_extender.est_template_import
  - module: estfleet.cloud_extender.est_template_info
"""

EXAMPLES = r"""
- name: Export all templates of a host
  estfleet.cloud_extender.est_template_export:
    dest: "bundles/{{ inventory_hostname }}.bundle"
    passphrase: "{{ est_bundle_passphrase }}"

- name: Export one template, with the passphrase from the environment of the controller (EST_BUNDLE_PASSPHRASE)
  estfleet.cloud_extender.est_template_export:
    dest: /srv/exchange/cisco.bundle
    names:
      - Cisco EST

- name: Keep the templates without passwords under version control
  estfleet.cloud_extender.est_template_export:
    dest: "reviewed/{{ inventory_hostname }}.bundle"
    include_secrets: false
"""

RETURN = r"""
bundle:
  description: The bundle. In check mode, as it would be.
  returned: success
  type: dict
  contains:
    path:
      description: The path of the file on the controller.
      returned: success
      type: str
      sample: /srv/exchange/cisco.bundle
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
      description: The names of the templates in it, sorted.
      returned: success
      type: list
      elements: str
      sample:
        - Cisco EST
templates:
  description: What was done with each template in the bundle. In check mode, what would be done.
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
        - V(created), V(updated) or V(unchanged), compared with the bundle that was there.
        - V(removed) if it was in the bundle that was there, and is not in the new one.
        - All are V(created) where there was none, or none that this passphrase opens.
      returned: success
      type: str
      sample: created
    changed_fields:
      description: The names of the fields that differed. Empty for a template that was removed.
      returned: success
      type: list
      elements: str
      sample:
        - port
        - password
skipped_templates:
  description: The templates that were left out, and why.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the template.
      returned: success
      type: str
      sample: Old template
    error_code:
      description: The name of that for conditions, such as V(secret_not_opened) or V(edited_by_hand).
      returned: success
      type: str
      sample: secret_not_opened
    reason:
      description: Why it was left out.
      returned: success
      type: str
      sample: "its password cannot be opened: sealing.key is lost"
store_path:
  description: The folder of the template store.
  returned: success
  type: str
  sample: /var/lib/cloud_extender/est
diff:
  description:
    - What changes in the bundle, as YAML text. Of a secret it only says that it is set, or differs.
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
      description: The path of the bundle.
      returned: success
      type: str
      sample: /srv/exchange/cisco.bundle
    after_header:
      description: The path of the bundle.
      returned: success
      type: str
      sample: /srv/exchange/cisco.bundle
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
    - Of the bundle, V(unusable_file), V(not_a_bundle), V(newer_format), V(missing_library) or V(bundle_too_large).
  type: str
  returned: failure
  sample: unusable_file
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
