# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS side of the server."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Sequence

from .settings import Settings

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_VERIFY_MODES = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def server_context(settings: Settings, certificate_file: str, trust_anchors: Sequence[str]) -> ssl.SSLContext:
    """A TLS context with the versions asked for and the certificate, key and chain in `certificate_file`.

    Client certificates, where they are asked for, must chain to one of the `trust_anchors` (files). No intermediate
    is among these, so a client has to send its own: without them the handshake fails, as with GlobalSign's server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file)
    context.verify_mode = _VERIFY_MODES[settings.client_certificates]
    for path in trust_anchors:
        context.load_verify_locations(path)
    with warnings.catch_warnings():
        # Python calls the versions before 1.2 deprecated; offering them is what the flag is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = VERSIONS[settings.tls_min]
        context.maximum_version = VERSIONS[settings.tls_max]
    if settings.tls_max in ("1.0", "1.1"):
        # OpenSSL 3 allows the SHA-1 signatures of these versions only at security level 0.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
