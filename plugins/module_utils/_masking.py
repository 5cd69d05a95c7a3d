# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hiding a secret on its way from the host to the controller.

A connection plugin may log what a module prints (ssh does, with -vvv), but not what is sent to it. So the controller
sends random octets, and the host returns the secret XORed with them: a one-time pad.
"""

from __future__ import annotations


def mask(data: bytes, pad: bytes) -> bytes:
    """XOR ``data`` with as much of ``pad``; doing it twice gives ``data`` back.

    :raises ValueError: the pad is shorter than the data, which would leave the rest in clear.
    """
    if len(pad) < len(data):
        raise ValueError("the pad is shorter than the data")
    return bytes(one ^ other for one, other in zip(data, pad))
