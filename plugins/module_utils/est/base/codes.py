# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of errors: names for programs, which stay as they are.

Each front end has a table from code to what its user does next. It is the list that the tests and the documentation go
by, and that the controller holds against what a host tells.
"""

from __future__ import annotations

#: The ``code`` of an ``EstError``, and what it means.
CODES = {
    "failed": "The exchange failed in a way that has no code of its own.",
    # Refused before anything was sent.
    "invalid_option": "An option or argument cannot be used.",
    "missing_library": "A Python library is not installed, or is too old.",
    "not_supported": "This client, or the way that the requests take, cannot do what was asked for.",
    "no_trust": "Nothing says by what to trust the server.",
    "invalid_trust_anchors": "The CA certificates to trust cannot be read, or have all expired.",
    "invalid_credentials": "User name or password cannot be used for HTTP authentication.",
    "invalid_client_certificate": "The TLS client certificate or its key cannot be used.",
    "invalid_certificate": "A certificate that is there, or its key, cannot be used.",
    "unreadable_file": "A file cannot be read.",
    "credentials_in_url": "The URL of the server has a user name or a password in it.",
    "invalid_subject": "The subject has a value that a certificate request cannot hold.",
    "invalid_alternative_name": "A subject alternative name has a value that a certificate request cannot hold.",
    "no_names": "The certificate request would have neither a subject nor a subject alternative name.",
    "unsupported_key": "A key of this kind cannot be made, or cannot sign a certificate request.",
    "no_channel_binding": "The proof of possession needs tls-unique, which this connection does not have.",
    "code_and_binding": "An enrolment code and a proof of possession would share one attribute of the request.",
    # On the way to the server.
    "name_not_resolved": "The host name of the server, or of the proxy, is not known.",
    "connection_refused": "Nothing listens at the address.",
    "connection_failed": "The server cannot be reached.",
    "proxy_failed": "The proxy gave no connection to the server.",
    "tls_failed": "The TLS handshake did not complete.",
    "not_tls": "The server does not speak TLS on this port.",
    "no_common_tls": "Client and server have no TLS version in common.",
    "no_common_cipher": "Client and server have no cipher suite in common, or a client certificate is missing.",
    "untrusted_certificate": "The certificate of the server is not issued by a trusted CA.",
    "invalid_server_certificate": "The certificate of the server, or one in its chain, is expired, revoked or unfit.",
    "wrong_server_name": "The certificate of the server is for another name.",
    "client_certificate_refused": "The server refused the TLS client certificate, or the lack of one.",
    "no_answer": "The server did not answer in time.",
    "connection_closed": "The server closed the connection before the end of its answer.",
    "invalid_http": "What the server sent is not valid HTTP.",
    "answer_too_large": "The answer is larger than is read.",
    # The server said no.
    "refused": "The server refused, with a status that has no code of its own.",
    "redirect_refused": "The server redirects to where the client does not follow.",
    "redirect_needs_consent": "The server redirects an enrolment to another server, which nobody has allowed.",
    "credentials_required": "The server wants a user name and a password, and there are none.",
    "credentials_withheld": "The server wants a user name and a password, and is not verified yet.",
    "authentication_required": "The server wants the client to authenticate, and does not say how.",
    "authentication_failed": "The server refused the user name or the password.",
    "authentication_not_supported": "The server offers no HTTP authentication that this client can do, or may use.",
    "proof_of_possession_refused": "The server wants a proof of possession in the request, and does not take this one.",
    "old_certificate_refused": "The server does not take the certificate that is to be renewed as authentication.",
    "request_refused": "The server refused the request as it is (HTTP 400).",
    "forbidden": "The server does not let the client do this (HTTP 403).",
    "not_offered": "The server does not offer the operation, or not at this address (HTTP 404, 405, 501).",
    "too_many_requests": "The server asks for fewer requests (HTTP 429).",
    "unavailable": "The server is not available at the moment (HTTP 503).",
    "server_failed": "The server failed (other HTTP 5xx).",
    # The answer is not what it should be.
    "malformed_answer": "The answer cannot be read.",
    "untrusted_ca_certificates": "None of the CA certificates that the server sent can be trusted.",
    "fingerprint_mismatch": "No CA certificate of the server has the fingerprint that was given.",
    "wrong_key": "The certificate or the private key that came does not belong to the other, or to the request.",
    "key_not_encrypted": "The server sent a private key without the encryption that was asked for.",
    "certificate_not_valid": "The issued certificate is not valid now.",
    "untrusted_issuer": "The issued certificate does not chain to the CA certificates of the server.",
    "not_a_ca": "A certificate that came among CA certificates is not one.",
    "not_as_asked": "The certificate is not what was asked for, and that is not accepted.",
    "refused_before": "A certificate for the same request was refused a short while ago, and no other is asked for.",
    "not_reloaded": "The certificate is in place, and a service that is to be reloaded was not.",
    "not_saved": "The files of the certificate cannot be read or written.",
}
