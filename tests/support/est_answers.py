# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST server's answers without a network: for tests of the client above the transport."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

from cryptography import x509
from support.asn1 import signed_data
from support.est_pki import NOW, Authority, der

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Peer, Response
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    CertificateRequest,
    build_csr,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import load_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key

URL = EstUrl.build("est.example.com", 8443, "lab")
PKCS7 = "application/pkcs7-mime; smime-type=certs-only"


def days(begin: float, end: float) -> Tuple[float, float]:
    """A validity relative to today, for the helpers of est_pki, which count from another time."""
    today = (datetime.now(timezone.utc) - NOW).total_seconds() / 86400
    return today + begin, today + end


ROOT = Authority.root("Client Test Root", days=days(-1000, 3000))
KEY = generate_key(KeySpec("ec"))
REQUEST: CertificateRequest = build_csr(KEY, parse_slash_dn("/CN=device"))


def issue(issuer: Authority = ROOT, key: Any = KEY, validity: Tuple[float, float] = (-1, 365), **options: Any) -> Any:
    """The certificate that ``REQUEST`` asks for."""
    return issuer.issue("device", key.public_key(), days=days(*validity), **options)


def certs_only(*certificates: Union[x509.Certificate, bytes]) -> bytes:
    """The body of a certs-only answer."""
    bag = [item if isinstance(item, bytes) else der(item) for item in certificates]
    return base64.encodebytes(signed_data(bag))


def reply(status: int = 200, body: bytes = b"", content_type: Optional[str] = PKCS7, **headers: str) -> Response:
    """A response; underscores in the names of headers stand for hyphens."""
    found = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    if content_type is not None:
        found["content-type"] = content_type
    return Response(status, found, body)


@dataclass
class Sent:
    """A request as the transport got it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Optional[bytes]
    authenticate: bool


@dataclass
class ScriptedTransport:
    """Gives the answers of a script one after another, or raises them where they are errors."""

    script: List[Union[Response, Exception]]
    sent: List[Sent] = field(default_factory=list)
    closed: int = 0
    peer: Optional[Peer] = None

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Optional[bytes] = None,
        authenticate: bool = False,
    ) -> Response:
        self.sent.append(Sent(method, url, dict(headers), body, authenticate))
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def announce(self, urls: Sequence[str]) -> None:
        """See ``Transport.announce()``."""

    def client_key(self) -> None:
        return None

    def close(self) -> None:
        self.closed += 1


def client(
    *script: Union[Response, Exception],
    anchors: Optional[Sequence[x509.Certificate]] = (ROOT.certificate,),
    **options: Any,
) -> Tuple[EstClient, ScriptedTransport]:
    """A client to which a server answers as the script says."""
    transport = ScriptedTransport(list(script))
    loaded = None if anchors is None else [load_certificate(der(anchor)) for anchor in anchors]
    return EstClient(URL, transport, anchors=loaded, **options), transport
