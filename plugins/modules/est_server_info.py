#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_server_info
short_description: Tell what an EST server answers
version_added: 0.1.0
description:
  - Returns the TLS version and certificate of an EST server, how it was verified, its CA certificates with their
    fingerprints and days left, what it wants of certificate requests, and which authentication it asks for.
  - Nothing on the server changes, and no certificate is requested. To see which authentication the server asks for, it
    is sent an enrolment request that is empty, without a certificate request and without a user name. The server may
    log that as a refused request.
  - Without any trust option only the CA certificates are fetched, over a connection that verifies nothing, and
    RV(trusted) is V(false). Compare the fingerprint of the root with the one that the administrator of the CA names,
    and set O(inline.ca_fingerprint) to it. No certificate, no user name and no password is ever sent on such a
    connection.
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.info_module
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_exchange
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.template_options.inline
  - estfleet.cloud_extender.exchange_options
options:
  template:
    description:
      - The name of a template in the store of the host, whose EST server is looked at.
      - Exactly one of O(template) and O(inline) is needed.
    type: str
notes:
  - On a Windows host the controller needs the Python libraries C(requests) and C(cryptography), and the host nothing.
    See C(docs/windows.md).
seealso:
  - module: estfleet.cloud_extender.est_test_enroll
"""

EXAMPLES = r"""
- name: See which CA certificates a server gives, before anything is trusted
  estfleet.cloud_extender.est_server_info:
    inline:
      name: wifi
      server: est.example.com
      port: 8443
  register: est

- name: Show what the administrator of the CA should confirm
  ansible.builtin.debug:
    msg: "{{ est.ca_certificates | selectattr('self_signed') | map(attribute='fingerprint_sha256') }}"

- name: Look at the server that has a CA certificate with this fingerprint
  estfleet.cloud_extender.est_server_info:
    inline:
      name: wifi
      server: est.example.com
      port: 8443
      ca_fingerprint: "{{ est_ca_fingerprint }}"

- name: Look at the server of a template, and stop in time before its root expires
  estfleet.cloud_extender.est_server_info:
    template: wifi
  register: est
  failed_when: est.root_certificate.days_left < 60
"""

RETURN = r"""
template:
  description: The name of the template; null where it is not known, since an option is wrong.
  type: str
  returned: always
  sample: wifi
trusted:
  description: Whether the server was verified. Without any trust option it is not.
  type: bool
  returned: success
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
      description: The TLS version of the connection, null where it is not known.
      type: str
      sample: TLSv1.3
    cipher:
      description: The cipher suite of the connection, null where it is not known.
      type: str
      sample: TLS_AES_256_GCM_SHA384
    trust:
      description:
        - Whether the server was verified with V(explicit) anchors, with those of the V(system), with a CA certificate
          that was accepted by its V(fingerprint), or not at all, V(none).
      type: str
      sample: explicit
    authorized_by:
      description:
        - Why the owner of the certificate may be this EST server, V(host_name), or V(cmc_ra) for the key usage
          C(id-kp-cmcRA); null where nothing was verified.
      type: str
      sample: host_name
    certificate:
      description:
        - The TLS certificate of the server, null where it is not known. It has the keys of an entry of
          RV(ca_certificates) without RV(ca_certificates[].current_root) and RV(ca_certificates[].self_signed).
      type: dict
ca_certificates:
  description:
    - The CA certificates of the server that are trusted. Where RV(trusted) is V(false), all that it sent, those of
      roots first.
  type: list
  elements: dict
  returned: success
  contains:
    subject:
      description: The subject in slash form.
      type: str
      sample: /CN=Example Root CA
    issuer:
      description: The issuer in slash form.
      type: str
      sample: /CN=Example Root CA
    serial_number:
      description: Hexadecimal, upper case.
      type: str
      sample: 0A1B
    not_before:
      description: Start of validity, UTC.
      type: str
      sample: "2026-11-22T12:00:00Z"
    not_after:
      description: End of validity, UTC.
      type: str
      sample: "2036-11-22T12:00:00Z"
    fingerprint_sha256:
      description: SHA-256 over the certificate, upper case with colons. It can be given as O(inline.ca_fingerprint).
      type: str
    public_key_type:
      description:
        - V(RSA), V(DSA), V(ECC), V(Ed25519), V(Ed448) or V(ML-DSA-44), V(ML-DSA-65) and V(ML-DSA-87). V(unknown) where
          the key cannot be read.
      type: str
      sample: RSA
    public_key_size:
      description: The size of the key in bits; null where RV(ca_certificates[].public_key_type) says it.
      type: int
      sample: 4096
    public_key_curve:
      description:
        - The curve of a key of the type V(ECC), in the words of C(key_curve) of a template; null for the others.
      type: str
      sample: P-256
    subject_alternative_names:
      description: The entries as C(TYPE:value).
      type: list
      elements: str
    days_left:
      description: Whole days until the certificate expires.
      type: int
      sample: 3652
    current_root:
      description: Whether this is the current root of the CA. Never true where RV(trusted) is V(false).
      type: bool
    self_signed:
      description: Whether the certificate is signed with its own key, as that of a root is.
      type: bool
root_certificate:
  description:
    - The current root of the CA, also where the server does not send it. It has the keys of an entry of
      RV(ca_certificates) without RV(ca_certificates[].current_root) and RV(ca_certificates[].self_signed).
  type: dict
  returned: when the server was verified
root_trusted_by:
  description:
    - Why the current root is trusted. It is a configured V(trust_anchor), it has a V(path_to_trust_anchor), or it came
      over a connection that was authenticated with a configured trust anchor (V(explicit_connection)) or with the trust
      store of the system (V(system_connection)).
  type: str
  returned: when the server was verified
  sample: trust_anchor
untrusted_certificates:
  description: The certificates that the server sent and that are not trusted.
  type: list
  elements: dict
  returned: when the server was verified
  contains:
    subject:
      description: The subject in slash form.
      type: str
    fingerprint_sha256:
      description: SHA-256 over the certificate; empty where it cannot be read.
      type: str
    error_code:
      description: Why it is not trusted, for conditions. C(docs/errors.md) lists the codes.
      type: str
      sample: untrusted_issuer
    reason:
      description: Why it is not trusted.
      type: str
csr_attributes:
  description:
    - What the server wants of certificate requests (RFC 7030, section 4.5). Empty where it wants nothing.
  type: list
  elements: dict
  returned: when the server was verified
  contains:
    kind:
      description:
        - What it is about, V(key), V(signature), V(proof_of_possession), V(challenge), V(subject) or
          V(extension). V(ignored) is what this collection does not use.
      type: str
      sample: key
    oid:
      description: The object identifier.
      type: str
      sample: 1.2.840.10045.2.1
    name:
      description: The name of the object identifier, or the object identifier again where it has none.
      type: str
      sample: ecPublicKey
    words:
      description: What is wanted, in words.
      type: str
      sample: an EC key on the curve P-384
authentication:
  description:
    - Which HTTP authentication the server asks for, from its answer to an empty enrolment request; null where there was
      no answer.
  type: dict
  returned: when the server was verified
  contains:
    required:
      description:
        - Whether the server asked for a user name and a password. One that reads the request first, or that was content
          with O(inline.client_certificate_path), does not.
      type: bool
    http_status:
      description: The HTTP status of the answer.
      type: int
      sample: 401
    schemes:
      description: What it offers.
      type: list
      elements: dict
      contains:
        scheme:
          description: The scheme in lower case.
          type: str
          sample: digest
        realm:
          description: The realm, or an empty text.
          type: str
        algorithm:
          description: The algorithm of C(digest), or an empty text.
          type: str
          sample: SHA-256
exchange:
  description: Where the requests left from; null where an option is wrong.
  type: str
  returned: always
  sample: host
timeline:
  description: The stages in order, as far as it came.
  type: list
  elements: dict
  returned: always
  contains:
    stage:
      description: C(resolve), C(connect), C(tls), C(cacerts), C(csrattrs) or C(authentication).
      type: str
    ok:
      description: Whether it succeeded.
      type: bool
    milliseconds:
      description: How long it took; null where it could not be measured.
      type: float
    detail:
      description:
        - What was found out. It begins with C(bootstrap:) for the connection on which nothing is verified.
      type: str
status:
  description: V(failed).
  type: str
  returned: failure
  sample: failed
stage:
  description:
    - The stage at which it failed, or V(input) where something could not be used before anything was sent. Null where
      the host could not be reached, or a module of Ansible failed on it.
  type: str
  returned: failure
  sample: tls
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
  description:
    - Whether an enrolment request reached the EST server, V(received), V(not_received) or V(unknown). The empty one
      that this module sends is not meant.
  type: str
  returned: failure
  sample: not_received
username:
  description: The user name of the template with which the server was talked to, or null.
  type: str
  returned: failure
http_status:
  description: The HTTP status of the answer that failed, or null.
  type: int
  returned: failure
server_message:
  description: The server's own words, cleaned and shortened.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure, and where RV(trusted) is V(false)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import server_info
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import (
    input_failure,
    look_failure,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries


def main() -> None:
    module = AnsibleModule(
        argument_spec=server_info.argument_spec(),
        mutually_exclusive=[("template", "inline")],
        required_one_of=[("template", "inline")],
        supports_check_mode=True,
    )
    outcome = perform(module)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    if outcome.get("failed"):
        module.fail_json(**outcome)
    module.exit_json(**outcome)


def perform(module: AnsibleModule) -> dict[str, Any]:
    """Look at the server, and return the result, a failed one where that failed."""
    timeline = Timeline()
    name = module.params["template"] or module.params["inline"]["name"]
    try:
        asked = server_info.read_options(module.params)
        require_libraries()
        template = asked.inline or Template.from_fields(*read_template(asked.store_path, name))
        return server_info.look(template, asked.exchange_options, HostConnector(), timeline)
    except EstError as error:
        return look_failure(error, name, "host", timeline)
    except (StoreError, TemplateError) as error:
        return input_failure(error, name, "host")


if __name__ == "__main__":
    main()
