# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pending enrolment between two runs: the CA must approve it, and only the same key continues it.

RFC 7030 section 4.2.3: the client waits at least as long as Retry-After says, and repeats the same request. So key and
request are kept, and the next run continues with them instead of starting anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union

from .._names.pem import pem_text, read_blocks
from .._value import Value, field
from .base.errors import EstError, InputError, ParseError, ServerError
from .request.csr import CertificateRequest, LinkedRequest
from .x509.fields import request_public_key
from .x509.keys import DistantKey, load_private_key, private_key_pem, public_key_der, same_public_key

if TYPE_CHECKING:
    from .x509.keys import AnyPrivateKey

#: The names of the texts that are kept.
PRIVATE_KEY, REQUEST, STATE = "private_key.pem", "request.pem", "state.json"

_REQUEST_LABEL = "CERTIFICATE REQUEST"
_FORMAT_VERSION = 1
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class PendingEnrolment(Value):
    """An enrolment that the CA has not decided on yet, with all that continues it.

    :param key: the private key; to be kept where only its owner can read it.
    :param request: repeated as it is; ``None`` where none was sent.
    :param retry_at: the server is not to be asked again before this time.
    :param retry_after: the seconds until then, as the server said them; 0 where it was read back.
    :param server_message: what the server said to a human, likewise.
    """

    key: AnyPrivateKey = field(repr=False)
    request: Optional[CertificateRequest]
    retry_at: datetime
    retry_after: float = 0
    server_message: str = ""

    @classmethod
    def after(
        cls,
        seconds: float,
        key: AnyPrivateKey,
        request: Union[CertificateRequest, LinkedRequest],
        server_message: str = "",
    ) -> PendingEnrolment:
        """A pending enrolment that is to be continued after so many seconds.

        :param request: of a linked one, which is made anew for every connection, the last is kept.
        """
        sent = request.last if isinstance(request, LinkedRequest) else request
        return cls(key, sent, datetime.now(timezone.utc) + timedelta(seconds=seconds), seconds, server_message)

    def is_due(self, wait_timeout: float) -> bool:
        """Whether the server may be asked again now, or after waiting so long."""
        return self.retry_at <= datetime.now(timezone.utc) + timedelta(seconds=wait_timeout)

    def wait(self) -> float:
        """Sleep until the server may be asked again. Returns the seconds slept."""
        seconds = max(0.0, (self.retry_at - datetime.now(timezone.utc)).total_seconds())
        time.sleep(seconds)
        return seconds

    def as_texts(self, digest: str) -> Dict[str, str]:
        """What is to be kept, by name: the key is not encrypted. One that signs elsewhere stays there.

        :param digest: of what is asked for; see ``request_digest``.
        """
        request = ""
        if self.request is not None:
            request = pem_text(self.request.der, _REQUEST_LABEL)
        state = {
            "format_version": _FORMAT_VERSION,
            "request_digest": digest,
            "retry_at": self.retry_at.strftime(_TIME_FORMAT),
        }
        texts = {REQUEST: request, STATE: json.dumps(state, indent=2, sort_keys=True) + "\n"}
        if isinstance(self.key, DistantKey):
            return texts
        return {PRIVATE_KEY: private_key_pem(self.key).decode(), **texts}

    @classmethod
    def from_texts(
        cls, texts: Optional[Mapping[str, str]], digest: str, key: Optional[AnyPrivateKey] = None
    ) -> Optional[PendingEnrolment]:
        """Read it back. One of another request, or one that is damaged, cannot be continued: ``None``.

        :param digest: of what is asked for now.
        :param key: its key, where that is not among the texts.
        """
        try:
            state = json.loads((texts or {})[STATE])
            if state["format_version"] != _FORMAT_VERSION or state["request_digest"] != digest:
                return None
            retry_at = datetime.strptime(state["retry_at"], _TIME_FORMAT).replace(tzinfo=timezone.utc)
            if key is None:
                key = load_private_key((texts or {})[PRIVATE_KEY].encode())
            (block,) = read_blocks((texts or {})[REQUEST])
            is_for_key = same_public_key(key, request_public_key(block.content))
        except (InputError, ParseError, KeyError, TypeError, ValueError, RecursionError):
            return None
        if not is_for_key:
            return None
        # Nobody looks at its names again: they are the same as before.
        return cls(key, CertificateRequest(block.content, public_key_der(key), subject=()), retry_at)


#: The answers by which a CA denies a request that it had taken. Others are about an account, an address or a moment, or
#: they are a proxy's, and the same request may be granted yet.
_DENIALS = (400, 406, 409, 410, 412, 415, 422)


def is_denied(error: EstError) -> bool:
    """Whether an error says that there will be no certificate for a request that was pending."""
    return isinstance(error, ServerError) and error.http_status in _DENIALS


def request_digest(**asked: Any) -> str:
    """SHA-256 over all that makes two enrolment requests the same, whatever the key: JSON values by name."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
