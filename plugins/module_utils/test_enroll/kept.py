# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pending enrolment of an earlier run, read back: its key, and the request that is repeated."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, NamedTuple, Optional, Union

from ..est.csr import CertificateRequest
from ..est.errors import InputError
from ..est.keys import load_private_key, private_key_pem, public_key_der, same_public_key
from ..est.proof_of_possession import LinkedRequest
from .pending import PendingState

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

    :param files: what was kept, by name; see :class:`.pending.PendingState`.
    :param digest: of the request; see :func:`.pending.request_digest`.
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
