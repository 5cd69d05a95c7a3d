# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST client (RFC 7030): a library for any Python program. What a program needs is reached by this one import.

    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import api as est

    server = est.EstUrl.build("est.example.com", port=8443)

Each of the folders imports only from those before it: base, asn1, x509, http, request, answers; above them are the
files of this folder, client.py first of all. This is no ``__init__.py``: ansible-test of older cores wants those empty.
"""

from __future__ import annotations

import importlib
from typing import Any, List

# The places are strings, and are imported when somebody asks for them: Ansible sends whatever an import statement names
# together with each module, even one inside a function, and most modules need only a small part of this library.
_PLACES = {
    "EstClient": ".client",
    "VerifiedCertificate": ".client",
    "fetch_unauthenticated": ".bootstrap",
    "bootstrap": ".bootstrap",
    "server_info": ".server_info",
    "EstError": ".base.errors",
    "InputError": ".base.errors",
    "MissingLibrary": ".base.errors",
    "ParseError": ".base.errors",
    "ServerError": ".base.errors",
    "TransportError": ".base.errors",
    "Timeline": ".base.errors",
    "EstUrl": ".http.url",
    "Credentials": ".http.transport",
    "HttpsTransport": ".http.https",
    "Trust": ".http.tls",
    "ClientCertificate": ".x509.client_certificate",
    "Fingerprint": ".x509.certificate",
    "load_pem_certificates": ".x509.bundle",
    "pem": ".x509.certificate",
    "KeySpec": ".x509.keys",
    "generate_key": ".x509.keys",
    "parse_distinguished_name": ".._names.distinguished_names",
    "parse_general_name": ".._names.general_names",
    "CertificateRequest": ".request.csr",
    "build_csr": ".request.csr",
    "RequestPlan": ".request.plan",
    "plan_request": ".request.plan",
    "Issued": ".answers.enrolment",
    "Pending": ".answers.enrolment",
    "Enrolment": ".enrol",
    "EnrolmentRequest": ".enrol",
    "IssuedCertificate": ".enrol",
    "PendingEnrolment": ".pending",
    "RenewalRequest": ".reenrolment",
    "choose_authentication": ".reenrolment",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    """Return a public name of the library; its file is loaded now.

    :raises AttributeError: there is no such name.
    """
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(place, __package__), name)


def __dir__() -> List[str]:
    return [*globals(), *_PLACES]
