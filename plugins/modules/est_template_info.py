#!/usr/bin/python

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: est_template_info
short_description: Tell which EST certificate templates a host has
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Returns the templates in the template store of a host, without secrets, and the state of the store.
  - A damaged store is not a failure. It is told in RV(store.damaged) and RV(store_problems).
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.info_module
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_store
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.template_options.store
options:
  names:
    description:
      - The names of the templates to return. Case does not matter. One that is not in the store is an error, which
        names those that are. So is an empty list.
      - If it is not given, all templates are returned.
      - Of a damaged document nobody knows which templates it had. Then none is returned, whatever the names.
    type: list
    elements: str
seealso:
  - module: estfleet.cloud_extender.est_template
  - module: estfleet.cloud_extender.est_templates
"""

EXAMPLES = r"""
- name: Which templates are there?
  estfleet.cloud_extender.est_template_info:
  register: found

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ found.templates | map(attribute='name') }}"
"""

RETURN = r"""
templates:
  description:
    - The templates, sorted by name. Each has the options of M(estfleet.cloud_extender.est_template) that are no
      secrets, as they are in the store, and what else is known of it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the template.
      returned: success
      type: str
      sample: Cisco EST
    server:
      description: The EST server.
      returned: success
      type: str
      sample: est.example.com
    port:
      description: The port of the EST server.
      returned: success
      type: int
      sample: 8443
    certificate_authority:
      description: Which product the EST server is, V(cisco) or V(generic).
      returned: success
      type: str
      sample: cisco
    device_identity_certificates:
      description: Whether anything may be issued from a template.
      returned: success
      type: bool
      sample: true
    label:
      description: The CA label in the URL of the EST server. V(none) if there is none.
      returned: success
      type: str
    base_path:
      description: The path at which the EST server answers. V(none) if it is C(/.well-known/est).
      returned: success
      type: str
    username:
      description: The user name of the account at the EST server. V(none) if there is none.
      returned: success
      type: str
      sample: estuser
    ca_certificate:
      description: The CA certificates that the EST server may come from, PEM text. V(none) if there is none.
      returned: success
      type: str
    ca_path:
      description: The file with the CA certificates that the EST server may come from. V(none) if there is none.
      returned: success
      type: str
      sample: /etc/pki/est-ca.pem
    ca_fingerprint:
      description: The SHA-256 or SHA-512 fingerprint of a CA certificate of the EST server. V(none) if there is none.
      returned: success
      type: str
    use_system_trust:
      description: Whether the EST server may come from the CAs that the host trusts anyway.
      returned: success
      type: bool
      sample: false
    client_certificate_path:
      description: The file with the certificate that the client shows to the EST server. V(none) if there is none.
      returned: success
      type: str
    client_key_path:
      description: The file with the private key of RV(templates[].client_certificate_path). V(none) if there is none.
      returned: success
      type: str
    proxy:
      description: The proxy on the way to the EST server. V(none) if there is none.
      returned: success
      type: str
    subject:
      description: The subject in slash form.
      returned: success
      type: str
      sample: /CN=%uname%/emailAddress=%email%
    subject_alternative_name:
      description: Which alternative names are asked for, V(none), V(upn), V(upn_and_email) or V(other).
      returned: success
      type: str
      sample: other
    subject_alternative_name_other:
      description: The alternative names of V(other), as `TYPE:value`.
      returned: success
      type: list
      elements: str
      sample: ["UPN:%uname%@%domain%"]
    custom_attributes:
      description: Further attributes of a request, as `OID=value`.
      returned: success
      type: list
      elements: str
      sample: []
    key_type:
      description: The kind of a key.
      returned: success
      type: str
      sample: rsa
    key_size:
      description: The size of a key in bits. V(none) if there is none.
      returned: success
      type: int
      sample: 2048
    key_curve:
      description: The curve of a key. V(none) if there is none.
      returned: success
      type: str
    renewal_period_days:
      description: Days before its end at which a certificate is renewed, 1 to 365.
      returned: success
      type: int
      sample: 14
    proof_of_possession:
      description: Whether a request proves that its key is held, V(auto), V(always) or V(never).
      returned: success
      type: str
      sample: auto
    password_set:
      description: Whether a password is in the store.
      returned: success
      type: bool
      sample: true
    challenge_password_set:
      description: Whether a template has a C(challenge_password).
      returned: success
      type: bool
      sample: false
    client_key_passphrase_set:
      description: Whether a passphrase of the client key is in the store.
      returned: success
      type: bool
      sample: false
    store_problems:
      description: What is wrong with the template in the store, in words.
      returned: success
      type: list
      elements: str
      sample: []
    last_test:
      description:
        - What came of the last test of the template with M(estfleet.cloud_extender.est_test_enroll) on this host.
        - V(none) if there was none.
      returned: success
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
        error_code:
          description: Why it failed, in the words of C(docs/errors.md).
          returned: when it did
          type: str
          sample: authentication_failed
        http_status:
          description: The HTTP status with which the server refused the test.
          returned: when it did
          type: int
          sample: 401
    proved:
      description:
        - Whether the last test issued a certificate for the template as it is now.
        - V(false) as long as a proof is owed, after a change and after a test that failed or could not start.
      returned: success
      type: bool
      sample: true
store_path:
  description: The folder of the template store.
  returned: success
  type: str
  sample: /var/lib/cloud_extender/est
store:
  description: The state of the store.
  returned: success
  type: dict
  contains:
    exists:
      description: Whether there is a document.
      returned: success
      type: bool
      sample: true
    format_version:
      description: The format version of the document. V(none) if there is no document, or it is damaged.
      returned: success
      type: int
      sample: 1
    damaged:
      description: Whether what is in the document's place is not a document.
      returned: success
      type: bool
      sample: false
    folder_mode:
      description: The permissions of the folder. Null on a Windows host, which has none of this kind.
      returned: success
      type: str
      sample: "0700"
    document_mode:
      description: The permissions of the document. Null on a Windows host, which has none of this kind.
      returned: success
      type: str
      sample: "0600"
    owner:
      description: The owner of the document, or of the folder if there is no document. V(none) if there is neither.
      returned: success
      type: str
      sample: root
    sealing_key_usable:
      description: Whether there is a sealing key that can be used.
      returned: success
      type: bool
      sample: true
    sealing_key_since:
      description:
        - Since when the sealing key is in use, in UTC. V(none) if there is no usable one, or that is not known.
      returned: success
      type: str
      sample: "2026-11-22T12:00:00Z"
    kept_documents:
      description: The paths of older documents that were damaged or edited by hand, and were kept.
      returned: success
      type: list
      elements: str
      sample:
        - /var/lib/cloud_extender/est/templates.json.damaged-20261122T120000Z
store_problems:
  description:
    - What is wrong with the store and its templates, in words. Templates that were edited by hand, wrong permissions or
      owners, a damaged document, passwords that cannot be opened any more.
  returned: success
  type: list
  elements: str
  sample: []
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: newer_format
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
