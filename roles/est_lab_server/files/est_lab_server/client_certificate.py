# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS client certificate of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from cryptography import x509

from .stream import Stream

REQUESTS = ("none", "optional", "required")


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate that the TLS layer has verified."""

    certificate: x509.Certificate

    @property
    def subject(self) -> str:
        """The subject as text (RFC 4514)."""
        return self.certificate.subject.rfc4514_string()

    @property
    def serial_number(self) -> str:
        """The serial number in hexadecimal."""
        return format(self.certificate.serial_number, "x")


def client_certificate_of(stream: Stream) -> Optional[ClientCertificate]:
    """The certificate that the client presented; None without one. Raises ValueError for an unreadable one."""
    encoded = stream.client_certificate()
    return None if encoded is None else ClientCertificate(x509.load_der_x509_certificate(encoded))
