# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fingerprint by which an administrator names a CA certificate (RFC 7030 sections 3.1 and 4.1.1)."""

from __future__ import annotations

from ..names.errors import NameSyntaxError
from ..names.fingerprints import parse_fingerprint
from .errors import InputError
from .value import Value

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
except ImportError:  # told by deps.require_libraries()
    pass


class Fingerprint(Value):
    """A hash over a whole certificate in DER. Make one with :meth:`parse`.

    :param algorithm: ``sha256`` or ``sha512``.
    :param digits: lower-case hexadecimal.
    """

    algorithm: str
    digits: str

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Read a fingerprint in any spelling, see :func:`~..names.fingerprints.parse_fingerprint`.

        :raises InputError: neither a SHA-256 nor a SHA-512. Shorter hashes are not safe.
        """
        try:
            return cls(*parse_fingerprint(text))
        except NameSyntaxError as error:
            raise InputError(
                f"the fingerprint {text[:200]!r} {error.reason}; what is needed is {error.allowed}",
                hint="openssl x509 -noout -fingerprint -sha256 -in ca.pem shows the one of a certificate.",
            ) from None

    @classmethod
    def of(cls, certificate: x509.Certificate, algorithm: str = "sha256") -> Fingerprint:
        """The fingerprint of a certificate."""
        hash_algorithm = hashes.SHA512() if algorithm == "sha512" else hashes.SHA256()
        return cls(algorithm, certificate.fingerprint(hash_algorithm).hex())

    def matches(self, certificate: x509.Certificate) -> bool:
        """Whether this is the fingerprint of that certificate."""
        return Fingerprint.of(certificate, self.algorithm) == self

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"
