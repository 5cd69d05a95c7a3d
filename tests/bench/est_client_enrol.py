# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process that enrols with the EST client: cacerts, a new key, simpleenroll, all checks; certificate and key saved.

usage: est_client_enrol.py URL CA_FILE USER PASSWORD_FILE rsa|ec FOLDER
"""

from __future__ import annotations

import os
import sys

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    pem,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
)


class Client:
    """Enrols over one connection, with every check that the client has."""

    def __init__(self, url: str, ca_path: str, username: str, password: str) -> None:
        with open(ca_path, encoding="ascii") as file:
            ca_pem = file.read()
        server = EstUrl.build(url)
        line = HttpsTransport(server, Trust.explicit(ca_pem), credentials=Credentials(username, password))
        self._client = EstClient(server, line, anchors=load_pem_certificates(ca_pem), secrets=[password])
        self.authorities = self._client.cacerts()

    def enrol(self, key_type: str = "ec", verify: bool = True):
        """One enrolment with a new key: the key, and the certificate where it is verified."""
        key = generate_key(KeySpec(key_type))
        request = build_csr(key, parse_slash_dn("/CN=bench"))
        answer = self._client.simpleenroll(request)
        return key, self._client.verify(answer, request, self.authorities) if verify else None

    def close(self) -> None:
        """Close the connection."""
        self._client.__exit__(None, None, None)


def main() -> None:
    url, ca_path, username, password_file, key_type, folder = sys.argv[1:]
    with open(password_file, encoding="utf-8") as file:
        client = Client(url, ca_path, username, file.read().strip())
    key, issued = client.enrol(key_type)
    client.close()
    files = {
        "key.pem": private_key_pem(key),
        "certificate.pem": pem(issued.certificate).encode(),
        "chain.pem": "".join(pem(each) for each in issued.chain).encode(),
    }
    for name, content in files.items():
        with open(os.open(os.path.join(folder, name), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
