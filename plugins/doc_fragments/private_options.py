# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of private modules that are a pair of twins, for POSIX and for Windows. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    # Of est_store_file and win_est_store_file, which have one contract.
    STORE_FILE = r"""
options:
  operation:
    description:
      - Whether to read the store, to replace its document, or to make a sealing key that a new document can use.
    type: str
    required: true
    choices:
      - read
      - write
      - make_key
  store_path:
    description:
      - The folder of the store.
    type: str
    required: true
  key_pad:
    description:
      - Random octets in hexadecimal, as long as the sealing key, for O(operation=read) and O(operation=make_key).
      - The key is only returned XORed with them, since a connection can log what a module returns.
    type: str
  content:
    description:
      - The new document, for O(operation=write).
    type: str
  expected_sha256:
    description:
      - The SHA-256 of the document that was read, or an empty string if there was none, for O(operation=write).
      - Nothing is written if there is another one now.
    type: str
    default: ""
  expected_key:
    description:
      - The fingerprint of the sealing key that O(content) was sealed with, for O(operation=write).
      - Nothing is written if there is another one now.
    type: str
    default: ""
  use_new_key:
    description:
      - Whether O(content) was sealed with the key of O(operation=make_key), which comes into force with it, for
        O(operation=write).
    type: bool
    default: false
  replaced_key:
    description:
      - The fingerprint of the sealing key that the new one replaces, or an empty string if there was none.
      - Nothing is written or made if there is another one now.
    type: str
    default: ""
  keep_old:
    description:
      - Whether to keep the old document beside the new one.
    type: bool
    default: false
notes:
  - A document is replaced in one step, so that whoever reads it, and a run that is killed, finds the old or the new
    one. Runs that write wait for each other, 30 seconds at most; whoever reads gets the files as they were at one
    moment.
  - Of a POSIX host the folder has mode V(0700), the files have V(0600), and all belong to the user that the module runs
    as. What has other modes, or another owner, is RV(drift), and the next write puts it right. A folder to which other
    accounts can write is refused.
  - Of a Windows host the folder belongs to Administrators, and SYSTEM and Administrators alone have entries in its
    access list and in those of the files. It is made so in one step, with those above it that are missing. Entries by
    which others can read, and permissions that come from the folder above, are RV(drift). A folder to which other
    accounts can write, or that belongs to another one, is refused with the commands to take it over. So is a link or
    junction in the place of the folder, or on the way to it.
  - For Windows, replacing a file is two steps. A host that dies between them leaves the new file as C(.NAME.whole),
    which counts as the file until the next write gives it its name.
  - Of a Windows host the path can hold variables of the environment, such as C(%ProgramData%), and has at most 200
    characters. Where another program has a file open, the module tries for 10 seconds.
"""

    # Of est_test_files and win_est_test_files, which have one contract.
    TEST_FILES = r"""
options:
  operation:
    description:
      - V(read) returns what is kept of a pending enrolment.
      - V(save_pending), V(save_issued) and V(save_unusable) replace the files of the test.
      - V(note) notes in the template store what came of the test.
    type: str
    required: true
    choices: [read, save_pending, save_issued, save_unusable, note]
  output_path:
    description: The folder under which all tests of the host are kept, an absolute path.
    type: str
    required: true
  template:
    description: The name of the template.
    type: str
    required: true
  certificate_name:
    description: The name of the test certificate.
    type: str
    required: true
  files:
    description:
      - The content of the files to save, by name.
      - On a Windows host it has to come as text, since Ansible hides no secrets there that are in a dictionary.
    type: json
  pad:
    description:
      - Random octets in base64, at least as long as the files of private key and request together.
      - The private key of a pending enrolment is returned only XORed with them, and so is the request, which may have
        an enrolment code, because a connection may log what a module prints.
    type: str
  store_path:
    description: The folder of the template store, for O(came); with O(operation=read) it is read along.
    type: str
  key_pad:
    description: Random octets as long as the sealing key in hexadecimal, under which it is read along; else it is not.
    type: str
  came:
    description:
      - What came of the test, for O(operation=note); see C(module_utils/_store/last_tests.py).
      - With files to save it is noted as well, once they are saved.
    type: json
notes:
  - Do not use it in playbooks; its options may change in any release.
  - Each folder of a test appears whole, by one renaming. Runs that write wait for each other, 30 seconds at most.
  - What is made is for the user of the module alone, on a Windows host for SYSTEM and Administrators. A folder of a
    template to which other accounts can write is refused, on a Windows host with the commands to take it over. So is a
    link or junction there on the way to it.
  - The folder of a template has its name where that is harmless, and else one that is told apart by a hash. On a
    Windows host that goes for names of devices, too, such as V(CON).
  - O(operation=read) makes no folder. It fails where the files could not be written later; to find that out, it makes a
    file on a Windows host and removes it again.
"""

    # Of est_diagnostics_host and win_est_diagnostics_host, which have one contract.
    DIAGNOSTICS_HOST = r"""
options:
  relays:
    description:
      - A JSON list of what to carry to EST servers. Each has all options of M(estfleet.cloud_extender.est_relay), and
        C(anchors_path), the path of a PEM file on the host with the anchors, or null.
      - They are carried side by side.
    type: json
    default: "[]"
  store_path:
    description: The folder of the template store.
    type: str
    required: true
  output_path:
    description: The folder of the test certificates.
    type: str
    required: true
  log_paths:
    description: Folders, files and globs of logs.
    type: list
    elements: str
    default: []
  max_log_size:
    description: The most octets of logs in all.
    type: int
    required: true
  time_limit:
    description: Seconds for all of it.
    type: int
    required: true
notes:
  - Do not use it in playbooks; its options may change in any release.
  - Each section is collected on its own. One that fails or hangs spoils no other.
"""

    # Of est_read_file and win_est_read_file, which have one contract.
    READ_FILE = r"""
options:
  path:
    description: The file, by its absolute path.
    type: str
    required: true
  max_size:
    description: Octets; a larger file is not read.
    type: int
    required: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - It reads in check mode too.
  diff_mode:
    description: Will return details on what has changed or, in C(check_mode), needs changing, when in diff mode.
    support: none
    details:
      - It changes nothing on the host.
"""

    # What a relay of requests is given, on either platform.
    RELAY = r"""
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
