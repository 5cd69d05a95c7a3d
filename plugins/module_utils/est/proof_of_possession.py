# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof of possession linked to the TLS session (RFC 7030 section 3.5): a request signed for its very connection.

The channel binding tls-unique (RFC 5929) goes into the request, so a request that is caught cannot be sent by somebody
else. It is defined up to TLS 1.2. What stands in its place in TLS 1.3, tls-exporter (RFC 9266), does not exist in
Python, so TLS is held at 1.2 wherever proof of possession is needed.

RFC 7030 section 6 would have it in every request where only the system's CAs say who the server is. It is there where
the server's CSR attributes ask for it or the user wants it, and not unasked: servers take a challengePassword for an
enrolment code too, and then refuse the request.

RFC 9266 section 4.2 wants the extended master secret (RFC 7627) beside tls-unique. OpenSSL 1.1.0 and later negotiate it
wherever the server has it; Python does not tell whether it did.
"""

from __future__ import annotations

import base64
from typing import Callable, Optional

from .csr import CertificateRequest
from .errors import InputError
from .transport import Binding


class LinkedRequest:
    """A certificate request that is signed anew for every connection on which it is sent: after a reconnect, a 401, a
    redirect, and when a pending enrolment is repeated. Made by :meth:`.client.EstClient.linked`.

    :param build: makes the request from a channel binding in base64, always with the same key.
    """

    def __init__(self, build: Callable[[str], CertificateRequest]) -> None:
        self._build = build
        #: The request as it was sent last; ``None`` before.
        self.last: Optional[CertificateRequest] = None

    def __call__(self, binding: Binding) -> CertificateRequest:
        """The request for one connection.

        :raises InputError: the connection has no tls-unique.
        :raises ValueError: ``build`` took another key (RFC 7030 section 4.2.3).
        """
        request = self._build(tls_unique_base64(binding))
        if self.last is not None and request.public_key_der != self.last.public_key_der:
            raise ValueError("a request that is repeated keeps its key")
        self.last = request
        return request

    @property
    def public_key_der(self) -> bytes:
        """The SubjectPublicKeyInfo by which the issued certificate is found; there once the request was sent."""
        if self.last is None:
            raise AssertionError("the request has not been sent yet")
        return self.last.public_key_der


def tls_unique_base64(binding: Binding) -> str:
    """What goes into the request: some 16 characters (RFC 7030 section 3.5 allows 255).

    :raises InputError: the connection has no tls-unique.
    """
    if not binding.tls_unique:
        version = f"over {binding.tls_version}" if binding.tls_version else "over this transport"
        raise InputError(
            f"proof of possession cannot be given {version}: there is no tls-unique to link the request to",
            hint="Let the EST server speak TLS 1.2 too, or set proof_of_possession to never.",
        )
    return base64.b64encode(binding.tls_unique).decode("ascii")
