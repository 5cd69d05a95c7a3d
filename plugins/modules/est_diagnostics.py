#!/usr/bin/python
# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: est_diagnostics
short_description: Collect in one archive what helps to find out why a host gets no certificates
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - Makes one archive for each host, in a folder of the controller. It has a summary that a person can read, the logs of
    the product, the template store without secrets and what is wrong with it, versions, clocks, proxy settings, the
    test certificates, and what the host sees of each EST server of its templates. That is name resolution, route,
    connection, TLS certificate, whether the templates trust it, its clock, and what it answers.
  - Each part is collected on its own. What fails or takes too long becomes a line of the summary, with what to do next,
    and the rest is collected all the same. The task fails only where no archive can be made.
  - A POSIX host needs Python with its standard library, a Windows host Windows PowerShell 5.1 or PowerShell 7. Of a
    Windows host there are also the services of the product, and the proxies of Windows itself.
  - Without C(requests) and C(cryptography) on the controller, the CA certificates and the operations of the EST servers
    are not looked at, and the summary says so.
  - No user name, no password and no certificate request is sent to an EST server. A server that is not trusted is
    looked at as well, over a connection on which nothing can be sent but a request for its CA certificates. To see
    which authentication it asks for, a trusted server is sent an enrolment request that is empty, as
    M(estfleet.cloud_extender.est_server_info) does.
  - Secrets are looked for, and taken out of the archive and the result. Passwords of the templates in the store are
    taken out of the logs in any usual encoding, and so are credentials in C(Authorization) and C(Cookie) header
    fields, passwords in URLs, the values of C(password=) and the like, and private keys. Private keys of test
    certificates are not collected. Still, a log can hold a secret that nobody foresaw, and tells much about an
    organization. Look at it before you pass the archive on.
extends_documentation_fragment:
  - estfleet.cloud_extender.attributes
  - estfleet.cloud_extender.attributes.action
  - estfleet.cloud_extender.attributes.actiongroup_store
  - estfleet.cloud_extender.attributes.posix_and_windows
attributes:
  check_mode:
    support: full
    details:
      - Looks at the same and returns the summary, but writes no archive.
  diff_mode:
    support: none
    details:
      - Every archive is new.
  idempotent:
    support: none
    details:
      - Every run makes a new archive, and none is overwritten.
options:
  dest:
    description:
      - The folder of the archives on the controller. A relative path is below the folder of the playbook, with a
        playbook of a collection below the folder that C(ansible-playbook) was started in.
      - It, and the folders above it, are made with permissions V(0700) where they do not exist, not in check mode.
      - An archive is C(<inventory name of the host>-<UTC time>.tar.gz), with permissions V(0600). Characters of the
        name that are not safe in a file name are replaced, and a hash tells such names apart.
      - In an execution environment, name a folder that outlives the container.
    type: path
    required: true
  store_path:
    description:
      - The folder of the template store on the host, an absolute path.
      - If it is not given, it is V(/var/lib/cloud_extender/est), and on a Windows host
        V(C:\\ProgramData\\CloudExtenderEST).
    type: str
  output_path:
    description:
      - The folder on the host with the test certificates, the only one that is searched for what tests have left. By
        default C(tests) in O(store_path).
    type: str
  log_paths:
    description:
      - Folders, files and globs on the host that hold the logs of the product, absolute paths. Folders are entered up
        to four deep.
      - A file that shows a size of 0 is read all the same, one that is compressed with gzip is decompressed, and texts
        are turned into UTF-8. Symbolic links, pipes, devices and files that are no text are left out, and told.
      - On a Windows host the default is C(%ProgramData%\MaaS360\Cloud Extender\logs). A path can begin with a variable
        of the environment, and only its last part can be a glob. A file that another program writes to is read all the
        same.
      - There is no default on POSIX hosts, as the product has no build for them.
    type: list
    elements: str
  max_log_size:
    description:
      - The most octets of logs in all, before compression, 1024 to 104857600. The newest file comes first. Of the one
        at which the limit is reached the end is kept. What was cut or left out is told.
      - A file that is compressed, and larger than what is left of the limit, is left out.
    type: int
    default: 10485760
  redact:
    description:
      - Further texts to take out of the logs and of all else, such as the password of a proxy.
      - Where a password in the store cannot be opened, because the store or its key is damaged, nobody knows what to
        take out, and logs are left out. Give the passwords here to have the logs collected then.
    type: list
    elements: str
    default: []
  connect_timeout:
    description:
      - Seconds for each of name resolution, connection and TLS handshake, 1 to 300.
    type: int
    default: 10
  time_limit:
    description:
      - Seconds for all that happens on the host, 10 to 3600. What has not ended by then is told.
    type: int
    default: 120
seealso:
  - module: estfleet.cloud_extender.est_server_info
  - module: estfleet.cloud_extender.est_template_info
  - module: estfleet.cloud_extender.est_test_enroll
"""

EXAMPLES = r"""
- name: Collect diagnostics of every host
  estfleet.cloud_extender.est_diagnostics:
    dest: diagnostics
    log_paths:
      - /var/log/cloud_extender
  register: diagnostics

- name: Show what does not work
  ansible.builtin.debug:
    msg: "{{ diagnostics.problems }}"

- name: Collect diagnostics of Windows hosts, with the logs of the product
  estfleet.cloud_extender.est_diagnostics:
    dest: diagnostics
    max_log_size: 20971520

- name: Collect logs where the key of the store is lost
  estfleet.cloud_extender.est_diagnostics:
    dest: /srv/diagnostics
    log_paths:
      - /var/log/cloud_extender/*.log
    redact:
      - "{{ est_password }}"
"""

RETURN = r"""
archive:
  description: The path of the archive on the controller. In check mode, the one that it would have.
  type: str
  returned: success
  sample: /srv/diagnostics/ce1-20261122T190501Z.tar.gz
summary:
  description: The lines of the summary, which is the first file in the archive.
  type: list
  elements: str
  returned: success
problems:
  description: What was found not to work. What was looked at is in the RV(summary).
  type: list
  elements: dict
  returned: success
  contains:
    section:
      description:
        - What it is about, C(system), C(libraries), C(services), C(store), C(clock), C(proxy), C(tests) or C(logs) for
          the host; C(server), C(resolve), C(connect), C(tls), C(trust), C(clock) or C(est) for an EST server.
      type: str
      sample: tls
    error_code:
      description: What is wrong, for conditions. C(docs/errors.md) lists the codes.
      type: str
      sample: server_certificate_ends
    reason:
      description: What is wrong, in one sentence.
      type: str
      sample: the certificate of est.example.com:8443 expires in 4 days
    hint:
      description: What to do next; null where RV(problems[].reason) says all there is to say.
      type: str
skipped_files:
  description: What is not in the archive, or not whole.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file or folder on the host.
      type: str
    reason:
      description: Why.
      type: str
error_code:
  description:
    - Why it failed, for conditions. C(docs/errors.md) lists the codes.
  type: str
  returned: failure
  sample: unusable_file
reason:
  description: Why it failed, in one sentence.
  type: str
  returned: failure
hint:
  description: What to do next; null where RV(reason) says all there is to say.
  type: str
  returned: failure
"""
