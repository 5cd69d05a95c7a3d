# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and its key, as their holder has them: to be renewed, or to authenticate the holder."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Optional, Protocol, Tuple

from ..._value import Value, field
from ..base.errors import InputError, ParseError
from .bundle import read_bundle
from .certificate import iso_utc, not_after, not_before, subject_text
from .client_certificate import ClientCertificate, private_key_block
from .extensions import DIGITAL_SIGNATURE, extended_key_usage, key_usage
from .fields import Certificate
from .keys import load_private_key, same_public_key
from .pair_files import read_pair

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_ANY_EXTENDED_KEY_USAGE, _CLIENT_AUTH = "2.5.29.37.0", "1.3.6.1.5.5.7.3.2"


class OldCertificate(Protocol):
    """A certificate that is to be renewed. Its key can be where this program cannot read it."""

    @property
    def der(self) -> bytes:
        """The certificate, byte for byte as it is stored."""

    @property
    def certificate(self) -> Certificate:
        """The same, parsed."""

    @property
    def tls(self) -> ClientCertificate:
        """The pair as a TLS client certificate."""

    def problem(self, now: datetime) -> Optional[str]:
        """Why no server can accept it as a TLS client certificate; see ``tls_problem()``."""


class HeldCertificate(Value):
    """A certificate and its key. Made by ``load()``.

    :param der: the certificate, byte for byte as it is stored.
    :param certificate: the same, parsed.
    :param key: its private key.
    :param tls: the same pair as a TLS client certificate, with the intermediates.
    """

    der: bytes = field(repr=False)
    certificate: Certificate
    key: PrivateKeyTypes = field(repr=False)
    tls: ClientCertificate

    @classmethod
    def load(cls, pair: ClientCertificate) -> HeldCertificate:
        """Read a pair from files or from text. A replacement that was interrupted is finished or undone first.

        :raises InputError: one of them cannot be read, or they do not belong together.
        """
        if pair.certificate_pem:
            where, certificate_text, key_text = "the text of the certificate", pair.certificate_pem, pair.key_pem
        else:
            where = repr(pair.certificate_path)
            certificate_text, key_text = read_pair(pair)
        return cls.with_key(read_first_certificate(certificate_text, where), key_text, pair, where)

    @classmethod
    def with_key(
        cls, first: Tuple[bytes, Certificate], key_text: str, pair: ClientCertificate, where: str
    ) -> HeldCertificate:
        """Read the key of a certificate.

        :param first: see ``read_first_certificate()``.
        :param key_text: PEM.
        :param pair: what authenticates a TLS connection with them; its passphrase is that of the key.
        :param where: the place of the certificate, in words.
        :raises InputError: the key cannot be read, or does not belong to the certificate.
        """
        der, certificate = first
        key = load_private_key(private_key_block(key_text).encode("ascii", "replace"), pair.passphrase)
        if not same_public_key(key, certificate):
            raise InputError(
                f"the private key does not belong to the certificate {subject_text(certificate)} in {where}",
                code="invalid_certificate",
                hint="In a file with several certificates the one of the key comes first, then its intermediates.",
            )
        return cls(der, certificate, key, pair)

    def problem(self, now: datetime) -> Optional[str]:
        """Why no server can accept it as a TLS client certificate; see ``tls_problem()``."""
        return tls_problem(self.certificate, now)


def read_first_certificate(text: str, where: str) -> Tuple[bytes, Certificate]:
    """The first certificate of a text, byte for byte and parsed.

    :param text: PEM; each byte of a file that is none is a character.
    :param where: the place of the text, in words.
    :raises InputError: there is none, or it cannot be read.
    """
    bundle = read_bundle(text.encode("latin-1", "replace"), where)
    if bundle.lacks_first:  # one after it is of a CA
        raise InputError(
            bundle.skipped[0], code="invalid_certificate", hint="Look at it with: openssl x509 -noout -text."
        )
    return bundle.certificates[0].der, bundle.certificates[0]


def tls_problem(certificate: Certificate, now: datetime) -> Optional[str]:
    """Why no server can accept a certificate as a TLS client certificate; ``None`` where one can.

    A certificate that is about to expire is as good as any (requirement 82). What only the server knows, such as a
    revocation or whether it trusts the CA, is not considered.

    :param now: an aware time.
    """
    first, last = not_before(certificate), not_after(certificate)
    if now > last:
        return f"it expired on {iso_utc(last)}"
    if now < first:
        return f"it is not valid before {iso_utc(first)}"
    try:
        return _forbidden(certificate)
    except ParseError:
        return None  # let the server judge what cannot be read here


def _forbidden(certificate: Certificate) -> Optional[str]:
    """What in it forbids to use it for TLS client authentication (RFC 5280 sections 4.2.1.3 and 4.2.1.12)."""
    purposes, usage = extended_key_usage(certificate), key_usage(certificate)
    if purposes is not None and not purposes & {_CLIENT_AUTH, _ANY_EXTENDED_KEY_USAGE}:
        return "its extended key usage does not have TLS client authentication"
    if usage is not None and DIGITAL_SIGNATURE not in usage:
        return "its key usage does not have digital signatures, which TLS needs"
    return None
