# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the flags of serverkeygen have to choose from. It is apart because the encryption is slow to import."""

from __future__ import annotations

FORMS = {
    "as-asked": "pkcs8, or enveloped where attributes of the request ask for it",
    "pkcs8": "never encrypted",
    "traditional": "PKCS#1 or SEC1 under application/pkcs8, as libest",
    "enveloped": "always a CMS EnvelopedData: key transport to an RSA key, key agreement to an EC key",
    "encrypted-data": "CMS EncryptedData, as GlobalSign's server, with a key that nobody has",
}
RECIPIENTS = {"request": "the key of the request", "certificate": "the key of the TLS client certificate"}
CONTENTS = {
    "key-package": "a signed AsymmetricKeyPackage (RFC 5958)",
    "signed-pkcs8": "signed PKCS#8",
    "pkcs8": "PKCS#8, not signed",
}
# Bytes of the key, the cipher, the key wrap of the same size (RFC 3565 section 2.3.2).
CIPHERS = {
    "aes-128-cbc": (16, "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.5"),
    "aes-256-cbc": (32, "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.45"),
}
KEY_TRANSPORTS = {
    "pkcs1": "RSAES-PKCS1-v1_5",
    "oaep": "RSAES-OAEP with SHA-1",
    "oaep-sha256": "RSAES-OAEP with SHA-256",
}
