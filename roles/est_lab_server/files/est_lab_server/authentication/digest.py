# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Digest authentication (RFC 7616)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Optional

from .nonces import Nonces
from .parameters import quoted, read_parameters, user_name
from .user import User

# The algorithm as headers name it, and as hashlib does.
ALGORITHMS = {
    "digest": ("MD5", "md5"),
    "digest-sess": ("MD5-sess", "md5"),
    "digest-sha256": ("SHA-256", "sha256"),
    "digest-sha256-sess": ("SHA-256-sess", "sha256"),
    "digest-sha512-256": ("SHA-512-256", "sha512_256"),
}
QUALITIES = {
    "auth": 'qop="auth"',
    "both": 'qop="auth-int,auth"; only auth is accepted',
    "auth-int": 'qop="auth-int", which nothing satisfies',
    "none": "no qop, as RFC 2069",
}
_OFFERED = {"auth": "auth", "both": "auth-int,auth", "auth-int": "auth-int"}


@dataclass(frozen=True)
class Digest:
    """Digest with one algorithm. `quality` is one of QUALITIES."""

    scheme: str
    realm: str
    quality: str
    nonces: Nonces

    def challenge(self, stale: bool) -> str:
        """A challenge with a new nonce; `stale` says that the credentials were right but for the old nonce."""
        parts = [f"realm={quoted(self.realm)}", f'nonce="{self.nonces.new()}"', 'opaque="lab"']
        parts.append(f"algorithm={ALGORITHMS[self.scheme][0]}")
        if self.quality in _OFFERED:
            parts.append(f'qop="{_OFFERED[self.quality]}"')
        parts.append('charset="UTF-8"')
        if stale:
            parts.append("stale=true")
        return "Digest " + ", ".join(parts)

    def problem(self, user: User, method: str, target: str, parameters: dict[str, str]) -> Optional[str]:
        """What is wrong with the credentials, the nonce apart; None where they are right."""
        wanted = {"realm": self.realm, "uri": target, "opaque": "lab"}
        for name, value in wanted.items():
            if parameters.get(name) != value:
                return f"the Digest parameter {name} is not the right one"
        if user_name(parameters) != user.name:
            return "wrong user name"
        if parameters.get("qop") != (None if self.quality == "none" else "auth"):
            return "the Digest parameter qop is not the one wanted"
        expected = self._response(user, method, parameters)
        right = hmac.compare_digest(parameters.get("response", "").lower().encode("latin-1"), expected.encode())
        return None if right else "wrong Digest response"

    def _response(self, user: User, method: str, parameters: dict[str, str]) -> str:
        secret = self._hash(f"{user.name}:{self.realm}:{user.password}")
        nonce, client_nonce = parameters.get("nonce", ""), parameters.get("cnonce", "")
        if self.scheme.endswith("-sess"):
            secret = self._hash(f"{secret}:{nonce}:{client_nonce}")
        request = self._hash(f"{method}:{parameters.get('uri', '')}")
        between = [nonce]
        if self.quality != "none":
            between += [parameters.get("nc", ""), client_nonce, parameters.get("qop", "")]
        return self._hash(":".join((secret, *between, request)))

    def _hash(self, text: str) -> str:
        return hashlib.new(ALGORITHMS[self.scheme][1], text.encode()).hexdigest()


def digest_parameters(text: str) -> dict[str, str]:
    """The parameters of Digest credentials. Raises ValueError."""
    parameters = read_parameters(text)
    if "nc" in parameters:
        int(parameters["nc"], 16)
    return parameters
