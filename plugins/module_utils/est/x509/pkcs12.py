# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate, its key and its chain as PKCS#12 (RFC 7292), for programs that take no PEM."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from ..base.errors import InputError, MissingLibrary
from ..base.libraries import READ_ERRORS, without_warnings
from .certificate import load_certificate, subject_text
from .fields import Certificate
from .path import chain_above

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

#: How the content is encrypted. ``MODERN`` is AES-256 with PBKDF2, and SHA-256, also in the MAC. ``LEGACY`` is triple
#: DES and SHA-1, for Java before 8u301, Windows Server 2016 and other programs that know nothing newer.
MODERN, LEGACY = ENCRYPTIONS = ("modern", "legacy")

#: The first version of cryptography in which the encryption can be chosen; before, there is triple DES only.
_WITH_CHOICE = "38"
#: Rounds of PBKDF2, as cryptography takes by itself; and of the KDF of PKCS#12, as OpenSSL does for the old encryption.
_ROUNDS = {MODERN: 20000, LEGACY: 2048}


def pkcs12_file(
    certificate: Optional[Certificate],
    key: PrivateKeyTypes,
    chain: Sequence[Certificate],
    *,
    passphrase: str,
    encryption: str = MODERN,
    friendly_name: str = "",
) -> bytes:
    """A PKCS#12 file.

    :param certificate: that of the key; ``None`` where it is only tried out whether there can be a file with this key.
    :param chain: the CA certificates that go along with it.
    :param passphrase: encrypts it.
    :param encryption: one of ``ENCRYPTIONS``.
    :param friendly_name: what programs call the pair; Java has it as alias.
    :raises MissingLibrary: the installed cryptography has no such encryption.
    :raises InputError: it takes no such key or certificate.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    with without_warnings():
        try:
            return pkcs12.serialize_key_and_certificates(
                friendly_name.encode("utf-8") or None,
                key,  # type: ignore[arg-type]  # what is none of its kinds is told below
                None if certificate is None else _loaded(certificate),
                [_loaded(one) for one in chain] or None,
                _algorithm(encryption, passphrase.encode("utf-8")),
            )
        except READ_ERRORS as error:
            raise _not_made(certificate, encryption, error) from None


def read_pkcs12(content: bytes, passphrase: str, where: str) -> Tuple[PrivateKeyTypes, Tuple[Certificate, ...]]:
    """The key of a PKCS#12 file, and its certificate with those above it.

    :param where: its place, in words.
    :raises InputError: it cannot be opened with this passphrase, or has no key and certificate. The passphrase is not
        told.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    found: Any = (None, None, ())
    with without_warnings(), contextlib.suppress(*READ_ERRORS):
        found = pkcs12.load_key_and_certificates(content, passphrase.encode("utf-8"), None)
    key, first, above = found
    if key is None or first is None:
        raise InputError(
            f"{where} cannot be opened with its passphrase, or has no certificate with its key",
            code="invalid_certificate",
            hint="Look at it with: openssl pkcs12 -info -nokeys.",
        )
    # Which order those above it have depends on the version of cryptography.
    certificates = [load_certificate(one.public_bytes(Encoding.DER)) for one in (first, *above)]
    return key, (certificates[0], *chain_above(certificates[0], certificates[1:]))


def _loaded(certificate: Certificate) -> Any:
    from cryptography.hazmat.backends import default_backend
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(certificate.der, default_backend())


def _algorithm(encryption: str, passphrase: bytes) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, PrivateFormat, pkcs12

    if not hasattr(PrivateFormat, "PKCS12"):  # the best that is available is the old one
        if encryption == LEGACY:
            return BestAvailableEncryption(passphrase)
        import cryptography

        raise MissingLibrary(
            f"cryptography {cryptography.__version__} cannot make a PKCS#12 file with {encryption} encryption; version "
            f"{_WITH_CHOICE} or newer can, and {LEGACY} encryption needs no newer one",
            values={"name": "cryptography", "minimum": _WITH_CHOICE},
        )
    kinds = pkcs12.PBES
    algorithm, hash_algorithm = {
        MODERN: (kinds.PBESv2SHA256AndAES256CBC, hashes.SHA256()),
        LEGACY: (kinds.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()),  # noqa: S303
    }[encryption]
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS[encryption])
    return builder.key_cert_algorithm(algorithm).hmac_hash(hash_algorithm).build(passphrase)


def _not_made(certificate: Optional[Certificate], encryption: str, error: Exception) -> InputError:
    import cryptography

    what = "a key of this kind" if certificate is None else subject_text(certificate)
    return InputError(
        f"cryptography {cryptography.__version__} cannot put {what} into a PKCS#12 file with {encryption} encryption: "
        f"{error or type(error).__name__}",
        code="unsupported_key",
        hint="RSA and EC keys can be in one. Ed25519 needs a newer cryptography than 3.4.8; there is none for ML-DSA.",
    )
