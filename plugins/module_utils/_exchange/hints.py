# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of modules and roles do next, by the code of an error: in the names of options and templates.

Codes that are not here need no option, and what the library says of them will do.
"""

from __future__ import annotations

from ..est.base.errors import EstError

_CA = "Set ca_certificate or ca_path to the"
_COMPARE = (
    "Compare with the fingerprint that the administrator of the CA names, over another way than this connection, and "
    "set ca_fingerprint to it."
)
HINTS = {
    "missing_library": "On the host where the EST exchange runs, install it for the Python that Ansible uses there: "
    "the package python3-{name} of the operating system, or pip install '{name}>={minimum}'.",
    "no_trust": "Set ca_certificate or ca_path of the template to the CA that issued the EST server's certificate, "
    "ca_fingerprint to its fingerprint, or use_system_trust to true where the host trusts that CA anyway.",
    "invalid_client_certificate": "client_certificate_path and client_key_path are in PEM form; the intermediates "
    "follow the certificate. An encrypted key needs client_key_passphrase.",
    "unreadable_file": "The file is read on the host where the EST exchange runs, by the user whom Ansible becomes "
    "there.",
    "credentials_in_url": "Give them in the options username and password.",
    "invalid_subject": "Correct the subject of the template, or the value of the variable in it.",
    "invalid_alternative_name": "Correct the subject alternative name of the template, or the value of the variable in "
    "it.",
    "no_names": "Set subject or subject_alternative_name in the template.",
    "no_channel_binding": "Let the EST server speak TLS 1.2 too, or set proof_of_possession to never.",
    "code_and_binding": "Set proof_of_possession to never if it is the enrolment code that the EST server wants there, "
    "or leave challenge_password out.",
    "untrusted_certificate": f"{_CA} certificate of the CA that issued the server's certificate; if that is set, check "
    "that it belongs to this server, and that the server sends its intermediate CA certificates.",
    "no_common_cipher": "Allow a current cipher suite (ECDHE with AES-GCM) on the server; if it asks for a client "
    "certificate, set client_certificate_path and client_key_path.",
    "client_certificate_refused": "Set client_certificate_path and client_key_path to a certificate (with its "
    "intermediates) from a CA that the EST server accepts for TLS clients, and check that it has not expired.",
    "redirect_needs_consent": "Name {server} in allow_redirects_to, or set server, port, label and base_path of the "
    "template to where the server leads.",
    "credentials_required": "Set username and password of the template to those of an account on the EST server.",
    "credentials_withheld": f"{_CA} CA certificate instead of ca_fingerprint alone.",
    "authentication_not_supported": "Let http_authentication be auto, and let the EST server offer Basic or Digest, or "
    "set client_certificate_path and client_key_path to a TLS client certificate that it accepts.",
    "authentication_required": "Set client_certificate_path and client_key_path to a TLS client certificate that the "
    "EST server accepts, or username and password to an account on it: its administrator knows which.",
    "proof_of_possession_refused": "Let proof_of_possession be auto, or always where the EST server does not ask for "
    "it in its CSR attributes, and let no proxy end TLS before the EST server.",
    "authentication_failed": "Check username and password of the template against the account on the EST server.",
    "untrusted_ca_certificates": "Give the root of this CA as the trust anchor: ca_certificate or ca_path in the "
    "template.",
    "fingerprint_mismatch": f"Nothing was accepted: this may be another server, or somebody in between. {_COMPARE}",
    "not_as_asked": "Let the CA issue what is asked for, or ask for no more than it issues. allowed_lost lists names "
    "that may be lost, and on_lost: accept takes every certificate.",
}
#: What to do with the certificates of a server of which nothing was verified.
UNVERIFIED = (
    "Nothing of this server has been verified. Compare the SHA-256 fingerprint of its root with the one that the "
    "administrator of the CA names, over another way than this connection, and then set ca_fingerprint to it."
)


def hint_of(error: EstError) -> str:
    """What the user of a module does next."""
    return error.advice(HINTS)
