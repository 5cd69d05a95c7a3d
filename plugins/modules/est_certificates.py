#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_certificates
short_description: Keep all production certificates of a host issued and renewed by EST servers
version_added: 0.1.0
description:
  - Does for a list of certificates what M(estfleet.cloud_extender.est_certificate) does for one, in one call. What that
    module says of a certificate, of its files and of its place on a Windows host holds here as well.
  - All entries are checked before anything is done for any of them. Two entries for one file, or on a Windows host for
    one name of a template, are refused.
  - Where nothing is to be done, the host is looked at once for all certificates. On a POSIX host no module runs then.
  - Certificates that are enrolled with the same account at the same EST server share one TLS session, and the server is
    asked once for its CA certificates. A renewal is authenticated by the old certificate, and so has a session of its
    own.
  - A certificate that cannot be had leaves the others alone. The task fails once all have been tried, and
    RV(certificates) says what became of each. Where an EST server refuses the account, or cannot be reached, the rest
    of its certificates are not tried, as the next refusal could lock the account; each says so.
  - An entry with O(certificates[].identities) or O(certificates[].identities_csv) is for many identities, such as users
    or devices, and gives each a certificate of the template, in a folder of the host. All identities are checked before
    the first certificate is asked for. The host does some of them at a time, and the run shows how far it is. A run
    that is killed loses none, and the next one goes on with the rest, asking with the same key for the one that was on
    its way.
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_exchange
  - estfleet.cloud_extender.attributes.posix_and_windows
  - estfleet.cloud_extender.exchange_options
  - estfleet.cloud_extender.certificate_options.suboptions
attributes:
  check_mode:
    support: full
    details:
      - Says which certificates would be asked for, or put right, and why. No EST server is contacted, and nothing is
        changed.
  diff_mode:
    support: full
    details:
      - Shows what M(estfleet.cloud_extender.est_certificate) shows, of all certificates that are new or put right.
  idempotent:
    support: full
options:
  defaults:
    description:
      - Options of entries of O(certificates), for those that do not have them.
      - An entry with O(certificates[].template) or O(certificates[].inline) takes neither of the two from here. Of
        O(certificates[].identity), each value counts by itself.
    type: dict
  purge:
    description:
      - Whether to remove the files of certificates that this module has issued on the host for an earlier list, and
        that are not in O(certificates) any more. Which these are is noted in C(certificates.json) in the folder
        O(store_path). A certificate is known by its O(certificates[].certificate_path).
      - On a Windows host the certificates go with their keys. One is known by its template, its
        O(certificates[].certificate_name) and O(certificates[].certificate_store_name), and is noted beside the
        templates as well. One that was taken over, or whose key was not made here, stays, and so does a key that
        another certificate of the machine has.
      - All of its files go, with a versioned folder all versions, and what the module keeps for itself beside them.
        What O(certificates[].backup) has kept stays, and so does each file that is not as this module has made it.
        Where the certificate or its key is not, all of it stays. No link is followed, but for that of a versioned
        folder.
      - Nothing is removed by a run in which a declared certificate fails, or waits for approval.
      - All lists of a host are noted together. So what another task or play, or the role, keeps there with this module,
        and what M(estfleet.cloud_extender.est_certificate) goes on with, has to be named in O(purge_keep).
      - The certificates of O(certificates[].identities) are never removed.
    type: bool
    default: false
  purge_all:
    description:
      - Whether O(purge) may remove every certificate that it knows where O(certificates) is an empty list, or has
        entries for many identities alone. Without it that is an error, because a list that got lost on the way is empty
        too.
    type: bool
    default: false
  purge_keep:
    description:
      - Paths of certificates that O(purge) never removes, as O(certificates[].certificate_path) had them. On a Windows
        host template and O(certificates[].certificate_name), with a space between them, such as V(web portal).
      - Case does not matter. V(*) stands for any characters, V(?) for any one character, and nothing else is special.
    type: list
    elements: str
    default: []
notes:
  - The certificates are seen to one after the other, in the order of the list.
  - What a host needs is what M(estfleet.cloud_extender.est_certificate) needs there.
seealso:
  - module: estfleet.cloud_extender.est_certificate
  - module: estfleet.cloud_extender.est_templates
"""

EXAMPLES = r"""
- name: Keep the certificates of the web server and of the database
  estfleet.cloud_extender.est_certificates:
    defaults:
      template: web
      identity:
        domain: example.com
        email: webmaster@example.com
      renewal_period_days: 30
    certificates:
      - identity: {user: www}
        certificate_path: /etc/ssl/certs/www.pem
        private_key_path: /etc/ssl/private/www.key
        fullchain_path: /etc/ssl/certs/www-fullchain.pem
      - identity: {user: db}
        certificate_path: /etc/postgresql/tls/db.pem
        private_key_path: /etc/postgresql/tls/db.key
  register: kept

- name: Say what became of each
  ansible.builtin.debug:
    msg: "{{ item.certificate_path }}: {{ item.status }}, to be renewed at {{ item.renew_at | default('no time') }}"
  loop: "{{ kept.certificates }}"
  loop_control:
    label: "{{ item.certificate_path }}"

- name: Keep these certificates, and remove those of earlier lists, but for one that another play keeps
  estfleet.cloud_extender.est_certificates:
    certificates:
      - template: web
        identity: {user: www, domain: example.com, email: webmaster@example.com}
        certificate_path: /etc/ssl/certs/www.pem
        private_key_path: /etc/ssl/private/www.key
    purge: true
    purge_keep:
      - /etc/postgresql/*
  register: kept

- name: Keep this certificate of a Windows host, and remove those of earlier lists
  estfleet.cloud_extender.est_certificates:
    certificates:
      - template: web
        certificate_name: portal
        identity: {user: www, domain: example.com, email: webmaster@example.com}
    purge: true
    purge_keep:
      - web mail

- name: Issue certificates to two users
  estfleet.cloud_extender.est_certificates:
    certificates:
      - template: web
        identity: {domain: example.com}
        identities:
          - {user: jdoe, email: jdoe@example.com}
          - {user: msmith, email: msmith@example.com}
        output_path: /srv/identities

- name: Issue certificates to all users of a file, and leave it after ten failures
  estfleet.cloud_extender.est_certificates:
    certificates:
      - template: web
        identity: {domain: example.com}
        identities_csv: people.csv
        output_path: /srv/people
        file_name: "%uname%-%domain%"
        max_failures: 10

- name: Give each user one PKCS#12 file, for an account that hands them out, and tell the service of it
  estfleet.cloud_extender.est_certificates:
    certificates:
      - template: web
        identity: {domain: example.com}
        identities:
          - {user: jdoe, email: jdoe@example.com, pkcs12_passphrase: "{{ passphrases.jdoe }}"}
          - {user: msmith, email: msmith@example.com, pkcs12_passphrase: "{{ passphrases.msmith }}"}
        output_path: /srv/handout
        pkcs12_only: true
        owner: portal
        mode: "0400"
        backup: true
        reload: [portal]
"""

RETURN = r"""
certificates:
  description:
    - What became of each certificate, in the order of O(certificates). Each has what
      M(estfleet.cloud_extender.est_certificate) returns for one; what is not described here is described there.
  returned: success, and on failure once the first was tried
  type: list
  elements: dict
  contains:
    changed:
      description: Whether something was changed, or would be.
      type: bool
      returned: always
    failed:
      description: Whether it could not be had.
      type: bool
      returned: when it failed
    msg:
      description: Why it could not be had, and what to do next.
      type: str
      returned: when it failed
    certificate_path:
      description: The option, on a POSIX host.
      type: str
      returned: on a POSIX host, of one certificate
      sample: /etc/ssl/certs/www.pem
    certificate_name:
      description: The name of the certificate, on a Windows host.
      type: str
      returned: on a Windows host
    status:
      description:
        - V(issued), V(unchanged), V(recovered), V(pending), V(not_asked) or V(failed). Of many identities the first
          that there is of V(failed), V(pending), V(issued), V(not_asked), V(recovered) and V(unchanged).
      type: str
      returned: always
      sample: unchanged
    action:
      description: V(none), V(enrolled), V(renewed) or V(rekeyed).
      type: str
      returned: unless it failed, of one certificate
      sample: none
    template:
      description: The name of the template.
      type: str
      returned: always
      sample: web
    certificate:
      description: The certificate that the host has now.
      type: dict
      returned: unless it failed, when there is one
    renew_at:
      description: From when on a run renews the certificate, UTC.
      type: str
      returned: unless it failed, when there is one
      sample: "2027-11-08T12:00:00Z"
    key_protected_by:
      description: What protected a key of the EST server on its way.
      type: list
      elements: str
      returned: when a certificate was issued with O(certificates[].key_origin=server)
    private_key_path:
      description: The file with the private key.
      type: str
      returned: unless it failed, on a POSIX host
    fullchain_path:
      description: The file with the certificate and its intermediate CA certificates.
      type: str
      returned: unless it failed, when the option is given
    chain_path:
      description: The file with the intermediate CA certificates.
      type: str
      returned: unless it failed, when the option is given
    root_certificate_path:
      description: The file with the certificate of the root CA.
      type: str
      returned: unless it failed, when the option is given
    pkcs12_path:
      description: The PKCS#12 file.
      type: str
      returned: unless it failed, when the option is given
    backup_files:
      description: What was kept of the files that the new certificate has replaced.
      type: list
      elements: str
      returned: when a certificate was issued in place of another with C(backup)
    reloaded:
      description: The services that were reloaded, or would be in check mode.
      type: list
      elements: str
      returned: unless it failed, with C(reload)
    certificate_store_name:
      description: The name of the certificate store on a Windows host.
      type: str
      returned: unless it failed, on a Windows host
    certificate_store_location:
      description: The location of that store.
      type: str
      returned: unless it failed, on a Windows host
    replaced:
      description: The thumbprints of older certificates of this name that are still there.
      type: list
      elements: str
      returned: unless it failed, on a Windows host
    removed:
      description: The thumbprints of older certificates of this name that were removed.
      type: list
      elements: str
      returned: unless it failed, on a Windows host
    requested:
      description: What is asked for.
      type: dict
      returned: unless it failed
    lost:
      description: What is asked for and is not in the certificate.
      type: list
      elements: str
      returned: when there is a certificate, and where one was refused because of it
    differs:
      description: What is not as it was asked for.
      type: list
      elements: str
      returned: when there is a certificate, and where one was refused because of it
    accepted_lost:
      description: Those of RV(certificates[].lost) that are accepted.
      type: list
      elements: str
      returned: when there is a certificate, and where one was refused because of it
    diff:
      description: What is shown in diff mode of this certificate.
      type: dict
      returned: when a certificate was issued, or something put right, or would be
    server:
      description: The EST server, and what became known of it.
      type: dict
      returned: unless it failed
    exchange:
      description: Where the exchange leaves from.
      type: str
      returned: of one certificate
      sample: host
    timeline:
      description:
        - The stages in order. Those of a connection are told with the certificate that was the first to need it.
      type: list
      elements: dict
      returned: of one certificate
    output_path:
      description: The folder with the files of the identities.
      type: str
      returned: of many identities
    identities:
      description: What became of each identity, in their order.
      type: list
      elements: dict
      returned: of many identities
      contains:
        name:
          description: The name of its files, without what stands for their kind.
          type: str
          returned: always
          sample: jdoe
        status:
          description:
            - V(issued), V(unchanged), V(recovered), V(pending), V(not_asked) or V(failed), or V(not_tried) where it was
              left alone, since too many before it had failed, or the EST server cannot be used.
          type: str
          returned: always
          sample: issued
        action:
          description: V(none), V(enrolled), V(renewed) or V(rekeyed).
          type: str
          returned: unless it failed or was not tried
        changed:
          description: Whether something was changed, or would be.
          type: bool
          returned: always
        certificate_path:
          description: The file with its certificate and the intermediate CA certificates.
          type: str
          returned: unless it failed or was not tried, without C(pkcs12_only)
          sample: /srv/identities/jdoe.pem
        private_key_path:
          description: The file with its private key.
          type: str
          returned: unless it failed or was not tried, without C(pkcs12_only)
        pkcs12_path:
          description: The PKCS#12 file with both.
          type: str
          returned: unless it failed or was not tried, when it has a passphrase
        backup_files:
          description: What was kept of the files that its new certificate has replaced.
          type: list
          elements: str
          returned: when a certificate was issued in place of another with C(backup)
        renew_at:
          description: From when on a run renews the certificate, UTC.
          type: str
          returned: when there is one
        retry_at:
          description: When the CA wants to be asked again, UTC.
          type: str
          returned: when it is pending
        lost:
          description: What is asked for and is not in the certificate.
          type: list
          elements: str
          returned: when there is something
        failed:
          description: Whether it could not be had.
          type: bool
          returned: when it failed
        error_code:
          description: Why it failed, for conditions.
          type: str
          returned: when it failed
        reason:
          description: Why it failed.
          type: str
          returned: when it failed
        hint:
          description: What to do next.
          type: str
          returned: when it failed, and there is more to say
        stage:
          description: The stage at which it failed.
          type: str
          returned: when it failed
        http_status:
          description: The HTTP status of the answer that failed.
          type: int
          returned: when it failed, and there was one
    retry_at:
      description: When the CA wants to be asked again, UTC.
      type: str
      returned: when the certificate is pending
    stage:
      description: The stage at which it failed, or V(input) where something could not be used.
      type: str
      returned: when it failed
      sample: enroll
    error_code:
      description: Why it failed, for conditions; C(docs/errors.md) lists the codes.
      type: str
      returned: when it failed
      sample: authentication_failed
    reason:
      description: Why a certificate was asked for, or none was, or why it failed.
      type: str
      returned: always
      sample: the certificate is valid until 2027-11-22T12:00:00Z, for 364 days
    request_received:
      description: Whether the request reached the EST server.
      type: str
      returned: when it failed
    username:
      description: The user name with which the server was talked to, or null.
      type: str
      returned: when it failed
    http_status:
      description: The HTTP status of the answer that failed, or null.
      type: int
      returned: when it failed
    server_message:
      description: The server's own words.
      type: str
      returned: when it failed, and when a certificate is pending
    hint:
      description: What to do next; null where RV(certificates[].reason) says all there is to say.
      type: str
      returned: when it failed
purged:
  description:
    - What became of each certificate that is known from an earlier list and not declared any more; in check mode, what
      would become of it. What O(purge_keep) names is not among them.
  returned: success, with O(purge=true), and on failure once the first certificate was tried
  type: list
  elements: dict
  contains:
    certificate_path:
      description: The file of the certificate.
      type: str
      returned: on a POSIX host
      sample: /etc/ssl/certs/old.pem
    certificate_store_name:
      description: The certificate store of the machine.
      type: str
      returned: on a Windows host
      sample: My
    template:
      description: The template of the certificate.
      type: str
      returned: on a Windows host
    certificate_name:
      description: Its name.
      type: str
      returned: on a Windows host
      sample: portal
    action:
      description:
        - V(removed), V(kept) where all of it stays, or V(failed) where something could not be removed; the next run
          goes on with that.
      type: str
      returned: always
      sample: removed
    files:
      description:
        - The files that were removed, without what the module keeps for itself where there were others. On a Windows
          host the certificates, such as C(Cert:\LocalMachine\My\) and the thumbprint, and the names of keys.
      type: list
      elements: str
      returned: always
    left:
      description:
        - The files that stay. What is not as the module made it, what was kept as a backup, and what could not be
          removed. On a Windows host certificates that are not of this module, and keys that other certificates have.
      type: list
      elements: str
      returned: always
    reason:
      description: Why all of it stays, or could not be removed.
      type: str
      returned: unless it was removed
diff:
  description: What each certificate shows in diff mode, one after the other, and the files that a purge removes.
  type: dict
  returned: when a certificate was issued, something put right, or a certificate purged, or would be
  contains:
    before:
      description: What was there.
      type: str
    before_header:
      description: How many certificates it is about.
      type: str
    after:
      description: What is there now, or what would be asked for.
      type: str
    after_header:
      description: How many certificates it is about.
      type: str
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes. That of the first certificate that could not be
      had; of a wrong option V(invalid_option).
  type: str
  returned: failure
  sample: authentication_failed
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import (
    list_parameters,
    list_result,
    on_host,
    record,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError


def main() -> None:
    module = AnsibleModule(argument_spec=list_parameters.argument_spec(), supports_check_mode=True)
    outcome = perform(module)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    if outcome.get("failed"):
        module.fail_json(**outcome)
    # For the action, which compares it with the controller's, and says whether the task has failed.
    module.exit_json(clock=time.time(), **outcome)


def perform(module: AnsibleModule) -> dict[str, Any]:
    """See to all certificates, and return what became of each. It fails only where an option is wrong."""
    entries = module.params[list_parameters.CERTIFICATES]
    try:
        asked = list_parameters.read_entries(dict(enumerate(entries)), module.params, check_mode=module.check_mode)
    except TemplateError as error:
        return failure_of(error)
    if not module.check_mode and asked:
        noted = [record.Made.of(each) for each in asked.values()]
        record.note_where_possible(next(iter(asked.values())).store_path, noted)
    outcomes = [list_result.of_one(*each) for each in zip(asked.values(), on_host.keep(asked.values()))]
    warnings = [warning for outcome in outcomes for warning in outcome.pop("warnings", ())]
    changed = any(outcome["changed"] for outcome in outcomes)
    return {"changed": changed, list_parameters.CERTIFICATES: outcomes, "warnings": warnings}


if __name__ == "__main__":
    main()
