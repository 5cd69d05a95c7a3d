#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_certificate
short_description: Keep a production certificate of a host issued and renewed by an EST server
version_added: 0.1.0
description:
  - Enrols the certificate that an EST certificate template describes, for this very host, and renews it before it ends.
    Nothing is done, and the EST server is not asked, as long as the host has what is asked for.
  - A new certificate is asked for when there is none, when certificate and private key are not a pair, when it ends
    within the renewal period or has expired, when what is asked for has changed since it was issued, and with
    O(force=true). What the CA left out of a certificate, or changed in it, is not a reason; it is told in every run, as
    a warning unless O(on_lost) or O(allowed_lost) accepts it.
  - A certificate that something else has put there is kept where it carries what is asked for and is not self-issued.
    Else it is replaced.
  - The first certificate is asked for with the account of the template, or with its TLS client certificate. A renewal
    is authenticated by the old certificate (RFC 7030, section 4.2.2), and asks for its very names. The account goes
    with it only where the server has got the certificate and asks for a password as well; C(server.authenticated_by)
    says so.
  - The files for the chain are independent of each other and of the certificate. Each is made and mended from what the
    note beside the certificate keeps, without asking the EST server; certificate and key stay as they are.
  - A renewal that comes for other names, or with names that were added, is refused, also with O(on_lost=warn), unless
    O(on_lost) or O(allowed_lost) accepts it. The old certificate and its key stay. So they do where a new one is not
    what was asked for and O(on_lost) is V(fail).
  - What was refused is noted, and not asked for again for 24 hours, unless what is declared changes, or with
    O(force=true). So is an issued certificate that cannot be used, such as one for another key, of an unrelated issuer,
    or outside its validity. Until then each run fails with the same reason, and contacts nobody.
  - Every variable of the template needs a value. Nothing is made up, as a test does.
  - Certificate and key are replaced so that a run that is killed leaves the old or the new pair. What else it left, the
    next run puts right. Where another program may never see them apart, use one file for both, or O(versioned_folder).
  - On a Windows host, the certificate is in a certificate store of the machine. The key is made by the host in a key
    store of the machine, and stays there. A new certificate joins the old one, as programs of Windows name a
    certificate by its thumbprint; see RV(replaced).
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
  - estfleet.cloud_extender.certificate_options
attributes:
  check_mode:
    support: full
    details:
      - Says whether a certificate would be asked for, or something put right, and why. The EST server is not contacted,
        and nothing is changed.
  diff_mode:
    support: full
    details:
      - Shows names, issuer, serial number and dates of the old and of the new certificate, or the certificates in each
        file that is put right.
  idempotent:
    support: full
notes:
  - A POSIX host needs the Python libraries C(cryptography) and C(requests) when a certificate is asked for. The private
    key never leaves it, so V(relay) and V(controller) of O(exchange) are refused there. Where nothing is to be done, no
    module runs on it, unless its connection does not take a program; see C(docs/certificates.md).
  - On a Windows host the controller needs both, and the host nothing. Its key is made in the key store of the machine,
    which signs the certificate request, and never leaves it; see C(docs/windows.md).
seealso:
  - module: estfleet.cloud_extender.est_test_enroll
  - module: estfleet.cloud_extender.est_templates
"""

EXAMPLES = r"""
- name: Keep the certificate of the web server, and have it reloaded when there is a new one
  estfleet.cloud_extender.est_certificate:
    template: web
    identity:
      user: "{{ inventory_hostname_short }}"
      domain: example.com
      email: webmaster@example.com
    certificate_path: /etc/ssl/certs/web.pem
    private_key_path: /etc/ssl/private/web.key
    fullchain_path: /etc/ssl/certs/web-fullchain.pem
  notify: Reload the web server

- name: Renew for the same key, a month before the end, and wait two minutes for an approval
  estfleet.cloud_extender.est_certificate:
    inline:
      name: relay
      server: est.example.com
      port: 8443
      username: estuser
      password: "{{ est_password }}"
      ca_certificate: "{{ lookup('ansible.builtin.file', 'est-ca.pem') }}"
      subject: /CN=%uname%.%domain%
      subject_alternative_name: other
      subject_alternative_name_other: ["DNS:%uname%.%domain%"]
    identity: {user: relay1, domain: example.com}
    certificate_path: /etc/relay/tls/relay.pem
    private_key_path: /etc/relay/tls/relay.key
    chain_path: /etc/relay/tls/chain.pem
    renewal_method: renew
    renewal_period_days: 30
    wait_timeout: 120
  register: relay

- name: Keep key and certificate of the proxy in one folder, which is replaced as a whole
  estfleet.cloud_extender.est_certificate:
    template: web
    identity:
      user: "{{ inventory_hostname_short }}"
      domain: example.com
      email: webmaster@example.com
    certificate_path: /etc/proxy/tls/host.pem
    private_key_path: /etc/proxy/tls/host.key
    fullchain_path: /etc/proxy/tls/fullchain.pem
    versioned_folder: true

- name: Keep a keystore for a Java service, and a copy of the one before
  estfleet.cloud_extender.est_certificate:
    template: web
    identity:
      user: "{{ inventory_hostname_short }}"
      domain: example.com
      email: webmaster@example.com
    certificate_path: /etc/tomcat/tls/host.pem
    private_key_path: /etc/tomcat/tls/host.key
    private_key_passphrase: "{{ est_key_passphrase }}"
    pkcs12_path: /etc/tomcat/tls/host.p12
    pkcs12_passphrase: "{{ est_key_passphrase }}"
    pkcs12_friendly_name: host
    group: tomcat
    mode: "0640"
    backup: true

- name: Keep the certificate of a service on a Windows host
  estfleet.cloud_extender.est_certificate:
    template: web
    certificate_name: portal
    identity:
      user: "{{ inventory_hostname_short }}"
      domain: example.com
      email: webmaster@example.com
  register: portal
  notify: Tell the service of the new thumbprint

- name: Say how long it is valid
  ansible.builtin.debug:
    msg: "{{ found.subject }}: {{ found.days_left }} days left, to be renewed at {{ relay.renew_at }}"
  vars:
    found: "{{ relay.certificate }}"
  when: relay.certificate is defined
"""

RETURN = r"""
status:
  description:
    - Whether the host has a new certificate (V(issued)), one that needs nothing (V(unchanged)), or waits for an
      approval (V(pending)); V(not_asked) where check mode kept it from asking for one. V(failed) where it is none of
      these.
    - V(recovered) where nobody was asked, and something was put right, or would be in check mode. A file of the chain
      or of PKCS#12 that was not there or not as it has to be, an owner or a mode that was not the one asked for, or
      what a run that was killed, or is not needed any more, had left; RV(reason) names it. On a Windows host also where
      certificates were removed; see RV(removed).
  type: str
  returned: always
  sample: unchanged
action:
  description:
    - What was done, or is to be done where RV(status) is V(pending) or V(not_asked). V(none), V(enrolled), V(renewed)
      for the same key, or V(rekeyed).
  type: str
  returned: success
  sample: none
template:
  description: The name of the template; null where it is not known, since an option is wrong.
  type: str
  returned: always
  sample: web
certificate:
  description: The certificate that the host has now.
  type: dict
  returned: success, when there is one
  contains:
    path:
      description: The file on a POSIX host, or on a Windows host the path that PowerShell has for it.
      type: str
      sample: /etc/ssl/certs/web.pem
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
      sample: ["DNS:web1.example.com"]
renew_at:
  description: From when on a run renews the certificate, UTC.
  type: str
  returned: success, when there is one
  sample: "2027-11-08T12:00:00Z"
key_protected_by:
  description:
    - What protected a key of the EST server on its way, V(tls), and V(cms) where it came encrypted within that.
  type: list
  elements: str
  returned: when a certificate was issued with O(key_origin=server)
  sample: [tls]
private_key_path:
  description: The file on the host with the private key.
  type: str
  returned: success, on a POSIX host
fullchain_path:
  description: The file on the host with the certificate and its intermediate CA certificates.
  type: str
  returned: success, when the option is given
chain_path:
  description: The file on the host with the intermediate CA certificates, without the root.
  type: str
  returned: success, when the option is given
root_certificate_path:
  description: The file on the host with the certificate of the root CA.
  type: str
  returned: success, when the option is given
pkcs12_path:
  description: The PKCS#12 file on the host.
  type: str
  returned: success, when the option is given
backup_files:
  description: What was kept of the files that the new certificate has replaced.
  type: list
  elements: str
  returned: when a certificate was issued in place of another with O(backup=true)
  sample: [/etc/tomcat/tls/.host.key.est-backup-20261122T120000Z]
reloaded:
  description: The services that were reloaded, or would be in check mode.
  type: list
  elements: str
  returned: success, with O(reload)
  sample: [nginx]
certificate_store_name:
  description: The name of the certificate store on a Windows host.
  type: str
  returned: success, on a Windows host
  sample: My
certificate_store_location:
  description: The location of that store.
  type: str
  returned: success, on a Windows host
  sample: LocalMachine
replaced:
  description:
    - The thumbprints of older certificates of this name that are still in the store of a Windows host. Each is removed
      by the first run after its end.
  type: list
  elements: str
  returned: success, on a Windows host
removed:
  description: The thumbprints of older certificates of this name that were removed, or would be, as they are over.
  type: list
  elements: str
  returned: success, on a Windows host
requested:
  description: What is asked for.
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
  description: What is asked for and is not in the certificate that the host has, or in the one that was refused.
  type: list
  elements: str
  returned: success, when there is one, and where one was refused because of it
  sample: ["subject emailAddress=webmaster@example.com"]
differs:
  description:
    - What is not as it was asked for, in one line each. Another value of an attribute or of a type of alternative name
      that was asked for, in its place (C(came as)) or beside it (C(was not asked for)), an alternative name of any
      type that was not asked for, or the certificate of a CA.
    - What a CA adds to the subject of a kind that nobody asked for, such as its C(O), is not among it.
  type: list
  elements: str
  returned: success, when there is one, and where one was refused because of it
  sample: ["subject CN=ce1 came as CN=root"]
accepted_lost:
  description: Those of RV(lost) that O(on_lost) or O(allowed_lost) accepts.
  type: list
  elements: str
  returned: success, when there is one, and where one was refused because of it
  sample: []
diff:
  description: The old certificate against the new one, or what was put right, for diff mode.
  type: dict
  returned: when a certificate was issued, or something put right, or would be
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
      description: The TLS version of the connection; null where there was none, or it is not known.
      type: str
      sample: TLSv1.3
    trust:
      description:
        - Whether the server was verified with V(explicit) anchors, with those of the V(system), or with a CA
          certificate that was accepted by its V(fingerprint); null where it was not contacted.
      type: str
    authenticated_by:
      description:
        - How the client proved itself, V(client_certificate), and V(basic) or V(digest). Empty where it did not.
      type: list
      elements: str
      sample: [client_certificate]
exchange:
  description: Where the exchange leaves from; null where an option is wrong.
  type: str
  returned: always
  sample: host
timeline:
  description: The stages in order, as far as the exchange came; empty where there was none.
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
  returned: when a certificate is pending
stage:
  description:
    - The stage at which it failed, or V(input) where something could not be used before anything was sent. Null where
      the host could not be reached, or a module of Ansible failed on it.
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
  description:
    - Why a certificate was asked for, or none was, and before that what was put right.
    - On failure, why it failed.
  type: str
  returned: always
  sample: the certificate is valid until 2027-11-22T12:00:00Z, for 364 days
request_received:
  description: Whether the enrolment request reached the EST server, V(received), V(not_received) or V(unknown).
  type: str
  returned: failure
username:
  description: The user name of the template with which the server was talked to, or null.
  type: str
  returned: failure
  sample: estuser
http_status:
  description: The HTTP status of the answer that failed, or null.
  type: int
  returned: failure
server_message:
  description: The server's own words, cleaned and shortened.
  type: str
  returned: failure, and when a certificate is pending
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import on_host, parameters
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError


def main() -> None:
    module = AnsibleModule(
        argument_spec=parameters.argument_spec(),
        mutually_exclusive=[("template", "inline")],
        required_one_of=[("template", "inline")],
        supports_check_mode=True,
    )
    outcome = perform(module)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    outcome["clock"] = time.time()  # for the action, which compares it with the controller's
    if outcome.get("failed"):
        module.fail_json(**outcome)
    module.exit_json(**outcome)


def perform(module: AnsibleModule) -> dict[str, Any]:
    """See to it that there is a certificate, and return the result, a failed one where that failed."""
    try:
        asked = parameters.read_options(module.params, check_mode=module.check_mode)
    except TemplateError as error:
        return input_failure(error, module.params["template"] or module.params["inline"]["name"], on_host.HOST)
    (outcome,) = on_host.keep([asked])
    return outcome


if __name__ == "__main__":
    main()
