# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges Authorization headers, and writes the challenges of a 401 (RFC 9110 section 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..request import Request
from .basic import basic_challenge, basic_problem
from .digest import ALGORITHMS, Digest, digest_parameters
from .nonces import Nonces
from .parameters import quoted
from .user import User

REALM = "est-lab-server"
SCHEMES = ("basic", *ALGORITHMS, "negotiate")


@dataclass(frozen=True)
class Authorization:
    """Whether a request came with credentials, whether they are right, and if not, why (for the log).

    `stale` credentials are right but for their nonce.
    """

    accepted: bool
    scheme: Optional[str] = None
    problem: Optional[str] = None
    stale: bool = False

    @property
    def present(self) -> bool:
        """Whether there were credentials at all."""
        return self.scheme is not None


class Authenticator:
    """The schemes that the server offers, and its one user."""

    def __init__(self, user: User, schemes: Sequence[str], realm: str, quality: str, nonce_uses: int) -> None:
        """`schemes` are some of SCHEMES in the order of their challenges. `negotiate` is only offered."""
        self._user = user
        self._schemes = tuple(schemes)
        self._realm = realm
        self._nonces = Nonces(nonce_uses)
        self._digests = {each: Digest(each, realm, quality, self._nonces) for each in schemes if each in ALGORITHMS}

    def challenges(self, stale: bool) -> list[str]:
        """One challenge for each scheme."""
        return [self._challenge(scheme, stale) for scheme in self._schemes]

    def _challenge(self, scheme: str, stale: bool) -> str:
        if scheme in self._digests:
            return self._digests[scheme].challenge(stale)
        return basic_challenge(quoted(self._realm)) if scheme == "basic" else "Negotiate"

    def check(self, request: Request) -> Authorization:
        """Judge the credentials of a request."""
        header = request.header("authorization")
        if header is None:
            return Authorization(accepted=False)
        scheme, _unused, rest = header.partition(" ")
        name = scheme.lower()
        if name == "basic" and "basic" in self._schemes:
            problem = basic_problem(self._user, rest)
            return Authorization(problem is None, "basic", problem)
        if name == "digest" and self._digests:
            return self._check_digest(request, rest)
        return Authorization(False, name[:20], "this scheme is not offered")

    def _check_digest(self, request: Request, text: str) -> Authorization:
        try:
            parameters = digest_parameters(text)
        except ValueError as error:
            return Authorization(False, "digest", str(error))
        algorithm = parameters.get("algorithm", "MD5").lower()
        scheme = {ALGORITHMS[each][0].lower(): each for each in self._digests}.get(algorithm)
        if scheme is None:
            return Authorization(False, "digest", "this algorithm is not offered")
        problem = self._digests[scheme].problem(self._user, request.method, request.target, parameters)
        if problem is not None:
            return Authorization(False, scheme, problem)
        nonce = parameters.get("nonce", "")
        if self._nonces.is_stale(nonce):
            return Authorization(False, scheme, "the nonce is stale", stale=True)
        if "nc" in parameters and not self._nonces.use(nonce, int(parameters["nc"], 16)):
            return Authorization(False, scheme, "the nonce count was used before")
        return Authorization(True, scheme)
