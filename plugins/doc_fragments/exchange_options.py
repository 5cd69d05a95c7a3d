# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that talks to an EST server. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store_path:
    description:
      - The folder of the template store on the host, an absolute path.
      - If it is not given, it is V(/var/lib/cloud_extender/est), and on a Windows host
        V(C:\\ProgramData\\CloudExtenderEST).
    type: str
  exchange:
    description:
      - Where the EST exchange leaves from.
      - V(host) runs all of it on the host, which needs the Python libraries C(requests) and C(cryptography).
      - V(relay) lets the host open the connection, verify the EST server and send what the controller has made. All
        else is done on the controller. The host needs no library, and no CA of the EST server in its store. It tells
        the errors that V(host) tells. Refused are proof of possession that is always wanted, an encrypted client key
        and a key that the EST server makes, and on a Windows host a TLS client certificate in a file.
      - V(controller) runs all of it on the controller. It says nothing about the network path of the host, and a TLS
        client certificate is refused, since its key stays on the host.
      - V(auto) is V(host), and V(relay) on a Windows host, where V(host) is refused. It is V(relay) too where the
        Python of a POSIX host lacks a library, but not for a production certificate, whose key stays there.
    type: str
    choices: [auto, host, relay, controller]
    default: auto
  connect_timeout:
    description:
      - Seconds to wait for name resolution, connection and TLS handshake, each. 1 to 300.
    type: int
    default: 10
  timeout:
    description: Seconds to wait for the whole answer to a request. 1 to 3600.
    type: int
    default: 30
  max_response_size:
    description: Octets; a larger answer is refused. 1024 to 104857600.
    type: int
    default: 1048576
  http_authentication:
    description:
      - How user name and password are used.
      - V(auto) sends them with HTTP Basic authentication, unasked, to the server that has been verified, and answers
        with Digest where the server asks for that.
      - V(basic) never answers with Digest.
      - V(digest) never sends the password itself. A server that offers only Basic cannot be used then.
    type: str
    choices: [auto, basic, digest]
    default: auto
  allow_redirects_to:
    description:
      - Other servers that the EST server may redirect to with everything that authenticates the request, which is user
        name, password and TLS client certificate. Each is V(host), V(host:port) or V(https://host:port); the port is
        443 where there is none, and has to be the very port of the redirect.
      - They are verified as the first one is, with the same trust anchors.
      - A redirect within the same server is always followed. To a server that is not in this list, only requests that
        prove nothing about the client are redirected, without user name, password and certificate. An enrolment is
        refused, and the error names that server (RFC 7030, section 3.2.1).
    type: list
    elements: str
    default: []
  busy_timeout:
    description:
      - Seconds to wait in all, for each request, while the server answers that it has no time (HTTP 503 or 429) and
        says in C(Retry-After) when to come back. With V(0) such an answer is a failure at once, and so it is where the
        server does not say when.
      - 0 to 3600.
    type: int
    default: 0
"""

    # Of what asks for a certificate, and not of what only looks at the server.
    ACCEPTANCE = r"""
options:
  on_lost:
    description:
      - What to do when the certificate is not what was asked for, because the CA left out names (RV(lost)), put in
        others, issued for another key, or issued the certificate of a CA (RV(differs)).
      - V(warn) takes it and warns. V(fail) fails at the stage C(verify). V(accept) takes it, and tells it in the result
        alone.
    type: str
    choices: [warn, fail, accept]
    default: warn
  allowed_lost:
    description:
      - Names that may be lost, come with another value, or be added, whatever O(on_lost) says. Each entry is an
        attribute of the subject (V(emailAddress)), a type of alternative name (V(UPN)), or one value
        (V(emailAddress=jdoe@example.com), V(UPN:jdoe@example.com)), also in the words of RV(lost)
        (V(subject emailAddress)). The case of the names of attributes and types does not count. Empty entries count
        for nothing.
      - Another key, or the certificate of a CA, is accepted only by O(on_lost=accept).
    type: list
    elements: str
    default: []
"""

    # Of every module that asks for a certificate: whom it is for.
    IDENTITY = r"""
options:
  identity:
    description:
      - Whom the certificate is for, the values of the variables of the template.
      - The account at the EST server is another thing; the template has it, as C(username) and C(password).
    type: dict
    suboptions:
      user:
        description: The value of the variable C(%uname%).
        type: str
      domain:
        description: The value of the variable C(%domain%), a fully qualified domain name.
        type: str
      email:
        description: The value of the variable C(%email%).
        type: str
      variables:
        description:
          - Values of other variables, by name without percent signs. An empty value leaves out the attribute or entry
            that has the variable.
        type: dict
        default: {}
"""
