# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host answers the controller: what it has read as one line, and a secret in it hidden.

This is part of the program of the quick look; see ``_files/reading.py``.
"""

from __future__ import annotations

from binascii import b2a_base64


def as_line(found: dict[str, object]) -> str:
    """Return what was found as one line of JSON in which all texts are in base64: no pty or locale can spoil it.

    It is not left to ``json``, which costs the host as much as the whole look.

    :param found: texts, booleans, None, and lists and dictionaries of these.
    """
    return _json(found)


def _json(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ",".join(_json(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f'"{name}":{_json(entry)}' for name, entry in value.items()) + "}"
    return '"' + b2a_base64(str(value).encode("utf-8"), newline=False).decode("ascii") + '"'


def mask(data: bytes, pad: bytes) -> bytes:
    """XOR ``data`` with as much of ``pad``; doing it twice gives ``data`` back.

    A connection plugin may log what a module prints (ssh does, with -vvv), but not what is sent to it. So the
    controller sends random octets, and the host returns the secret XORed with them: a one-time pad.

    :raises ValueError: the pad is shorter than the data, which would leave the rest in clear.
    """
    if len(pad) < len(data):
        raise ValueError("the pad is shorter than the data")
    return bytes(one ^ other for one, other in zip(data, pad))
