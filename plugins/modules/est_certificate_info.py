#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_certificate_info
short_description: Tell which certificates are on a host
version_added: 0.1.0
description:
  - Returns the certificates in files and folders of a POSIX host, or in certificate stores of the machine of a Windows
    host, whoever has put them there. Of those that
    M(estfleet.cloud_extender.est_certificate) has issued it tells the template too, what the CA left out, and when they
    will be renewed, as it was noted at that time.
  - It reads private keys to say whether they are those of their certificates, and tells nothing of them. No EST server
    is asked, and nothing is changed.
  - On a Windows host nothing is noted with a certificate but its friendly name. So there is the template, and neither
    RV(certificates[].lost) nor RV(certificates[].renew_at).
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.info_module
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.posix_and_windows
options:
  paths:
    description:
      - Absolute paths of files and folders of a POSIX host, where they are needed. Of a file the first certificate
        counts, and those after it are above it.
      - Of a folder all files count that have a certificate first, but for dot files, CA certificates and collections of
        more than 16 certificates. Folders in it are not looked into. At most 1000 names.
      - What is not there, or has no certificate in it, is told in RV(problems).
    type: list
    elements: str
  certificate_store_names:
    description:
      - The names of certificate stores of the machine of a Windows host.
      - The default is V(My) alone.
    type: list
    elements: str
notes:
  - A POSIX host needs the Python library C(cryptography); for a Windows host the controller does.
seealso:
  - module: estfleet.cloud_extender.est_certificate
"""

EXAMPLES = r"""
- name: Which certificates does the host have?
  estfleet.cloud_extender.est_certificate_info:
    paths: [/etc/ssl/certs, /etc/proxy/tls]
  register: found

- name: Those that end within a month
  ansible.builtin.debug:
    msg: "{{ found.certificates | selectattr('certificate.days_left', 'le', 30) | map(attribute='path') }}"

- name: Which certificates does the Windows host have?
  estfleet.cloud_extender.est_certificate_info:
    certificate_store_names: [My, WebHosting]
"""

RETURN = r"""
certificates:
  description: The certificates by path, each once, by the file beside which it is noted where that is looked at.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file, or on a Windows host the path that PowerShell has for it.
      type: str
      sample: /etc/ssl/certs/web.pem
    friendly_name:
      description: What Windows shows for it.
      type: str
      returned: on a Windows host
    certificate:
      description: The certificate.
      type: dict
      contains:
        thumbprint:
          description: What a Windows host names it by, the SHA-1 over the certificate.
          type: str
          returned: on a Windows host
        pem:
          description: The certificate.
          type: str
        subject:
          description: The subject in slash form.
          type: str
          sample: /CN=web1
        issuer:
          description: The issuer in slash form.
          type: str
        serial_number:
          description: Hexadecimal, upper case.
          type: str
        not_before:
          description: Start of validity, UTC.
          type: str
        not_after:
          description: End of validity, UTC.
          type: str
        days_left:
          description: Whole days until the end of validity; negative once that is over.
          type: int
          sample: 364
        fingerprint_sha256:
          description: SHA-256 over the certificate, upper case with colons.
          type: str
        public_key_type:
          description: The type of its key, as est_certificate says it.
          type: str
          sample: RSA
        public_key_size:
          description: The size of the key in bits; null where its type says it.
          type: int
          sample: 2048
        public_key_curve:
          description: The curve of a key of the type V(ECC); null for the others.
          type: str
        subject_alternative_names:
          description: The entries as C(TYPE:value).
          type: list
          elements: str
          sample: ["DNS:web1.example.com"]
    chain_subjects:
      description:
        - The subjects of the CA certificates above it, from its issuer upwards, as far as they are in its file or were
          noted with it. Empty on a Windows host.
      type: list
      elements: str
    private_key_path:
      description:
        - The file of its private key, which was noted with it, or is named like it; null where nobody knows, and on a
          Windows host.
      type: str
    key_matches:
      description:
        - Whether that is the private key of the certificate; null where it cannot be read, or there is none that is
          known.
      type: bool
    template:
      description: The name of the template that it was issued for; null where that was not noted.
      type: str
      sample: web
    lost:
      description: What was asked for and is not in it; null where that was not noted.
      type: list
      elements: str
    renew_at:
      description:
        - From when on a run renews it, UTC, by the options of the run that got it; null where that was not noted.
      type: str
    request_pending:
      description: Whether a request for another one waits for approval; false on a Windows host.
      type: bool
    refused:
      description: Why the last certificate that came for this place was refused; null where none was.
      type: str
problems:
  description: What could not be looked at.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The path.
      type: str
    reason:
      description: Why.
      type: str
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.information import certificates_in
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries


def main() -> None:
    module = AnsibleModule(
        argument_spec={name: {"type": "list", "elements": "str"} for name in ("paths", "certificate_store_names")},
        supports_check_mode=True,
    )
    try:
        require_libraries("cryptography")
    except EstError as error:
        module.fail_json(**failure_of(error))
    module.exit_json(changed=False, **certificates_in(module.params["paths"] or ()))


if __name__ == "__main__":
    main()
