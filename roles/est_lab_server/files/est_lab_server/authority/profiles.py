# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the authority grants of that which a certificate request asks for, and after how many requests."""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from collections import Counter as CounterType
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..http.messages import Refusal
from ..settings import Settings
from .authority import Authority, Extension, common_name, now

PROFILES = ("full", "cisco")
_START_BEFORE = datetime.timedelta(minutes=5)
# Every certificate gets these from the server, whatever the request says.
_OWN_EXTENSIONS = (x509.BasicConstraints, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)


def issue(
    settings: Settings,
    authority: Authority,
    certificate_request: x509.CertificateSigningRequest,
    public_key: Any,
) -> x509.Certificate:
    """A certificate for a verified request and a public key, its own or another. Raises Refusal.

    `full` grants subject and extensions as asked for, but never a CA certificate. `cisco` does as Cisco's test server:
    it keeps only the CN, drops every extension and refuses a request without a CN.
    """
    try:
        if settings.profile == "cisco":
            subject, extensions = _only_common_name(certificate_request.subject), []
        else:
            subject, extensions = certificate_request.subject, _asked_extensions(certificate_request)
        moment = now()
        end = moment - _START_BEFORE + datetime.timedelta(days=settings.valid_days)
        return authority.issue(
            subject,
            public_key,
            [(x509.BasicConstraints(ca=False, path_length=None), True), *extensions],
            min(moment, end) - _START_BEFORE,
            end,
        )
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise Refusal(400, f"no certificate can be made of this request: {error}") from error


def _only_common_name(subject: x509.Name) -> x509.Name:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names or not names[0].value:
        raise Refusal(400, "the subject of the certificate request has no commonName")
    return common_name(str(names[0].value))


def _asked_extensions(certificate_request: x509.CertificateSigningRequest) -> list[Extension]:
    asked: list[Extension] = []
    for extension in certificate_request.extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise Refusal(400, "this server issues no CA certificates (the request has basicConstraints CA:TRUE)")
        if not isinstance(extension.value, _OWN_EXTENSIONS):
            asked.append((extension.value, extension.critical))
    return asked


class Approvals:
    """Counts the requests of every public key. Kept in memory only."""

    def __init__(self, times: int) -> None:
        """`times` is how many requests of a key are put off before one is granted."""
        self._times = times
        self._seen: CounterType[str] = Counter()
        self._lock = threading.Lock()

    def granted(self, public_key_digest: str) -> bool:
        """Count one more request of the key, and tell whether it may have its certificate now."""
        with self._lock:
            self._seen[public_key_digest] += 1
            return self._seen[public_key_digest] > self._times
