#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_relay
short_description: Carry HTTPS requests from a POSIX host
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This module is private and can change at any time. M(estfleet.cloud_extender.est_test_enroll) and
    M(estfleet.cloud_extender.est_server_info) run it with C(exchange=relay).
  - It resolves, connects and verifies the server, sends octets that are given and returns those that come. HTTP is the
    controller's. What it knows of HTTP is where an answer ends, which decides when the next request can be sent.
  - A server is verified before any request is sent. With explicit anchors, its certificate has to be for O(host), or
    has the extended key usage id-kp-cmcRA (RFC 7030). A common name does not count (RFC 9525).
  - A failed exchange is not a failed task. RV(failure) tells it in codes, never in sentences.
  - M(estfleet.cloud_extender.win_est_relay) is the same for Windows hosts.
  - It needs the Python standard library only.
extends_documentation_fragment:
  - estfleet.cloud_extender.private_options.relay
"""

EXAMPLES = r"""
- name: Ask an EST server for its CA certificates (use est_server_info instead)
  estfleet.cloud_extender.est_relay:
    host: est.example.com
    port: 443
    trust: system
    requests:
      - "{{ 'GET /.well-known/est/cacerts HTTP/1.1\r\nHost: est.example.com\r\n\r\n' | b64encode }}"
"""

RETURN = r"""
answers:
  description: The answers that are complete, in the order of O(requests).
  type: list
  elements: dict
  returned: always
  contains:
    connection:
      description: The index in RV(connections) of the connection that carried it.
      type: int
      returned: always
    octets:
      description: What the server sent, informational responses included, in base64.
      type: str
      returned: always
    end:
      description:
        - What told where it ends. V(length) is its Content-Length, V(chunked) its last chunk, V(empty) a status without
          a body, V(closed) the end of the connection.
        - V(malformed) and V(not_http) mean that it has no end that can be known. RV(answers[].octets) is what had come.
      type: str
      returned: always
      sample: length
    seconds:
      description: How long sending and receiving took.
      type: dict
      returned: always
      contains:
        send:
          description: Seconds to send the request.
          type: float
          returned: always
        receive:
          description: Seconds from then to the end of the answer.
          type: float
          returned: always
connections:
  description: The connections that were begun, in their order. Each has what it reached.
  type: list
  elements: dict
  returned: always
  contains:
    addresses:
      description: All addresses of the server, or of the proxy.
      type: list
      elements: str
      returned: when the name was resolved
    address:
      description: The address of the server, or of the proxy, that was connected to.
      type: str
      returned: when it was connected
    port:
      description: The port of the server, or of the proxy.
      type: int
      returned: when it was connected
    local_address:
      description: The address of the host.
      type: str
      returned: when it was connected
    local_port:
      description: The port on the host.
      type: int
      returned: when it was connected
    certificates:
      description:
        - The certificates that the server sent, as DER in base64, its own first. Python before 3.13 tells no other.
        - They can be there of a server that is not accepted.
      type: list
      elements: str
      returned: when the platform told them
    authorized_by:
      description: Why the server is the right one, V(host_name) or V(cmc_ra), or empty where it is not verified.
      type: str
      returned: when the server was accepted
    tls_version:
      description: The version of TLS.
      type: str
      returned: when the server was accepted
      sample: TLSv1.3
    cipher:
      description: The cipher suite, as the platform names it.
      type: str
      returned: when the server was accepted
    client_certificate_sent:
      description: Whether the server wanted O(client_certificate) in the handshake.
      type: bool
      returned: when there is one, and the platform tells
    seconds:
      description: Seconds of each stage that was begun.
      type: dict
      returned: always
      contains:
        resolve:
          description: Seconds to find the address.
          type: float
          returned: when it was begun
        connect:
          description: Seconds to connect.
          type: float
          returned: when it was begun
        proxy:
          description: Seconds until the proxy answered.
          type: float
          returned: when it was begun
        tls:
          description: Seconds of the TLS handshake.
          type: float
          returned: when it was begun
failure:
  description: Why there is no further answer.
  type: dict
  returned: when the exchange failed
  contains:
    stage:
      description: One of V(input), V(resolve), V(connect), V(proxy), V(tls), V(send), V(receive).
      type: str
      returned: always
      sample: tls
    kind:
      description: A code of the EST client, such as V(connection_refused) or V(untrusted_certificate).
      type: str
      returned: always
      sample: invalid_server_certificate
    detail:
      description:
        - A finer code, or empty.
        - Of a connection it is V(timeout), V(unreachable), V(closed), V(reset), V(cut_off), V(alert),
          V(no_secure_renegotiation) or V(failed).
        - Of the name service it is V(unknown_host), V(no_answer) or V(timeout), and of a proxy V(refused), V(not_http),
          V(closed) or V(timeout).
        - Of the server's certificates it is V(unknown_issuer), V(self_signed), V(expired), V(not_yet_valid),
          V(wrong_signature), V(not_a_ca), V(wrong_purpose), V(chain_too_long), V(path_too_long), V(not_a_signer),
          V(name_not_permitted), V(revoked), V(weak_key), V(weak_ca_key), V(weak_hash), V(unfit) or V(unreadable). Not
          every platform tells them all apart.
        - Of an option it is V(not_base64), V(client_key), V(unreadable), V(expired), V(not_found), V(no_key) or
          V(encrypted_key).
      type: str
      returned: always
      sample: expired
    alert:
      description: The TLS alert by which the server ended the connection, where the platform tells, or empty.
      type: str
      returned: always
      sample: unknown_ca
    proxy_status:
      description: The HTTP status with which the proxy refused.
      type: int
      returned: when it did
    request:
      description: The index in O(requests) of the one under way.
      type: int
      returned: always
    reused:
      description: Whether its connection had carried an earlier one.
      type: bool
      returned: always
    written:
      description: Whether it was written whole.
      type: bool
      returned: always
    received:
      description: How many octets of its answer came.
      type: int
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.relay import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "proxy_host": {"type": "str"},
            "proxy_port": {"type": "int"},
            "trust": {"type": "str", "required": True, "choices": ["explicit", "system", "unverified"]},
            "anchors": {"type": "list", "elements": "str"},
            "client_certificate": {"type": "str"},
            "client_key": {"type": "str", "no_log": False},
            "requests": {"type": "list", "elements": "str", "required": True, "no_log": True},
            "connect_timeout": {"type": "int", "default": 10},
            "timeout": {"type": "int", "default": 30},
            "max_answer_size": {"type": "int", "default": 1114112},
        },
        required_if=[("trust", "explicit", ["anchors"])],
        required_together=[("proxy_host", "proxy_port")],
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **run(module.params))


if __name__ == "__main__":
    main()
