# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pending enrolment between two runs: the CA must approve it, and only the same key continues it.

RFC 7030 section 4.2.3: the client waits at least as long as Retry-After says, and repeats the same request. So key and
request are kept on the host, and the next run goes on with them instead of starting anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, NamedTuple, Optional, Union

from .._value import Value, field
from ..est.base.errors import InputError
from ..est.request.csr import CertificateRequest, LinkedRequest
from ..est.x509.keys import load_private_key, private_key_pem, public_key_der, same_public_key
from .files import PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE

_VERSION = 1
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class PendingState(Value):
    """What is kept of a pending enrolment.

    :param request_digest: tells whether a later test asks for the same (see ``request_digest()``).
    :param retry_at: not to be asked again before this time.
    :param private_key_pem: unencrypted, in a file of mode 0600.
    :param request_pem: the certificate request, which is repeated as it is.
    """

    request_digest: str
    retry_at: datetime
    private_key_pem: str = field(repr=False)
    request_pem: str

    def is_due(self, wait_seconds: float) -> bool:
        """Whether the server may be asked again now, or after waiting."""
        return self.retry_at <= datetime.now(timezone.utc) + timedelta(seconds=wait_seconds)

    def files(self) -> Dict[str, str]:
        """The content of the files in which the state is kept, by name."""
        state = {
            "version": _VERSION,
            "request_digest": self.request_digest,
            "retry_at": self.retry_at.strftime(_TIME_FORMAT),
        }
        return {
            PRIVATE_KEY_FILE: self.private_key_pem,
            REQUEST_FILE: self.request_pem,
            STATE_FILE: json.dumps(state, indent=2, sort_keys=True) + "\n",
        }

    @classmethod
    def from_files(cls, files: Optional[Mapping[str, str]], digest: str) -> Optional[PendingState]:
        """Read the state back, where there is one for the very same request.

        A state of another request or one that is damaged cannot be continued: the test then starts anew.
        """
        if files is None:
            return None
        try:
            state = json.loads(files[STATE_FILE])
            if state["version"] != _VERSION or state["request_digest"] != digest:
                return None
            retry_at = datetime.strptime(state["retry_at"], _TIME_FORMAT).replace(tzinfo=timezone.utc)
            return cls(digest, retry_at, files[PRIVATE_KEY_FILE], files[REQUEST_FILE])
        except (KeyError, TypeError, ValueError, RecursionError):
            return None


def request_digest(**asked: Any) -> str:
    """SHA-256 over all that makes two enrolment requests the same, whatever the key: JSON values by name."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------------------------------
# A pending enrolment of an earlier run, read back: its key, and the request that is repeated.

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError:  # told by deps.require_libraries()
    pass

Request = Union[CertificateRequest, LinkedRequest]


class Kept(NamedTuple):
    """A pending enrolment of an earlier run."""

    state: PendingState
    key: Any
    request: CertificateRequest


def read_kept(files: Optional[Mapping[str, str]], digest: str) -> Optional[Kept]:
    """The pending enrolment to go on with; ``None`` where there is none for the very same request, or a damaged one.

    :param files: what was kept, by name; see ``PendingState``.
    :param digest: of the request; see ``request_digest()``.
    """
    state = PendingState.from_files(files, digest)
    if state is None:
        return None
    try:
        key = load_private_key(state.private_key_pem.encode())
        csr = x509.load_pem_x509_csr(state.request_pem.encode())
    except (InputError, ValueError):  # damaged
        return None
    if not same_public_key(key, csr):
        return None
    # Nobody wants to know again what it asks for, which is the same as before.
    return Kept(state, key, CertificateRequest(csr.public_bytes(Encoding.DER), public_key_der(key), subject=()))


def to_keep(seconds: float, key: Any, request: Request, digest: str) -> PendingState:
    """What is to be kept of a pending enrolment that is to be continued after so many seconds."""
    retry_at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    sent = request.last if isinstance(request, LinkedRequest) else request
    request_pem = x509.load_der_x509_csr(sent.der).public_bytes(Encoding.PEM).decode() if sent is not None else ""
    return PendingState(digest, retry_at, private_key_pem(key).decode(), request_pem)


def sleep_until(moment: datetime) -> float:
    """Sleep until then, if that is still to come. Returns the seconds slept."""
    seconds = max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
    time.sleep(seconds)
    return seconds
