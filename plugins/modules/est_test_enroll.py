#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_test_enroll
short_description: Test an EST certificate template by enrolling a test certificate
version_added: 0.1.0
description:
  - Asks the EST server of a template for a certificate, as the wizard's I(Save and Test) does, and saves
    certificate, chain and private key on the host.
  - Proves the network path, the trust anchors, the account and the CA of the template from the very host that will
    use them.
  - Tells what the CA left out of the certificate or put in instead, as a warning unless it is accepted, and on failure
    at which stage, why, whether the enrolment request reached the EST server, and what to do next.
  - Variables that the test does not collect are substituted with C(Test), or the entry is left blank where C(Test)
    would not be a valid value. Both are reported.
  - What came of the test of a template in the store is noted beside the store, and returned by
    M(estfleet.cloud_extender.est_templates). Check mode and a wrong option change no note.
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_exchange
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.template_options.inline
  - estfleet.cloud_extender.exchange_options.identity
  - estfleet.cloud_extender.exchange_options
  - estfleet.cloud_extender.exchange_options.acceptance
attributes:
  check_mode:
    support: full
    details:
      - Everything is done short of issuing and writing. The server is reached and verified, its CA certificates are
        fetched and the certificate request is made.
  diff_mode:
    support: full
    details:
      - The difference shown is the one between what was asked for and what the CA put into the certificate.
  idempotent:
    support: none
    details:
      - Every run that is not in check mode issues a new certificate, and is reported as changed.
options:
  template:
    description:
      - The name of a template in the store of the host.
      - Exactly one of O(template) and O(inline) is needed.
    type: str
  certificate_name:
    description:
      - The name of the test certificate, and of the folder it is saved in. At most 64 letters, digits, dots,
        underscores and hyphens; no spaces. On a Windows host no name that Windows keeps for a device.
    type: str
    default: test
  test_value:
    description: What variables get that are not given, where it is a valid value.
    type: str
    default: Test
  output_path:
    description:
      - The folder on the host under which the files are saved, in a folder per template and certificate name.
      - The default is the folder C(tests) in O(store_path).
      - On a Windows host it is the path of a folder there. Only SYSTEM and Administrators may have the files, and what
        others may do with this folder itself stays as it is.
    type: str
  wait_timeout:
    description:
      - Seconds to wait in all for a certificate that the CA must approve. The result is C(pending) when that is not
        enough, and the next run goes on with the same key.
      - 0 to 86400.
    type: int
    default: 0
  on_unverified_chain:
    description:
      - What to do when the certificate does not chain to the CA certificates that the EST server names.
      - V(warn) saves it all the same and warns.
    type: str
    choices: [fail, warn]
    default: fail
  key_origin:
    description:
      - Who makes the private key.
      - With V(host) it is made where the certificate is asked for, and no other machine has it. Use this where you can.
      - With V(server) the EST server makes it and sends it through TLS with the certificate (C(/serverkeygen), RFC 7030
        section 4.4). The key is of the kind that the template names, or the server takes. It is kept as one that is
        made here. The server has to be trusted by C(ca_certificate), C(ca_path) or C(ca_fingerprint) of the template;
        C(use_system_trust) is refused.
      - O(exchange=relay) is refused with V(server), because a verbose connection shows what the host answers, and the
        private key would be in it.
    type: str
    choices: [host, server]
    default: host
notes:
  - On a Windows host the controller needs the Python libraries C(requests) and C(cryptography), and the host nothing.
    See C(docs/windows.md).
seealso:
  - module: estfleet.cloud_extender.est_templates
"""

EXAMPLES = r"""
- name: Test a template of the host
  estfleet.cloud_extender.est_test_enroll:
    template: wifi
    identity: {user: jdoe, domain: example.com, email: jdoe@example.com}
  register: test

- name: Show where the test certificate is and what the CA left out
  ansible.builtin.debug:
    msg: "{{ test.certificate.path }}: {{ test.lost }}"
  when: test.status == 'issued'

- name: Fail where the CA leaves out more than the e-mail address
  estfleet.cloud_extender.est_test_enroll:
    template: wifi
    identity: {user: jdoe, domain: example.com, email: jdoe@example.com}
    on_lost: fail
    allowed_lost: [emailAddress]

- name: Test a template before it is configured anywhere, from the controller
  estfleet.cloud_extender.est_test_enroll:
    exchange: controller
    inline:
      name: wifi
      server: est.example.com
      port: 8443
      username: estuser
      password: "{{ est_password }}"
      ca_certificate: "{{ lookup('ansible.builtin.file', 'est-ca.pem') }}"
      subject_alternative_name: upn
    certificate_name: trial
    identity: {user: jdoe, domain: example.com}
"""

RETURN = r"""
status:
  description:
    - Whether the certificate was V(issued), is V(pending) approval, or was V(not_asked) for because of check mode.
      V(failed) where it is none of these.
  type: str
  returned: always
  sample: issued
template:
  description: The name of the template; null where it is not known, since an option is wrong.
  type: str
  returned: always
  sample: wifi
certificate:
  description: The issued certificate.
  type: dict
  returned: when a certificate was issued
  contains:
    path:
      description: The file on the host.
      type: str
      sample: /var/lib/cloud_extender/est/tests/wifi/test/certificate.pem
    pem:
      description: The certificate.
      type: str
    subject:
      description: The subject in slash form.
      type: str
      sample: /CN=jdoe
    issuer:
      description: The issuer in slash form.
      type: str
    serial_number:
      description: Hexadecimal, upper case.
      type: str
    not_before:
      description: Start of validity, UTC.
      type: str
      sample: "2026-11-22T12:00:00Z"
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
      description:
        - V(RSA), V(DSA), V(ECC), V(Ed25519), V(Ed448) or V(ML-DSA-44), V(ML-DSA-65) and V(ML-DSA-87). V(unknown) where
          the key cannot be read.
      type: str
      sample: RSA
    public_key_size:
      description: The size of the key in bits; null where RV(certificate.public_key_type) says it.
      type: int
      sample: 2048
    public_key_curve:
      description:
        - The curve of a key of the type V(ECC), in the words of C(key_curve) of a template; null for the others.
      type: str
      sample: P-256
    subject_alternative_names:
      description: The entries as C(TYPE:value).
      type: list
      elements: str
      sample: ["UPN:jdoe@example.com"]
chain_path:
  description:
    - The file on the host with the intermediate CA certificates from the issuer upwards, without the root. It is empty
      where the root has issued the certificate.
  type: str
  returned: when a certificate was issued
root_certificate_path:
  description: The file on the host with the certificate of the root CA.
  type: str
  returned: when a certificate was issued, and its chain ends at a root
key_protected_by:
  description:
    - What protected a key of the EST server on its way, V(tls), and V(cms) where it came encrypted within that.
  type: list
  elements: str
  returned: when a certificate was issued with O(key_origin=server)
  sample: [tls]
private_key_path:
  description:
    - The file on the host with the private key, mode 0600.
    - On a Windows host only SYSTEM and Administrators may have it.
  type: str
  returned: when a certificate was issued or is pending
requested:
  description: What was asked for.
  type: dict
  returned: success
  contains:
    subject:
      description: The subject in slash form.
      type: str
    subject_alternative_names:
      description: The entries as C(TYPE:value).
      type: list
      elements: str
lost:
  description: What was asked for and is not in the certificate.
  type: list
  elements: str
  returned: when a certificate was issued, or refused because of it
  sample: ["subject emailAddress=jdoe@example.com", "subject_alternative_name UPN:jdoe@example.com"]
differs:
  description:
    - What is not as it was asked for, in one line each. Another value of an attribute or of a type of alternative name
      that was asked for, in its place (C(came as)) or beside it (C(was not asked for)), an alternative name of any
      type that was not asked for, or the certificate of a CA.
    - What a CA adds to the subject of a kind that nobody asked for, such as its C(O), is not among it.
  type: list
  elements: str
  returned: when a certificate was issued, or refused because of it
  sample: ["subject CN=ce1 came as CN=root"]
accepted_lost:
  description: Those of RV(lost) that O(on_lost) or O(allowed_lost) accepts.
  type: list
  elements: str
  returned: when a certificate was issued, or refused because of it
  sample: []
diff:
  description: What was asked for against what the CA put into the certificate, for diff mode.
  type: dict
  returned: when a certificate was issued
substitutions:
  description:
    - The variables that were not given, with what they got. An empty value says that the entry was left out.
  type: dict
  returned: success
omitted_attributes:
  description: The attributes and entries of the template that were left out, because a variable in them was not given.
  type: list
  elements: str
  returned: success
  sample: ["emailAddress=%email%"]
server:
  description: The EST server.
  type: dict
  returned: success
  contains:
    url:
      description: The base URL of its operations.
      type: str
      sample: https://est.example.com:8443/.well-known/est
    tls_version:
      description: The TLS version of the connection; null where nothing was sent.
      type: str
      sample: TLSv1.3
    trust:
      description:
        - Whether the server was verified with V(explicit) anchors, with those of the V(system), or with a CA
          certificate that was accepted by its V(fingerprint).
      type: str
    authenticated_by:
      description:
        - How the client proved itself, V(client_certificate), and V(basic) or V(digest). Empty where it did not, as in
          check mode, where nothing was sent that needs it.
      type: list
      elements: str
      sample: [basic]
exchange:
  description: Where the exchange left from; null where an option is wrong.
  type: str
  returned: always
  sample: host
timeline:
  description:
    - The stages in order, as far as the test came.
    - With O(exchange=relay) the host opens a second connection for the certificate, and its stages are told once more.
  type: list
  elements: dict
  returned: always
  contains:
    stage:
      description: C(resolve), C(connect), C(tls), C(cacerts), C(csrattrs), C(enroll), C(verify) or C(save).
      type: str
    ok:
      description: Whether it succeeded.
      type: bool
    milliseconds:
      description: How long it took; null where it could not be measured.
      type: float
    detail:
      description: What was found out.
      type: str
retry_at:
  description: When the CA wants to be asked again, UTC.
  type: str
  returned: when the certificate is pending
username:
  description: The user name of the template with which the server was talked to, or null.
  type: str
  returned: failure
  sample: estuser
stage:
  description:
    - The stage at which the test failed, or V(input) where something could not be used before anything was sent. Null
      where the host could not be reached, or a module of Ansible failed on it.
  type: str
  returned: failure
  sample: enroll
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes. Of a wrong option V(invalid_option).
  type: str
  returned: failure
  sample: authentication_failed
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
request_received:
  description: Whether the enrolment request reached the EST server, V(received), V(not_received) or V(unknown).
  type: str
  returned: failure
http_status:
  description: The HTTP status of the answer that failed, or null.
  type: int
  returned: failure
server_message:
  description: The server's own words, cleaned and shortened.
  type: str
  returned: failure, and when the certificate is pending
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""

import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure, input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import (
    last_test_entry,
    record_test,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import edited_by_hand, read_stored
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries


def main() -> None:
    module = AnsibleModule(
        argument_spec=options.argument_spec(),
        mutually_exclusive=[("template", "inline")],
        required_one_of=[("template", "inline")],
        supports_check_mode=True,
    )
    outcome, content = perform(module)
    if module.params["template"] and not module.check_mode:
        note(module, outcome, content)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    outcome["clock"] = time.time()  # for the action, which compares it with the controller's
    if outcome.get("failed"):
        module.fail_json(**outcome)
    module.exit_json(**outcome)


def perform(module: AnsibleModule) -> tuple[dict[str, Any], str | None]:
    """Run the test; return its result, a failed one where it failed, and the digest of the stored content it tested."""
    timeline, content = Timeline(), None
    name = module.params["template"] or module.params["inline"]["name"]
    try:
        asked = options.read_options(module.params, check_mode=module.check_mode)
        require_libraries()
        template = asked.inline
        if template is None:
            stored, secrets = read_stored(asked.store_path, name)
            template, content = Template.from_fields(stored.fields, secrets), stored.content
            if stored.edited_parts():
                module.warn(edited_by_hand(name))
        files = TestFolder(asked.output_path, name, asked.identity.certificate_name)
        return run_test(template, asked.identity, asked.test_options, HostConnector(), files, timeline), content
    except EstError as error:
        return failure(error, name, "host", timeline), content
    except (StoreError, TemplateError) as error:
        return input_failure(error, name, "host"), content


def note(module: AnsibleModule, outcome: Mapping[str, Any], content: str | None) -> None:
    """Note in the store what came of the test, for the next run to know."""
    given = (module.params["identity"] or {}).get("variables") or {}
    came = last_test_entry(outcome, content, given)
    try:
        if came is not None:
            store_path = options.absolute_folder("store_path", module.params["store_path"])
            record_test(store_path, module.params["template"], came)
    except StoreError as error:
        module.warn(f"what came of the test could not be noted: {error}")


if __name__ == "__main__":
    main()
