# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a passphrase to keys: scrypt (RFC 7914)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import DamagedBundle, LibraryMissing

#: As much work as the (2**17, 8, 1) that is usually recommended, in 32 MiB in place of 128: an import opens the bundle
#: once a host and so once a fork, and an automation controller reckons with 100 MB a fork.
DEFAULT_N = 2**15
DEFAULT_R = 8
DEFAULT_P = 3
SALT_OCTETS = 16

# A bundle may come from anybody: what it asks for must not be able to stall the controller.
_MAX_MEMORY = 128 * 1024 * 1024
_MAX_WORK = 2**22
_MAX_P = 16
_MAX_SALT_OCTETS = 64
_KEY_OCTETS = 32
_CHECK_OCTETS = 32


@dataclass(frozen=True)
class Keys:
    """What comes of a passphrase: the key, and the value in the bundle that tells a wrong passphrase."""

    key: bytes = field(repr=False)
    check: bytes = field(repr=False)


@dataclass(frozen=True)
class Scrypt:
    """The parameters of one bundle.

    :param salt: random octets.
    :param n: cost, a power of two.
    :param r: block size.
    :param p: parallelisation.
    """

    salt: bytes
    n: int = DEFAULT_N
    r: int = DEFAULT_R
    p: int = DEFAULT_P

    @classmethod
    def new(cls) -> Scrypt:
        """Return today's parameters with a new random salt."""
        return cls(os.urandom(SALT_OCTETS))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scrypt:
        """Read the parameters from a bundle.

        :raises DamagedBundle: when they are of a wrong type or out of bounds.
        """
        n, r, p = (data.get(name) for name in ("n", "r", "p"))
        for number in (n, r, p):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise DamagedBundle("is damaged: the parameters of scrypt are not whole numbers")
        costly = 128 * n * r > _MAX_MEMORY or p > _MAX_P or n * r * p > _MAX_WORK  # type: ignore[operator]
        if costly or n < 2 or n & (n - 1):  # type: ignore[operator]
            raise DamagedBundle("is damaged: the parameters of scrypt are out of bounds")
        salt = read_base64(data.get("salt"), "sealing.salt")
        if not SALT_OCTETS <= len(salt) <= _MAX_SALT_OCTETS:
            raise DamagedBundle(f"is damaged: sealing.salt has not {SALT_OCTETS} to {_MAX_SALT_OCTETS} octets")
        return cls(salt, n, r, p)  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        """Return the parameters as a bundle holds them."""
        return {"kdf": "scrypt", "n": self.n, "r": self.r, "p": self.p, "salt": write_base64(self.salt)}

    def derive(self, passphrase: str) -> Keys:
        """Derive the keys of a passphrase; takes about half a second and 32 MiB with today's parameters.

        :param passphrase: as :func:`~.passphrase.check_passphrase` returned it.
        :raises LibraryMissing: when this Python cannot compute scrypt, or not with the memory that there is.
        """
        try:
            octets = hashlib.scrypt(
                passphrase.encode("utf-8"),
                salt=self.salt,
                n=self.n,
                r=self.r,
                p=self.p,
                maxmem=2 * _MAX_MEMORY,
                dklen=_KEY_OCTETS + _CHECK_OCTETS,
            )
        except (AttributeError, ValueError, MemoryError) as error:
            raise LibraryMissing(
                f"cannot be sealed or opened here: scrypt cannot be computed ({error}); it needs "
                f"{128 * self.n * self.r // 2**20} MiB of memory and a Python that is built with OpenSSL 1.1.1 or newer"
            ) from None
        return Keys(octets[:_KEY_OCTETS], octets[_KEY_OCTETS:])


def read_base64(value: Any, where: str) -> bytes:
    """Return the octets of a base64 text.

    :param where: the place of the value, for the error.
    :raises DamagedBundle: when it is none.
    """
    try:
        if isinstance(value, str):
            return base64.b64decode(value.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        pass
    raise DamagedBundle(f"is damaged: {where} is not base64")


def write_base64(octets: bytes) -> str:
    """Return octets as base64 text."""
    return base64.b64encode(octets).decode("ascii")
