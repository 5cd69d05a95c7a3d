# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS that verifies nothing. This is the only file of the collection that switches verification off.

There are two good reasons for it, and no others may import this file (a test looks):

* ``bootstrap.py`` asks for the CA certificates of a server of which only a fingerprint is known (RFC 7030 section
  4.1.1), and trusts nothing of the answer but the certificate that has it;
* ``_exchange/relay.py`` does so for a client on another machine, and shows a diagnosis the certificate and the clock
  of a server that is *not* trusted, to find out why.

Neither sends a credential, a client certificate or a request for a certificate over it, and nothing that comes over it
is believed. An enrolment cannot: no option and no argument of the client leads here.
"""

from __future__ import annotations

import ssl
from typing import Optional

from ..x509.client_certificate import ClientCertificate
from .connection import Dialler
from .deadline import TimedSocket
from .opening import cipher_name
from .tls import Trust, make_distrustful_context
from .transport import Peer

#: Not a kind of trust that anything else knows what to do with.
NOBODY = Trust("nobody")


def make_unverified_context(trust: Trust, client: Optional[ClientCertificate] = None) -> ssl.SSLContext:
    """A context that shakes hands with whoever answers.

    :param trust: not used; here to be called as ``make_context()`` is.
    :param client: never shown to a server that is not verified.
    """
    context = make_distrustful_context()
    context.verify_mode = ssl.CERT_NONE
    return context


class UnverifiedDialler(Dialler):
    """Opens connections to whoever answers, and says so in the peer: its ``trust`` is ``no``."""

    def _authorize(self, secured: TimedSocket) -> Peer:
        certificate = secured.getpeercert(binary_form=True)
        return Peer("no", secured.version(), "the server is not verified", certificate, cipher_name(secured))
