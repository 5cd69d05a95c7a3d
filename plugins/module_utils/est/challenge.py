# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The challenges of a WWW-Authenticate header (RFC 9110 sections 11.2, 11.3 and 11.6.1).

A comma stands between the parameters of a challenge, between challenges, and between headers that were joined; what it
means shows only from what follows. What cannot be understood is passed over: a server may offer anything.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Dict, List, Mapping, Optional, Tuple

from .value import Value

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
    """The names of the offered schemes, each once, as they can be shown."""
    return tuple(dict.fromkeys(challenge.scheme[:40] for challenge in challenges))
