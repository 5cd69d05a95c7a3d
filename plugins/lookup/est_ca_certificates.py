# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: est_ca_certificates
short_description: Fetch the CA certificates of an EST server
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Asks an EST server for its CA certificates (RFC 7030, section 4.1) from the controller, and returns those that are
    proved, as PEM text for O(estfleet.cloud_extender.est_template#module:ca_certificate) and for anything else that
    takes CA certificates.
  - Something has to say whom to trust. With O(ca_fingerprint) alone, the certificate that has it is accepted from a
    server that is not verified yet, and everything else is fetched over a new connection that is verified with it.
  - No user name, password or client certificate is sent.
  - A server is asked once in a run of Ansible for all hosts and tasks that look up the same.
requirements:
  - The Python libraries C(requests) and C(cryptography) on the controller.
options:
  _terms:
    description:
      - EST servers, each as O(estfleet.cloud_extender.est_template#module:server) of a template, such as
        V(est.example.com:8443).
    type: list
    elements: str
    required: true
  port:
    description: The port, where the server itself has none. The default is V(443).
    type: int
  label:
    description: The CA label, where the server needs one and the URL has none.
    type: str
  base_path:
    description: Where the server answers, if not at V(/.well-known/est).
    type: str
  ca_fingerprint:
    description:
      - The SHA-256 or SHA-512 fingerprint of a CA certificate of the server, as the administrator of the CA names it.
      - Beside another option that says whom to trust, it is a further condition.
    type: str
  ca_certificate:
    description: Trust anchors for the server, PEM text. Mutually exclusive with O(ca_path).
    type: str
  ca_path:
    description: The absolute path of a file with trust anchors on the controller, in PEM, C(.p7b) or DER.
    type: str
  use_system_trust:
    description: Whether to trust the certificate authorities that the system of the controller trusts.
    type: bool
    default: false
  proxy:
    description: The URL of an HTTP proxy, V(http://host:port).
    type: str
  connect_timeout:
    description: Seconds to wait for name resolution, connection and TLS handshake, each. 1 to 300.
    type: int
    default: 10
  timeout:
    description: Seconds to wait for the whole answer. 1 to 3600.
    type: int
    default: 30
seealso:
  - module: estfleet.cloud_extender.est_server_info
"""

EXAMPLES = r"""
- name: Declare a template that trusts the CA of the EST server, of which the fingerprint is known
  estfleet.cloud_extender.est_template:
    name: phones
    server: est.example.com
    port: 8443
    username: estuser
    password: "{{ est_password }}"
    ca_certificate: >-
      {{ lookup('estfleet.cloud_extender.est_ca_certificates', 'https://est.example.com:8443',
                ca_fingerprint=est_ca_fingerprint) }}
"""

RETURN = r"""
_raw:
  description:
    - For each server the certificates that are proved, as one PEM text. The current root is the first, where the server
      sends it.
  type: list
  elements: str
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.ca_certificates import (
    LookupFailed,
    ca_certificates_of,
)


class LookupModule(LookupBase):
    """The CA certificates of EST servers."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        options = self.get_options()
        found = []
        for term in terms:
            try:
                authorities = ca_certificates_of({**options, "server": term})
            except LookupFailed as failed:
                raise AnsibleLookupError(str(failed)) from None
            for warning in authorities.warnings:
                Display().warning(f"est_ca_certificates, {term}: {warning}")
            found.append(authorities.pem)
        return found
