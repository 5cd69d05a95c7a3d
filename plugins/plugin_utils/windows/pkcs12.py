# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate with its key as a file that every Windows can import.

Windows Server 2016 opens PKCS#12 with Triple DES and SHA-1, and nothing newer; 2019 and later also AES with SHA-256.
What keeps the key safe is not the age of the algorithms: the passphrase is random, has 256 bits, and is used once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import (
    READ_ERRORS,
    without_warnings,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import subject_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

try:
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, PrivateFormat, pkcs12
except ImportError:  # told by require_libraries()
    pass


#: A guess costs nothing more with many rounds where there are 2^256 to make; Windows refuses files with very many.
_ROUNDS = 2048


def pkcs12_file(key: Any, certificate: Optional[Certificate], friendly_name: str, passphrase: str) -> bytes:
    """Return a certificate and its key as PKCS#12. There is no other certificate in it.

    :param friendly_name: what Windows will show for the certificate.
    :param passphrase: random, and for this file alone.
    :raises InputError: the cryptography of the controller can make no such file.
    """
    loaded = None if certificate is None else _loaded(certificate)
    for encryption in _encryptions(passphrase.encode("ascii")):
        try:
            return pkcs12.serialize_key_and_certificates(friendly_name.encode("utf-8"), key, loaded, None, encryption)
        except (UnsupportedAlgorithm, InternalError):
            continue
    raise InputError(
        "the controller cannot encrypt a key for Windows: its OpenSSL has neither Triple DES with SHA-1 nor AES with "
        "SHA-256 for PKCS#12",
        hint="A controller in FIPS mode may need another version of cryptography.",
    )


def _loaded(certificate: Certificate) -> x509.Certificate:
    """The certificate as cryptography takes it, which reads fewer than the client does."""
    try:
        with without_warnings():
            return x509.load_der_x509_certificate(certificate.der, None)
    except READ_ERRORS as error:
        raise InputError(
            f"the certificate {subject_text(certificate)} cannot be made into a file for Windows: the cryptography of "
            f"the controller does not read it ({str(error)[:200]})",
            hint="Another version of cryptography on the controller may read it.",
        ) from None


def require_pkcs12() -> None:
    """Look whether such a file can be made, before anything is asked for.

    :raises InputError: it cannot.
    """
    pkcs12_file(ec.generate_private_key(ec.SECP256R1()), None, "", "passphrase")


def _encryptions(passphrase: bytes) -> list[KeySerializationEncryption]:
    """The ways to encrypt, the one that every Windows knows first. In FIPS mode OpenSSL may not have that."""
    if not hasattr(PrivateFormat, "PKCS12"):
        # Before cryptography 38 this is Triple DES with SHA-1.
        return [BestAvailableEncryption(passphrase)]
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    older = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())  # noqa: S303
    newer = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
    return [older.build(passphrase), newer.build(passphrase)]
