# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bundle as a file: its shape, reading and writing. What is sealed in it is opened in :mod:`.sealing`.

A bundle is::

    {"about": "...", "format": "maas360.cloud_extender.bundle", "version": 1, "secrets": true,
     "sealing": {"kdf": "scrypt", "n": 32768, "r": 8, "p": 3, "salt": "<base64>", "check": "<base64>",
                 "cipher": "AES-256-GCM", "nonce": "<base64>"},
     "content": "<base64>", "digest": "<hex>"}

Where nothing is sealed, ``sealing`` is null and ``content`` is the object ``{"templates": [...]}`` in clear.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..store.integrity import digest
from .errors import DamagedBundle, NewerBundle, NotABundle
from .json_text import read_json
from .key_derivation import Scrypt, read_base64, write_base64

FORMAT = "maas360.cloud_extender.bundle"
VERSION = 1
CIPHER = "AES-256-GCM"
#: Octets of a nonce (96 bits, NIST SP 800-38D section 8.2.2).
NONCE_OCTETS = 12
#: A bundle larger than this is none of ours (a template takes about 2 KB).
MAX_OCTETS = 8 * 1024 * 1024

_MODULES = "the Ansible modules maas360.cloud_extender.est_template_export and est_template_import"
ABOUT_SEALED = f"EST certificate templates, sealed with a passphrase. Written and read by {_MODULES}."
ABOUT_CLEAR = f"EST certificate templates without passwords, not sealed. Written and read by {_MODULES}."

_KEYS = ("about", "format", "version", "secrets", "sealing", "content", "digest")
_SEALING_KEYS = ("kdf", "n", "r", "p", "salt", "check", "cipher", "nonce")
# One of them is left in a bundle that was damaged in one place, wherever that is.
_MARKS = (FORMAT.encode("ascii"), b"est_template_export", b"est_template_import")
_CHECK_OCTETS = 32


@dataclass(frozen=True)
class Sealing:
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


@dataclass(frozen=True)
class Envelope:
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
            "version": VERSION,
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

    It tells a bundle that was damaged on its way from a wrong passphrase. It keeps nobody from changing a bundle: that
    does the sealing.
    """
    return digest("bundle", {key: value for key, value in data.items() if key != "digest"})


def parse_envelope(octets: bytes) -> Envelope:
    """Read a bundle as far as that goes without its passphrase.

    :raises NotABundle: when it is something else.
    :raises DamagedBundle: when it was a bundle once; says what is wrong.
    :raises NewerBundle: when a newer version of this collection wrote it.
    """
    if len(octets) > MAX_OCTETS:
        raise NotABundle(f"is no bundle of templates: it is larger than {MAX_OCTETS // 2**20} MiB")
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
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamagedBundle("is damaged: it has no format version")
    if version > VERSION:
        raise NewerBundle(
            f"has format version {version}, and this version of maas360.cloud_extender knows versions up to {VERSION}; "
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
        return NotABundle(f"is no bundle of templates: it {words if octets.strip() else 'is empty'}")
    if octets.lstrip()[:1] == b"{" and not octets.rstrip().endswith(b"}"):
        words = "is cut short"
    return DamagedBundle(f"is damaged: it {words}; fetch or export it again")
