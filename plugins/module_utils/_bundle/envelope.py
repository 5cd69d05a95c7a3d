# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle as a file: its shape, reading and writing. What is sealed in it is opened in ``sealing.py``.

A bundle is::

    {"about": "...", "format": "estfleet.cloud_extender.bundle", "format_version": 1, "secrets": true,
     "sealing": {"kdf": "scrypt", "n": 32768, "r": 8, "p": 3, "salt": "<base64>", "check": "<base64>",
                 "cipher": "AES-256-GCM", "nonce": "<base64>"},
     "content": "<base64>", "digest": "<hex>"}

Where nothing is sealed, ``sealing`` is null and ``content`` is the object ``{"templates": [...]}`` in clear.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from .._store.sealing import digest
from .._value import Value, field
from .errors import DamagedBundle, LibraryMissing, NewerBundle, NotABundle

# ----------------------------------------------------------------------------------------------------------------------
# Reading JSON that may come from anybody: no duplicate keys, no endless numbers, no text that is not Unicode.

# No number of a bundle has more digits, and no list or object is nested deeper.
_MAX_DIGITS = 18
_MAX_DEPTH = 16


def read_json(text: str) -> Any:
    """Return what a JSON text holds.

    :raises ValueError: when it is not JSON; the message says why, as a predicate, without any of the text's values.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
        _check_depth(data, _MAX_DEPTH)
        # A lone surrogate can be written in JSON, and neither be stored nor shown.
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        if text.strip() and error.pos >= len(text.rstrip()):
            raise ValueError("is cut short") from None
        raise ValueError(f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("holds text that is not Unicode (a lone surrogate)") from None
    return data


def _check_depth(data: Any, left: int) -> None:
    if not left:
        raise ValueError("is nested too deep")
    if isinstance(data, (dict, list)):
        for entry in data.values() if isinstance(data, dict) else data:
            if isinstance(entry, (dict, list)):
                _check_depth(entry, left - 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("names a key twice")
    return result


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("holds a number with too many digits")
    return int(digits)


def _constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is not JSON")


# ----------------------------------------------------------------------------------------------------------------------
# From a passphrase to keys: scrypt (RFC 7914).

#: As much work as the (2**17, 8, 1) that is usually recommended, in 32 MiB in place of 128: an import opens the bundle
#: once for each host, so once in each fork, and an automation controller reckons with 100 MB for a fork.
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


class Keys(Value):
    """What is derived from a passphrase: the key, and the value in the bundle that tells a wrong passphrase."""

    key: bytes = field(repr=False)
    check: bytes = field(repr=False)


class Scrypt(Value):
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

        :param passphrase: as ``check_passphrase()`` returned it.
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
    :raises DamagedBundle: when it is something else.
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


# ----------------------------------------------------------------------------------------------------------------------

FORMAT = "estfleet.cloud_extender.bundle"
FORMAT_VERSION = 1
CIPHER = "AES-256-GCM"
#: Octets of a nonce (96 bits, NIST SP 800-38D section 8.2.2).
NONCE_OCTETS = 12
#: A bundle larger than this is not ours (a template takes about 2 KB).
MAX_OCTETS = 8 * 1024 * 1024

_MODULES = "the Ansible modules estfleet.cloud_extender.est_template_export and est_template_import"
ABOUT_SEALED = f"EST certificate templates, sealed with a passphrase. Written and read by {_MODULES}."
ABOUT_CLEAR = f"EST certificate templates without passwords, not sealed. Written and read by {_MODULES}."

_KEYS = ("about", "format", "format_version", "secrets", "sealing", "content", "digest")
_SEALING_KEYS = ("kdf", "n", "r", "p", "salt", "check", "cipher", "nonce")
# One of them is left in a bundle that was damaged in one place, wherever that is.
_MARKS = (FORMAT.encode("ascii"), b"est_template_export", b"est_template_import")
_CHECK_OCTETS = 32


class Sealing(Value):
    """How the content of a bundle is sealed."""

    scrypt: Scrypt
    check: bytes = field(repr=False)
    nonce: bytes

    def as_json(self) -> dict[str, Any]:
        """Return it as a bundle holds it."""
        return {
            **self.scrypt.as_json(),
            "check": write_base64(self.check),
            "cipher": CIPHER,
            "nonce": write_base64(self.nonce),
        }


class Envelope(Value):
    """A bundle whose content is not opened yet.

    :param secrets: whether secrets are included.
    :param sealing: how the content is sealed, or None where it is in clear.
    :param content: ciphertext and tag where it is sealed, else plain JSON data.
    :param about: the text for who opens the file.
    """

    secrets: bool
    sealing: Sealing | None
    content: Any = field(repr=False)
    about: str

    def header(self) -> dict[str, Any]:
        """Return all but content and digest, as plain JSON data."""
        return {
            "about": self.about,
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "secrets": self.secrets,
            "sealing": self.sealing.as_json() if self.sealing else None,
        }

    def associated_data(self) -> bytes:
        """Return the octets that are bound to the sealed content: the header as JSON, sorted and without spaces."""
        return json.dumps(self.header(), sort_keys=True, separators=(",", ":")).encode("ascii")

    def serialise(self) -> bytes:
        """Return the octets of the file."""
        content = write_base64(self.content) if self.sealing else self.content
        data = {**self.header(), "content": content}
        return (json.dumps({**data, "digest": bundle_digest(data)}, indent=2, ensure_ascii=False) + "\n").encode(
            "utf-8"
        )


def bundle_digest(data: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) over all of a bundle but its digest.

    It tells a bundle that was damaged on its way from a wrong passphrase. It keeps nobody from changing a bundle: the
    sealing does that.
    """
    return digest("bundle", {key: value for key, value in data.items() if key != "digest"})


def parse_envelope(octets: bytes) -> Envelope:
    """Read a bundle as far as that goes without its passphrase.

    :raises NotABundle: when it is something else.
    :raises DamagedBundle: when it was a bundle once; says what is wrong.
    :raises NewerBundle: when a newer version of this collection wrote it.
    """
    if len(octets) > MAX_OCTETS:
        raise NotABundle(f"is not a bundle of templates: it is larger than {MAX_OCTETS // 2**20} MiB")
    try:
        data = read_json(octets.decode("utf-8"))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"does not say that its format is {FORMAT}")
        whole = data.get("digest") == bundle_digest(data)
    except ValueError as error:
        raise _unreadable(octets, error) from None
    # The digest is made the same way in all versions: only a whole bundle can be of a newer one.
    if not whole:
        raise DamagedBundle(
            "is damaged: it is not as it was written (its digest does not match its content); fetch or export it again"
        )
    version = data.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamagedBundle("is damaged: it has no format version")
    if version > FORMAT_VERSION:
        raise NewerBundle(
            f"has format version {version}, and this version of estfleet.cloud_extender knows up to {FORMAT_VERSION}; "
            "use a newer version of the collection"
        )
    return _envelope(data)


def _envelope(data: dict[str, Any]) -> Envelope:
    _require_keys(data, _KEYS, "the bundle")
    if not isinstance(data["about"], str) or not isinstance(data["secrets"], bool):
        raise DamagedBundle("is damaged: about is not a text, or secrets is neither true nor false")
    if data["sealing"] is None:
        if data["secrets"]:
            raise DamagedBundle("is damaged: it says that it has secrets, and is not sealed")
        return Envelope(data["secrets"], None, data["content"], data["about"])
    sealing = data["sealing"]
    _require_keys(sealing, _SEALING_KEYS, "sealing")
    if sealing["kdf"] != "scrypt" or sealing["cipher"] != CIPHER:
        raise DamagedBundle(f"is damaged: sealing is not scrypt and {CIPHER}")
    check = read_base64(sealing["check"], "sealing.check")
    nonce = read_base64(sealing["nonce"], "sealing.nonce")
    if len(check) != _CHECK_OCTETS or len(nonce) != NONCE_OCTETS:
        raise DamagedBundle(f"is damaged: sealing has no check of {_CHECK_OCTETS} or no nonce of {NONCE_OCTETS} octets")
    content = read_base64(data["content"], "content")
    return Envelope(data["secrets"], Sealing(Scrypt.from_json(sealing), check, nonce), content, data["about"])


def _require_keys(data: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict) or sorted(data) != sorted(keys):
        raise DamagedBundle(f"is damaged: {where} does not have exactly the keys {', '.join(keys)}")


def _unreadable(octets: bytes, error: ValueError) -> NotABundle | DamagedBundle:
    words = f"is not UTF-8 text (octet {error.start})" if isinstance(error, UnicodeDecodeError) else str(error)
    if not any(mark in octets for mark in _MARKS):
        return NotABundle(f"is not a bundle of templates: it {words if octets.strip() else 'is empty'}")
    if octets.lstrip()[:1] == b"{" and not octets.rstrip().endswith(b"}"):
        words = "is cut short"
    return DamagedBundle(f"is damaged: it {words}; fetch or export it again")
