# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that an enrolment can cost with the libraries that the EST client uses: nothing is checked, nothing told.

Key generation, the signature of the request, one HTTPS round trip with requests, and the answer parsed by cryptography.
The bench holds the client against it.
"""

from __future__ import annotations

import base64
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

_HEADERS = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}


class Floor:
    """Enrols over one session, which keeps its connection."""

    def __init__(self, url: str, ca_path: str, username: str, password: str) -> None:
        self._url = f"{url}/.well-known/est/simpleenroll"
        self._session = requests.Session()
        self._session.trust_env = False  # else it looks for proxies and a netrc file for each request
        self._session.verify = ca_path
        self._session.auth = (username, password)

    def enrol(self, key_type: str = "ec") -> Any:
        """One enrolment with a new key."""
        key = ec.generate_private_key(ec.SECP256R1()) if key_type == "ec" else rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        body = base64.encodebytes(request.public_bytes(Encoding.DER))
        answer = self._session.post(self._url, data=body, headers=_HEADERS, timeout=30)
        answer.raise_for_status()
        (certificate,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
        return certificate

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
