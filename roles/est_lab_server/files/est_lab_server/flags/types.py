# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of flags' values, and how they are described."""

from __future__ import annotations

import argparse
from typing import Optional

#: So that the year is one that a header can tell, whatever the flag says.
_MOST_OFF = 50 * 365 * 24 * 3600


def port(text: str) -> int:
    """A TCP port. Raises what argparse turns into a message."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0-65535)")
    return number


def status(text: str) -> int:
    """An HTTP status from 200 on. Raises what argparse turns into a message."""
    number = int(text)
    if not 200 <= number <= 599:
        raise argparse.ArgumentTypeError(f"{text} is not an HTTP status (200-599)")
    return number


def count(text: str) -> int:
    """A number that is not negative. Raises what argparse turns into a message."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def clock_offset(text: str) -> Optional[int]:
    """Seconds, at most 50 years of them, or none. Raises what argparse turns into a message."""
    if text == "none":
        return None
    number = int(text)
    if abs(number) > _MOST_OFF:
        raise argparse.ArgumentTypeError(f"{text} is more than 50 years off")
    return number


def listed(described: dict[str, str]) -> str:
    """Names and what they mean, for the help of a flag."""
    return "; ".join(f"{name}: {text}" for name, text in described.items())
