# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP authentication (RFC 9110 section 11): Basic (RFC 7617), Digest (RFC 7616), and the challenges of a 401."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional
from urllib.parse import unquote

from .messages import Request


@dataclass(frozen=True)
class User:
    """Name and password."""

    name: str
    password: str = field(repr=False)


_PARAMETER = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))\s*(?:,|$)')


def quoted(text: str) -> str:
    """A quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_parameters(text: str) -> dict[str, str]:
    """The parameters by their names in lower case. Raises ValueError for another syntax, and for a name given twice."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match.group(1).lower() in found:
            raise ValueError("the parameters of the Authorization header are malformed")
        value = match.group(3) if match.group(2) is None else re.sub(r"\\(.)", r"\1", match.group(2))
        found[match.group(1).lower()] = value
        position = match.end()
    return found


def user_name(parameters: dict[str, str]) -> str:
    """The parameter `username`, or `username*` in the notation of RFC 8187. Header text is latin-1 of UTF-8."""
    extended = parameters.get("username*")
    if extended is not None:
        return unquote(extended.rpartition("'")[2])
    return parameters.get("username", "").encode("latin-1").decode("utf-8", "replace")


def basic_challenge(realm: str) -> str:
    """The challenge; `realm` is quoted already."""
    return f'Basic realm={realm}, charset="UTF-8"'


def basic_problem(user: User, encoded: str) -> Optional[str]:
    """What is wrong with the credentials of an Authorization header; None where they are right."""
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "the Basic credentials are not base64"
    right = hmac.compare_digest(given, f"{user.name}:{user.password}".encode())
    return None if right else "wrong user name or password"


_KEPT = 10_000


@dataclass
class _Use:
    times: int = 0
    last_count: int = 0


class Nonces:
    """Gives out nonces. Kept in memory only."""

    def __init__(self, uses: int) -> None:
        """`uses` is how many requests a nonce is good for, 0 for any number."""
        self._uses = uses
        self._of: OrderedDict[str, _Use] = OrderedDict()
        self._lock = threading.Lock()

    def new(self) -> str:
        """One more nonce."""
        nonce = secrets.token_urlsafe(18)
        with self._lock:
            self._of[nonce] = _Use()
            while len(self._of) > _KEPT:
                self._of.popitem(last=False)
        return nonce

    def is_stale(self, nonce: str) -> bool:
        """Whether the nonce is used up, or none of this server's."""
        with self._lock:
            use = self._of.get(nonce)
            return use is None or 0 < self._uses <= use.times

    def use(self, nonce: str, count: int) -> bool:
        """Note a request; gives whether its nonce count is above all before (RFC 7616 section 3.4)."""
        with self._lock:
            use = self._of.setdefault(nonce, _Use())
            if count <= use.last_count:
                return False
            use.times, use.last_count = use.times + 1, count
            return True


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
