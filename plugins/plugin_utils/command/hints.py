# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of the command do next, by the code of an error: in the names of its options.

Codes that are not here need no option, and what the library says of them will do.
"""

from __future__ import annotations

_COMPARE = (
    "Compare with the fingerprint that the administrator of the CA names, over another way than this connection, and "
    "set --ca-fingerprint to it."
)
HINTS = {
    "no_trust": _COMPARE,
    "invalid_client_certificate": "--client-certificate-path and --client-key-path are in PEM form; the intermediates "
    "follow the certificate. An encrypted key needs --client-key-passphrase-file.",
    "credentials_in_url": "Give --username and --password-file.",
    "no_channel_binding": "Let the EST server speak TLS 1.2 too, or set --proof-of-possession to never.",
    "code_and_binding": "Set --proof-of-possession to never if it is the enrolment code that the EST server wants "
    "there, or leave --challenge-password-file and EST_CHALLENGE_PASSWORD out.",
    "untrusted_certificate": "Set --ca-path to the certificate of the CA that issued the server's certificate; if that "
    "is set, check that it belongs to this server, and that the server sends its intermediate CA certificates.",
    "no_common_cipher": "Allow a current cipher suite (ECDHE with AES-GCM) on the server; if it asks for a client "
    "certificate, set --client-certificate-path and --client-key-path.",
    "client_certificate_refused": "Set --client-certificate-path and --client-key-path to a certificate (with its "
    "intermediates) from a CA that the EST server accepts for TLS clients, and check that it has not expired.",
    "redirect_needs_consent": "Name {server} in --allow-redirects-to, or set server, --port, --label and --base-path "
    "to where the server leads.",
    "credentials_required": "Give --username and --password-file of an account on the EST server.",
    "credentials_withheld": "Set --ca-path to the CA certificate instead of --ca-fingerprint alone.",
    "authentication_not_supported": "Let --http-authentication be auto, and let the server offer Basic or Digest, or "
    "give --client-certificate-path and --client-key-path of a TLS client certificate that it accepts.",
    "authentication_required": "Give --client-certificate-path and --client-key-path of a TLS client certificate that "
    "the server accepts, or --username and --password-file of an account on it: its administrator knows which.",
    "proof_of_possession_refused": "Let --proof-of-possession be auto, or always where the server does not ask for it "
    "in its CSR attributes, and let no proxy end TLS before the server.",
    "authentication_failed": "Check --username and the password against the account on the EST server.",
    "untrusted_ca_certificates": "Give the root of this CA as the trust anchor: --ca-path.",
    "fingerprint_mismatch": f"Nothing was accepted: this may be another server, or somebody in between. {_COMPARE}",
    "not_as_asked": "Let the CA issue what is asked for, or ask for no more than it issues. --allowed-lost lists names "
    "that may be lost, and --on-lost accept takes every certificate.",
}
#: What to do with the certificates of a server of which nothing was verified.
UNVERIFIED = (
    "Nothing of this server has been verified. Compare the SHA-256 fingerprint of its root with the one that the "
    "administrator of the CA names, over another way than this connection, and then give it as --ca-fingerprint."
)
