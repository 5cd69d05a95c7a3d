# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which HTTP authentication a server gets (RFC 7030 section 3.2.3).

Basic goes out unasked: it saves a round trip, and there are servers that refuse without a word on what they want
(python-est; libest where the scheme is not its own). What a server then asks for decides everything that follows.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, Optional, Tuple

from ..base.errors import InputError
from .transport import Credentials

if TYPE_CHECKING:
    from .digest_authentication import Challenge, DigestSession

# ----------------------------------------------------------------------------------------------------------------------
# HTTP Basic authentication with UTF-8 (RFC 7617), and what any HTTP authentication wants of credentials.

# Lone surrogates stand for bytes that were no UTF-8.
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"
_NOT_UTF8 = r"[\ud800-\udfff]"


def basic_authorization(credentials: Credentials) -> str:
    """The value of the ``Authorization`` header. It is a secret.

    An empty user name is allowed (RFC 7030 section 3.2.3). Text gets normalisation form C (RFC 7617 section 2.1).

    :raises InputError: a colon in the user name, or control characters (RFC 7617 section 2). The password is not shown.
    """
    if ":" in credentials.username:
        raise InputError(
            f"the user name is {credentials.username!r}: HTTP Basic allows no colon in it (RFC 7617 section 2)",
            code="invalid_credentials",
            hint="Ask the administrator of the EST server for an account without a colon in its name.",
        )
    check_credentials(credentials)
    pair = unicodedata.normalize("NFC", f"{credentials.username}:{credentials.password}")
    return "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")


def check_credentials(credentials: Credentials) -> None:
    """Refuse what cannot be in a header.

    :raises InputError: control characters, or characters that are not Unicode. The password is not shown.
    """
    for name, text in (("user name", credentials.username), ("password", credentials.password)):
        if re.search(_CONTROL, text):
            raise InputError(
                f"the {name} has a control character, such as a line end; HTTP authentication allows none (RFC 7617 "
                "section 2)",
                code="invalid_credentials",
                hint=f"Remove the line end or control character from the {name}.",
            )
        if re.search(_NOT_UTF8, text):
            raise InputError(
                f"the {name} has characters that UTF-8 cannot hold",
                code="invalid_credentials",
                hint=f"Write the {name} in UTF-8.",
            )


# ----------------------------------------------------------------------------------------------------------------------

# digest_authentication.py is imported where a server has answered 401, which few do: Basic went out unasked.

#: ``auto``: Basic unasked, then the strongest that is offered. ``basic``: nothing else. ``digest``: never Basic, so the
#: password itself is never sent; the first request goes out without credentials.
SCHEMES = ("auto", "basic", "digest")


class Next(Enum):
    """What to do after a 401."""

    GIVE_UP = "the answer stands"
    ANSWER = "send the request again, with other credentials"
    ASK = "find out what the server offers: ask it without credentials"


class HttpAuthentication:
    """The credentials, and what is known of how one server wants them.

    :param scheme: one of ``SCHEMES``.
    :param unasked: whether Basic goes out before the server has asked for it.
    :raises InputError: credentials that cannot be sent; an unknown scheme.
    """

    def __init__(self, credentials: Credentials, scheme: str = "auto", *, unasked: bool = True) -> None:
        if scheme not in SCHEMES:
            raise InputError(f"authentication is {scheme!r}: it is one of {', '.join(SCHEMES)}")
        check_credentials(credentials)
        self._credentials = credentials
        self._scheme = scheme
        self._basic = basic_authorization(credentials) if scheme != "digest" else None
        self._digest: Optional[DigestSession] = None
        self._asked = False
        self._may_send_basic = unasked
        #: The scheme of the last request that could have one: ``"basic"``, ``"digest"`` or ``None``.
        self.sent: Optional[str] = None
        #: The schemes that the server offered last.
        self.offered: Tuple[str, ...] = ()

    def authorization(self, method: str, target: str) -> Optional[str]:
        """The ``Authorization`` header for the next request; a secret. ``None`` where the server has to be asked first.

        :param target: as it stands in the request line.
        """
        if self._digest is not None:
            self.sent = "digest"
            return self._digest.authorization(method, target)
        basic = self._basic if self._may_send_basic else None
        self.sent = "basic" if basic is not None else None
        return basic

    def learn(self, header: Optional[str]) -> bool:
        """Take in the WWW-Authenticate header of a 401 to a request without credentials.

        :returns: whether there is an answer to it besides Basic, which needs no challenge.
        """
        challenges = _read(header)
        if challenges:
            self._choose(challenges)
        return bool(challenges) and self._digest is not None

    def refused(self, header: Optional[str]) -> Next:
        """Take in the WWW-Authenticate header of a 401 to a request with what ``authorization()`` gave."""
        from .digest_authentication import is_stale

        challenges = _read(header)
        used, sent = self._digest, self.sent
        if not challenges:
            self._digest = None
            return self._without_challenge(used)
        self._choose(challenges)
        if self._digest is None:
            other = sent != "basic" and self._basic is not None and _offers_basic(challenges)
            return Next.ANSWER if other else Next.GIVE_UP
        # The first answer to a fresh nonce was refused: the credentials are wrong. An older nonce may have run out.
        wrong = used is not None and used.count == 1 and not is_stale(self._digest.challenge)
        return Next.GIVE_UP if wrong else Next.ANSWER

    def _without_challenge(self, used: Optional[DigestSession]) -> Next:
        """A server may say what it offers only where nothing is sent (libest), or nowhere (python-est)."""
        if used is not None:
            return Next.ASK if used.count > 1 else Next.GIVE_UP
        ask = self.sent == "basic" and self._scheme != "basic" and not self._asked
        self._asked = True
        return Next.ASK if ask else Next.GIVE_UP

    def _choose(self, challenges: Tuple[Challenge, ...]) -> None:
        from .digest_authentication import choose, schemes

        self.offered = schemes(challenges)
        self._may_send_basic = self._may_send_basic or _offers_basic(challenges)
        self._digest = choose(challenges, self._credentials) if self._scheme != "basic" else None


def _read(header: Optional[str]) -> Tuple[Challenge, ...]:
    from .digest_authentication import parse_challenges

    return parse_challenges(header)


def unusable_offer(header: Optional[str]) -> str:
    """The schemes that a 401 offers, in words, where this client can do none of them; else an empty string."""
    from .digest_authentication import choose, schemes

    challenges = _read(header)
    if not challenges or _offers_basic(challenges) or choose(challenges, Credentials("", "")) is not None:
        return ""
    return ", ".join(schemes(challenges))


def _offers_basic(challenges: Tuple[Challenge, ...]) -> bool:
    return any(challenge.scheme.lower() == "basic" for challenge in challenges)
