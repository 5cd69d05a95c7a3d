# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a relay of requests is given, on either platform. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - The server, as a host name in ASCII or an IP address without brackets. Its certificate has to be for it.
    type: str
    required: true
  port:
    description:
      - The port of the server.
    type: int
    required: true
  proxy_host:
    description:
      - An HTTP proxy that is asked for a tunnel to the server. What the host has configured does not count.
    type: str
  proxy_port:
    description:
      - The port of the proxy.
    type: int
  trust:
    description:
      - V(explicit) trusts O(anchors) and nothing else, V(system) the store of the host.
      - V(unverified) shakes hands with whoever answers, for requests that hold no secret and answers that nobody
        believes.
    type: str
    required: true
    choices: [explicit, system, unverified]
  anchors:
    description:
      - CA certificates, or the server's own, as DER in base64.
    type: list
    elements: str
  client_certificate:
    description:
      - A TLS client certificate. On a POSIX host it is the path of a PEM file with the certificate and its
        intermediates, on a Windows host its place in a store with its thumbprint, such as
        V(LocalMachine\\My\\0A1B2C).
    type: str
  client_key:
    description:
      - The path of the PEM file with the key of O(client_certificate), where that does not hold it. On a Windows host
        the key is in the store.
    type: str
  requests:
    description:
      - The octets of each request in base64. They are sent in this order, each when the answer to the one before is
        complete, on one connection for as long as the server keeps it.
      - After a failure no further request is sent, and none is ever sent twice.
    type: list
    elements: str
    required: true
  connect_timeout:
    description:
      - Seconds for each of resolving, connecting, the proxy and the TLS handshake.
    type: int
    default: 10
  timeout:
    description:
      - Seconds for each request, from resolving to the end of its answer.
    type: int
    default: 30
  max_answer_size:
    description:
      - An answer with more octets, its header among them, is given up.
    type: int
    default: 1114112
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The requests are sent in check mode too. Whoever runs it decides whether they may be.
  diff_mode:
    description: Will return details on what has changed or, in C(check_mode), needs changing, when in diff mode.
    support: none
    details:
      - It changes nothing on the host.
"""
