# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operations of the server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from cryptography import x509

from .approvals import Approvals
from .authentication.authenticator import Authenticator, Authorization
from .authority import Authority
from .client_certificate import ClientCertificate
from .redirects import Redirect
from .request import Request
from .rollover import Rollover
from .routes import Route
from .settings import Settings


@dataclass(frozen=True)
class Lab:
    """The server as a whole: its settings, its issuing authority, its user, and which keys wait for approval."""

    settings: Settings
    authority: Authority
    authenticator: Authenticator
    approvals: Approvals
    rollover: Optional[Rollover]
    redirects: tuple[Redirect, ...]

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
    fault: Optional[str]
    body: bytes = b""
    details: dict[str, Any] = field(default_factory=dict)
