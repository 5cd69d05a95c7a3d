# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Digest authentication (RFC 7616) with SHA-2 and MD5, and ``qop=auth``.

A server that names no ``qop`` gets the response of RFC 2069, which RFC 7616 section 3.4.1 keeps for such servers. The
body is never part of the response (``auth-int``): it is made when the connection is open.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Tuple
from urllib.parse import quote

from ..._value import Value
from .transport import Credentials

# ----------------------------------------------------------------------------------------------------------------------
# The challenges of a WWW-Authenticate header (RFC 9110 sections 11.2, 11.3 and 11.6.1).
#
# A comma stands between the parameters of a challenge, between challenges, and between headers that were joined; only
# what follows shows which. What cannot be understood is passed over: a server may offer anything.

#: More is not looked at. A real header has one to three challenges and less than 1000 characters.
MAX_CHARACTERS = 16384
MAX_CHALLENGES = 20
MAX_PARAMETERS = 30

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_END = r"[ \t]*(?=,|\Z)"
_SEPARATORS = re.compile(r"[ \t,]*")
# Servers in the field also leave values without quotes that need them, such as a realm with a slash.
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t,"]+)){_END}')
_SCHEME = re.compile(rf"({_WORD})(?:[ \t]+([A-Za-z0-9._~+/-]+=*){_END}|(?=[ \t,]|\Z))")
_ESCAPED = re.compile(r"\\(.)")


class Challenge(Value):
    """One way to authenticate that a server offers.

    :param scheme: as the server writes it, such as ``Basic``; schemes are compared without case.
    :param parameters: names in lower case; each as it came first.
    :param token68: what some schemes (Negotiate) have in place of parameters.
    """

    scheme: str
    parameters: Mapping[str, str] = MappingProxyType({})
    token68: Optional[str] = None


def parse_challenges(header: Optional[str]) -> Tuple[Challenge, ...]:
    """Read a WWW-Authenticate header, or several of them joined by commas.

    :param header: ``None`` where the answer has none.
    :returns: the challenges in their order; none where nothing in it can be understood.
    """
    text = (header or "")[:MAX_CHARACTERS]
    found: List[Challenge] = []
    parameters: Dict[str, str] = {}
    position = 0
    while True:
        separators = _SEPARATORS.match(text, position)
        position = separators.end() if separators is not None else position
        if position == len(text):
            return tuple(found)
        parameter = _PARAMETER.match(text, position)
        scheme = _SCHEME.match(text, position) if parameter is None else None
        if parameter is not None:
            name, quoted, plain = parameter.groups()
            if found and len(parameters) < MAX_PARAMETERS:
                parameters.setdefault(name.lower(), plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
            position = parameter.end()
        elif scheme is not None:
            if len(found) == MAX_CHALLENGES:
                return tuple(found)
            parameters = {}
            found.append(Challenge(scheme[1], parameters, scheme[2]))
            position = scheme.end()
        else:
            comma = text.find(",", position)
            position = comma if comma >= 0 else len(text)


def schemes(challenges: Tuple[Challenge, ...]) -> Tuple[str, ...]:
    """The names of the offered schemes, each once, cut to a length that can be shown."""
    return tuple(dict.fromkeys(challenge.scheme[:40] for challenge in challenges))


# ----------------------------------------------------------------------------------------------------------------------

#: Best first, with the name that hashlib has for it.
_HASHES = {
    "SHA-512-256": "sha512_256",
    "SHA-512-256-SESS": "sha512_256",
    "SHA-256": "sha256",
    "SHA-256-SESS": "sha256",
    "MD5": "md5",
    "MD5-SESS": "md5",
}
# Header text holds one character for each octet.
_HEADER_TEXT = re.compile(r"[\x20-\x7e\x80-\xff]*\Z")


class DigestSession:
    """The answers to one challenge, each with a nonce count of its own. Make one with ``choose()``.

    :ivar count: how many answers there have been.
    """

    def __init__(self, challenge: Challenge, credentials: Credentials) -> None:
        self.challenge = challenge
        self.credentials = credentials
        self.count = 0

    def authorization(self, method: str, uri: str, cnonce: Optional[str] = None) -> str:
        """The value of the ``Authorization`` header for one more request. It is never sent twice.

        :param uri: the target exactly as it stands in the request line.
        :param cnonce: for tests; a fresh random one otherwise.
        """
        self.count += 1
        parameters = self.challenge.parameters
        realm, nonce = parameters["realm"], parameters["nonce"]
        # libest takes headers of at most some 380 characters.
        cnonce = cnonce if cnonce is not None else secrets.token_urlsafe(16)
        username = unicodedata.normalize("NFC", self.credentials.username)
        password = unicodedata.normalize("NFC", self.credentials.password)
        secret = self._hash(f"{_octets(username)}:{realm}:{_octets(password)}")
        if _algorithm(self.challenge).endswith("-SESS"):
            secret = self._hash(f"{secret}:{nonce}:{cnonce}")
        request = self._hash(f"{method}:{uri}")
        sent = [*self._user(username, realm), f'realm="{_quoted(realm)}"', f'nonce="{_quoted(nonce)}"']
        sent.append(f'uri="{_quoted(uri)}"')
        if "qop" in parameters:
            count = f"{self.count:08x}"
            response = self._hash(f"{secret}:{nonce}:{count}:{cnonce}:auth:{request}")
            sent += [f'response="{response}"', "qop=auth", f"nc={count}", f'cnonce="{cnonce}"']
        else:
            sent.append(f'response="{self._hash(f"{secret}:{nonce}:{request}")}"')
            if _algorithm(self.challenge).endswith("-SESS"):
                sent.append(f'cnonce="{cnonce}"')
        if "algorithm" in parameters:
            sent.append(f"algorithm={parameters['algorithm']}")
        if "opaque" in parameters:
            sent.append(f'opaque="{_quoted(parameters["opaque"])}"')
        return "Digest " + ", ".join(sent)

    def _user(self, username: str, realm: str) -> Iterable[str]:
        """The user name: hashed where the server can take that, and else in the notation that its characters need."""
        if self.challenge.parameters.get("userhash", "").lower() == "true":
            return (f'username="{self._hash(f"{_octets(username)}:{realm}")}"', "userhash=true")
        if username.isascii():
            return (f'username="{_quoted(username)}"',)
        return (f"username*=UTF-8''{quote(username, safe='')}",)  # RFC 7616 section 3.4, RFC 8187

    def _hash(self, text: str) -> str:
        name = _HASHES[_algorithm(self.challenge)]
        return hashlib.new(name, text.encode("latin-1")).hexdigest()


def choose(challenges: Iterable[Challenge], credentials: Credentials) -> Optional[DigestSession]:
    """Take the strongest Digest challenge that can be answered (RFC 7616 section 3.7); ``None`` where there is none."""
    usable = [challenge for challenge in challenges if _is_usable(challenge)]
    strengths = list(_HASHES)
    usable.sort(key=lambda challenge: strengths.index(_algorithm(challenge)))
    return DigestSession(usable[0], credentials) if usable else None


def _is_usable(challenge: Challenge) -> bool:
    parameters = challenge.parameters
    if challenge.scheme.lower() != "digest" or "realm" not in parameters or not parameters.get("nonce"):
        return False
    if "qop" in parameters and "auth" not in [word.strip().lower() for word in parameters["qop"].split(",")]:
        return False
    try:
        hashlib.new(_HASHES[_algorithm(challenge)])
    except (KeyError, ValueError):  # unknown to this client; or to OpenSSL, as MD5 on a host in FIPS mode
        return False
    return all(_HEADER_TEXT.match(value) for value in parameters.values())


def is_stale(challenge: Challenge) -> bool:
    """Whether the server refused an answer only because its nonce is too old (RFC 7616 section 3.3)."""
    return challenge.parameters.get("stale", "").lower() == "true"


def _algorithm(challenge: Challenge) -> str:
    return challenge.parameters.get("algorithm", "MD5").upper()


def _octets(text: str) -> str:
    """UTF-8 in the form of header text."""
    return text.encode("utf-8").decode("latin-1")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
