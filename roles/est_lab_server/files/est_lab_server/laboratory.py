# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the server share: the laboratory, one exchange in it, and the request log."""

from __future__ import annotations

import datetime
import json
import threading
from dataclasses import dataclass, field
from typing import IO, Any, Optional

from cryptography import x509

from .authority.authority import Authority, Rollover
from .authority.profiles import Approvals
from .est.routes import Redirect, Route
from .extension import Extension
from .http.authentication import Authenticator, Authorization
from .http.messages import Request
from .http.stream import Stream
from .settings import Settings

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


class RequestLog:
    """Writes entries to a file, or nowhere. A line is complete on disk before the answer that it tells of is sent."""

    def __init__(self, path: Optional[str]) -> None:
        """Open the file for appending. Raises OSError."""
        self._lock = threading.Lock()
        self._stream: Optional[IO[str]] = None
        if path:
            self._stream = open(path, "a", encoding="utf-8")  # noqa: SIM115 (open until the end)

    def write(self, event: str, **entry: Any) -> None:
        """Add an entry. Values must not hold secrets."""
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **entry}, ensure_ascii=True)
        with self._lock:
            if self._stream is not None:
                self._stream.write(line + "\n")
                self._stream.flush()

    def close(self) -> None:
        """Close the file. What is written later goes nowhere."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
            self._stream = None


@dataclass(frozen=True)
class Lab:
    """The server as a whole: its settings, its issuing authority, its user, and which keys wait for approval."""

    settings: Settings
    authority: Authority
    authenticator: Authenticator
    approvals: Approvals
    rollover: Optional[Rollover]
    redirects: tuple[Redirect, ...]
    extension: Extension

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate is of this authority, or of the one before it."""
        before = self.rollover is not None and self.rollover.old.has_issued(certificate)
        return before or self.authority.has_issued(certificate)


@dataclass
class Exchange:
    """One request on its way through the server. `details` are added to its line in the request log."""

    request: Request
    route: Optional[Route]
    authorization: Authorization
    client_certificate: Optional[ClientCertificate]
    tls_unique: Optional[bytes]
    body: bytes = b""
    details: dict[str, Any] = field(default_factory=dict)
