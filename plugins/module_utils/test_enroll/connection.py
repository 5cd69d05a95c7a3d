# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the EST server of a template is reached: the ways there, and what the template says of trust and account."""

from __future__ import annotations

from typing import Optional, Tuple

from ..est.bootstrap import CaBag
from ..est.certificate import load_pem_certificates
from ..est.fingerprint import Fingerprint
from ..est.timeline import Timeline
from ..est.tls import Trust
from ..est.transport import Credentials, Transport
from ..est.url import EstUrl
from ..template.model import Template
from .options import TestOptions

try:
    from typing import Protocol
except ImportError:  # pragma: no cover
    Protocol = object  # type: ignore[assignment]

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass


class Connector(Protocol):
    """One way to reach an EST server."""

    #: The name of the way: ``host``, ``uri`` or ``controller``.
    exchange: str

    def refuse_unsupported(self, template: Template) -> None:
        """Raise an :class:`InputError` for what the template asks for and this way cannot do."""

    def read_text(self, path: str) -> str:
        """A text file of the host, such as the one of ``ca_path``."""

    def bootstrap(
        self, url: EstUrl, fingerprint: Fingerprint, template: Template, options: TestOptions, timeline: Timeline
    ) -> Trust:
        """Accept a CA certificate of the EST server by its fingerprint; or raise an :class:`InputError`."""

    def fetch_unauthenticated(self, url: EstUrl, template: Template, options: TestOptions, timeline: Timeline) -> CaBag:
        """Only look at the CA certificates of the EST server; or raise an :class:`InputError`."""

    def transport(
        self,
        url: EstUrl,
        trust: Trust,
        template: Template,
        credentials: Optional[Credentials],
        options: TestOptions,
        timeline: Timeline,
    ) -> Transport:
        """A transport to the EST server."""


def configured_trust(template: Template, connector: Connector) -> Optional[Trust]:
    """Whom a template trusts (RFC 7030 section 3.1): explicit anchors, or the system's store where it says so.

    :returns: ``None`` where it has a fingerprint at most, which is for the first contact (section 4.1.1). Beside
        anchors a fingerprint is a further condition.
    """
    if template.ca_certificate:
        return Trust.explicit(template.ca_certificate)
    if template.ca_path:
        return Trust.explicit(connector.read_text(template.ca_path))
    return Trust.system() if template.use_system_trust else None


def anchors_of(trust: Trust) -> Optional[Tuple[x509.Certificate, ...]]:
    """The certificates of explicit trust; ``None`` for the system's."""
    return load_pem_certificates(trust.pem) if trust.kind == "explicit" else None


def credentials_of(template: Template) -> Optional[Credentials]:
    """The account of a template, where it has one."""
    if template.username is None and template.password is None:
        return None
    return Credentials(template.username or "", template.password or "")
