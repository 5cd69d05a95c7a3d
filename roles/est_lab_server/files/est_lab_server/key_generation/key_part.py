# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the answer that has the private key (RFC 7030 section 4.4.2)."""

from __future__ import annotations

from typing import Any, Optional

from cryptography import x509

from .. import der
from ..laboratory import Exchange, Lab
from .encryption import ENCRYPTED_DATA, ENVELOPED_DATA, encrypted_data, enveloped_data
from .private_keys import pkcs8, traditional
from .recipient import Recipient, chosen_recipient, recipient_asked_for
from .signed_key import ASYMMETRIC_KEY_PACKAGE, DATA, SIGNED_DATA, key_package, signed_data_of

_PLAIN_TYPE = "application/pkcs8"
_CMS_TYPE = "application/pkcs7-mime; smime-type=server-generated-key"


def key_part(
    lab: Lab, exchange: Exchange, certificate_request: x509.CertificateSigningRequest, private_key: Any
) -> tuple[str, bytes]:
    """Content-Type and DER of the private key. Raises Refusal."""
    settings, shown = lab.settings, exchange.client_certificate
    recipient: Optional[Recipient] = None
    if settings.serverkeygen == "as-asked":
        recipient = recipient_asked_for(certificate_request, shown)
    elif settings.serverkeygen == "enveloped":
        recipient = chosen_recipient(settings.key_recipient, certificate_request, shown)
    elif settings.serverkeygen == "traditional":
        return _PLAIN_TYPE, traditional(private_key)
    exchange.details["key_encrypted"] = recipient is not None or settings.serverkeygen == "encrypted-data"
    if not exchange.details["key_encrypted"]:
        return _PLAIN_TYPE, pkcs8(private_key)
    content_type, content = _content(lab, private_key)
    if recipient is None:
        return _CMS_TYPE, _content_info(ENCRYPTED_DATA, encrypted_data(settings.key_cipher, content_type, content))
    enveloped = enveloped_data(recipient, settings.key_transport, settings.key_cipher, content_type, content)
    return _CMS_TYPE, _content_info(ENVELOPED_DATA, enveloped)


def _content(lab: Lab, private_key: Any) -> tuple[str, bytes]:
    encoded = pkcs8(private_key)
    if lab.settings.key_content == "pkcs8":
        return DATA, encoded
    if lab.settings.key_content == "signed-pkcs8":
        return SIGNED_DATA, signed_data_of(lab.authority, DATA, encoded)
    return SIGNED_DATA, signed_data_of(lab.authority, ASYMMETRIC_KEY_PACKAGE, key_package(encoded))


def _content_info(content_type: str, content: bytes) -> bytes:
    return der.sequence(der.oid(content_type), der.tlv(der.context(0), content))
