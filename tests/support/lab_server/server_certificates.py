# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server certificates that clients must refuse, and some that they must take."""

from __future__ import annotations

from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from est_lab_server.authority.server_certificate import GOOD, ServerCertificateKind

CMC_REGISTRATION_AUTHORITY = ObjectIdentifier("1.3.6.1.5.5.7.3.28")
_ELSEWHERE = ("est.example.invalid",)

_KINDS = (
    GOOD,
    ServerCertificateKind("expired", "ended yesterday", days=(-30, -1)),
    ServerCertificateKind("not-yet-valid", "starts tomorrow", days=(1, 30)),
    ServerCertificateKind("wrong-host", "names only est.example.invalid", names=_ELSEWHERE),
    ServerCertificateKind("other-ca", "issued by an authority that is not in ca.pem", other_authority=True),
    ServerCertificateKind(
        "cn-only", "the host name is only in the CN, there are no subject alternative names", names=()
    ),
    ServerCertificateKind(
        "cmc-ra",
        "names only est.example.invalid, with the extended key usage id-kp-cmcRA (RFC 7030 section 3.6.1)",
        names=_ELSEWHERE,
        usages=(ExtendedKeyUsageOID.SERVER_AUTH, CMC_REGISTRATION_AUTHORITY),
    ),
    ServerCertificateKind(
        "cmc-ra-only", "as cmc-ra, but without serverAuth", names=_ELSEWHERE, usages=(CMC_REGISTRATION_AUTHORITY,)
    ),
    ServerCertificateKind(
        "no-server-auth", "the extended key usage is clientAuth only", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,)
    ),
    ServerCertificateKind("wildcard", "names *.localhost and *.est.test", names=("*.localhost", "*.est.test")),
    ServerCertificateKind(
        "partial-wildcard",
        "names loc*, l*.localhost and 127.0.0.*",
        names=("loc*", "l*.localhost", "127.0.0.*"),
    ),
    ServerCertificateKind(
        "address-as-dns-name", "127.0.0.1 is a DNS name instead of an IP address", names=("dns:127.0.0.1",)
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}
