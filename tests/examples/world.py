# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands for the world that the examples speak of, in tables: servers, paths, variables, what is there before.

An example runs as it is shown, but for what ``SUBSTITUTIONS`` and ``in_the_lab()`` replace in its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: What an example shows, and what runs in its place. ``{url}`` and ``{port}`` are those of the lab server;
#: ``{free_port}`` is one that nothing listens on.
SUBSTITUTIONS = (
    ("est_lab_server_port: 8443", "est_lab_server_port: {free_port}"),
    ("https://est.example.com:8443", "{url}"),
    ("server: est.example.com", "server: localhost"),
    ("port: 8443", "port: {port}"),
    ("group: tomcat", "group: daemon"),
    # The oldest cryptography of these tests has no other.
    ("pkcs12_friendly_name: host", "pkcs12_encryption: legacy"),
    # There are no such services and accounts here.
    *((f"reload: [{name}]", "reload: []") for name in ("nginx", "apache2", "haproxy", "postgresql")),
    *((f"owner: {name}", "owner: root") for name in ("postgres", "portal")),
    # Nor is that service, and the oldest cryptography of these tests has no other encryption.
    ("reload: [portal]", "pkcs12_encryption: legacy"),
    # There is no such service here; that it is notified is seen.
    ("ansible.builtin.service: {name: nginx, state: reloaded}", "ansible.builtin.debug: {msg: reloaded}"),
)

#: Folders of a host in a path: they are below the folder that stands for the host.
HOST_FOLDERS = ("etc", "srv", "var")

#: Variables that the examples presuppose, by name. ``{url}`` and ``{ca}`` are replaced as above.
VARIABLES: dict[str, Any] = {
    "est_password": "estpwd",
    "est_bundle_passphrase": "five random words of somebody",
    "est_key_passphrase": "five other words of somebody",
    "est_ca_fingerprint": "{fingerprint}",
    "passphrases": {"jdoe": "words of jdoe", "msmith": "words of msmith"},
    "handout_passphrase": "words of everybody",
    "est_templates": [
        {"name": "wifi", "server": "{url}", "username": "estuser", "password": "estpwd", "ca_path": "{ca}"}
    ],
    "est_integration_templates": "{{ est_templates }}",
}

#: Variables of the environment that an example names, with their values.
ENVIRONMENT = {"EST_BUNDLE_PASSPHRASE": "five random words of somebody"}

#: The handlers that the tasks of a module's EXAMPLES notify.
HANDLERS = ("Reload the web server", "Tell the service of the new thumbprint")

#: Templates that an example presupposes on its host.
TEMPLATES = {
    "est_certificate": ("web",),
    "est_certificates": ("web",),
    "est_diagnostics": ("wifi",),
    "est_server_info": ("wifi",),
    "est_template_export": ("Cisco EST",),
    "est_test_enroll": ("wifi",),
    "docs/bundle.md: Export the templates of ce1": ("wifi",),
    "docs/certificates.md: Certificates of the web servers": ("web",),
    "docs/certificates.md: Keep a keystore for a Java service": ("web",),
    "docs/certificates.md: Keep it, and have the server read it": ("web",),
    "docs/certificates.md: Keep the certificates of these services": ("web",),
    "docs/certificates.md: Keep the pair together": ("web",),
    "docs/certificates.md: Keep all certificates of the host": ("web",),
    "docs/certificates.md: Keep this certificate, and remove those of earlier lists": ("web",),
    "docs/certificates.md: Issue the certificates of all users": ("web",),
    "docs/certificates.md: One PKCS#12 file for each user, handed out by a service": ("web",),
    "docs/errors.md: Test the template": ("wifi",),
}

#: Folders of a host that an example presupposes. Those of /etc/ssl are on every host.
FOLDERS = {
    "est_certificate": ("etc/ssl/certs", "etc/ssl/private", "etc/relay/tls", "etc/proxy", "etc/tomcat/tls"),
    "est_certificates": ("etc/ssl/certs", "etc/ssl/private", "etc/postgresql/tls", "srv"),
    "est_certificate_info": ("etc/ssl/certs", "etc/proxy/tls"),
    "docs/certificates.md: Which certificates does the host have?": ("etc/ssl/certs", "etc/proxy/tls"),
    "est_diagnostics": ("srv",),
    "est_template_export": ("srv/exchange",),
    "docs/certificates.md: Certificates of the web servers": ("etc/ssl/certs", "etc/ssl/private"),
    "docs/certificates.md: Keep a keystore for a Java service": ("etc/tomcat/tls",),
    "docs/certificates.md: Keep it, and have the server read it": ("etc/ssl/certs", "etc/ssl/private"),
    "docs/certificates.md: Keep the certificates of these services": (
        "etc/nginx/tls",
        "etc/apache2/tls",
        "etc/haproxy/tls",
        "etc/haproxy/certs",
        "etc/postgresql/tls",
    ),
    "docs/certificates.md: Keep the pair together": ("etc/proxy",),
    "docs/certificates.md: Keep all certificates of the host": ("etc/ssl/certs", "etc/ssl/private"),
    "docs/certificates.md: Keep this certificate, and remove those of earlier lists": (
        "etc/ssl/certs",
        "etc/ssl/private",
    ),
    "docs/certificates.md: Issue the certificates of all users": ("srv",),
    "docs/certificates.md: One PKCS#12 file for each user, handed out by a service": ("srv",),
}

#: Files of a host that an example presupposes, with their content; ``{ca_pem}`` is the CA certificate of the server.
FILES = {
    "est_diagnostics": {"var/log/cloud_extender/EMSAgent.log": "started\n"},
    "est_template": {"etc/pki/est-ca.pem": "{ca_pem}"},
}

#: Bundles that an example presupposes beside the playbook; they hold the template "Cisco EST".
BUNDLES = {
    "est_template_import": "bundles/ce1.bundle",
    "docs/bundle.md: Import the templates of another site": "ce1.bundle",
}

#: Examples that merge reports of slices, which other runs have left.
MERGES = ("est_fleet_report", "est_verdict", "docs/report.md: One report of all slices")

#: Groups of the inventory that an example looks for, with the host in each.
GROUPS = {"cloud_extenders": "est-fleet-hosts"}

#: Folders and files beside the playbook that examples presuppose.
BESIDE_THE_PLAYBOOK = ("bundles", "reviewed", "est-ca.pem")

#: Texts beside the playbook, by their names.
TEXTS_BESIDE_THE_PLAYBOOK = {
    "people.csv": "user;email\njdoe;jdoe@example.com\n\nmsmith;msmith@example.com\n",
}

_WINDOWS = "a Windows host only"

#: Examples that do not run here, and why.
NOT_RUN = {
    "est_certificate: Keep the certificate of a service on a Windows host": _WINDOWS,
    "est_certificate_info: Which certificates does the Windows host have?": _WINDOWS,
    "est_certificates: Keep this certificate of a Windows host, and remove those of earlier lists": _WINDOWS,
    "est_identities_host: See to some certificates (use est_certificates instead)": "est_certificates makes its order",
    "est_purge_host: Remove what is not declared any more (use est_certificates with purge instead)": (
        "est_certificates says what is declared"
    ),
    "docs/windows.md: Keep the certificate of the portal, and let its application pool use the key": _WINDOWS,
    "docs/windows.md: ansible_connection: psrp": "is a part of an inventory",
    "docs/certificates.md: Keep the certificate of a service": _WINDOWS,
    "docs/certificates.md: Keep the certificate of a service, and have the service take it": _WINDOWS,
    "docs/awx.md: Load the EST content": "needs AWX and the collection infra.aap_configuration",
    "README.md: cloud_extenders:": "is an inventory of Windows hosts",
    "docs/certificates.md: web:": "is a part of an inventory",
    "docs/report.md: ce_cluster_berlin:": "is a part of an inventory",
    "docs/awx.md: ce_cluster_berlin:": "is a part of an inventory",
}

#: Warnings that an example is expected to give, as regular expressions.
WARNINGS: dict[str, str] = {}


def in_the_lab(text: str, folder: str, values: Mapping[str, str]) -> str:
    """Replace in the text of an example what stands for something else here.

    :param folder: of the host.
    :param values: what the names in braces of the tables stand for.
    """
    for shown, real in SUBSTITUTIONS:
        text = text.replace(shown, filled_in(real, values))
    return re.sub(rf"(?<![\w./:%-])/(?={'|'.join(f'{name}/' for name in HOST_FOLDERS)})", f"{folder}/", text)


def filled_in(value: Any, values: Mapping[str, str]) -> Any:
    """Put the values of a run in the place of their names in braces."""
    if isinstance(value, dict):
        return {key: filled_in(entry, values) for key, entry in value.items()}
    if isinstance(value, list):
        return [filled_in(entry, values) for entry in value]
    for name, real in values.items():
        value = value.replace("{" + name + "}", real)
    return value


def template(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return a template that is on a host before an example runs."""
    return {**filled_in(VARIABLES["est_templates"][0], values), "name": name}
