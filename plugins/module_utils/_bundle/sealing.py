# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing a bundle with a passphrase, and opening it."""

from __future__ import annotations

import hmac
import os
import unicodedata
from typing import Any

from .._template.errors import TemplateError
from .content import Content, content_as_text, content_from_text, read_content
from .envelope import (
    ABOUT_CLEAR,
    ABOUT_SEALED,
    MAX_OCTETS,
    NONCE_OCTETS,
    Envelope,
    Keys,
    Scrypt,
    Sealing,
    parse_envelope,
)
from .errors import DamagedBundle, LibraryMissing, NotSealed, PassphraseMissing, TooLarge, WrongPassphrase

# ----------------------------------------------------------------------------------------------------------------------
# Which passphrases are taken, and as which octets they go into the key derivation.

#: NIST SP 800-63B-4, section 3.1.1.2: the least length of a password that protects something alone.
MIN_CHARACTERS = 15
MIN_DIFFERENT = 8

RULE = (
    f"at least {MIN_CHARACTERS} characters, {MIN_DIFFERENT} of them different, not only digits, "
    "for example five random words"
)


def check_passphrase(passphrase: str) -> str:
    """Return a passphrase in Unicode normal form C, so that it is the same however a keyboard makes its letters.

    :raises TemplateError: when it is empty, begins or ends with white space, or is not text. The error never shows it.
    """
    if not passphrase:
        raise TemplateError("passphrase", "is empty", allowed=RULE)
    if passphrase.strip() != passphrase:
        # The line end of a file or a variable: at the other site it would be missing, and the passphrase wrong.
        raise TemplateError("passphrase", "begins or ends with a space or a line end", allowed="neither")
    try:
        passphrase.encode("utf-8")
    except UnicodeEncodeError:
        raise TemplateError("passphrase", "is not UTF-8 text", allowed="a string") from None
    return unicodedata.normalize("NFC", passphrase)


def check_new_passphrase(passphrase: str) -> str:
    """Return a passphrase as ``check_passphrase()`` does, if it is strong enough to seal a new bundle with.

    :raises TemplateError: also when it is weak.
    """
    passphrase = check_passphrase(passphrase)
    weakness = ""
    if len(passphrase) < MIN_CHARACTERS:
        weakness = f"has only {len(passphrase)} characters"
    elif len(set(passphrase)) < MIN_DIFFERENT:
        weakness = f"has only {len(set(passphrase))} different characters"
    elif passphrase.isdigit():
        weakness = "has only digits"
    if weakness:
        raise TemplateError("passphrase", weakness, allowed=RULE)
    return passphrase


# ----------------------------------------------------------------------------------------------------------------------


def write_bundle(content: Content, passphrase: str | None, scrypt: Scrypt | None = None) -> bytes:
    """Return the octets of a bundle.

    :param content: what it carries.
    :param passphrase: seals it; as ``check_new_passphrase()`` returned it. None, which content with secrets does not
        allow, leaves it in clear.
    :param scrypt: the parameters of the key derivation; today's with a new salt if None.
    :raises LibraryMissing: when nothing can be sealed here.
    :raises TooLarge: when the bundle would be too large to be read again.
    """
    if passphrase is None:
        if content.secrets:
            raise PassphraseMissing("would hold secrets: give a passphrase to seal it with")
        octets = Envelope(False, None, content.as_json(), ABOUT_CLEAR).serialise()
    else:
        cipher = load_cipher()
        scrypt = scrypt or Scrypt.new()
        keys = scrypt.derive(passphrase)
        sealing = Sealing(scrypt, keys.check, os.urandom(NONCE_OCTETS))
        bound = Envelope(content.secrets, sealing, b"", ABOUT_SEALED).associated_data()
        sealed = cipher(keys.key).encrypt(sealing.nonce, content_as_text(content), bound)
        octets = Envelope(content.secrets, sealing, sealed, ABOUT_SEALED).serialise()
    if len(octets) > MAX_OCTETS:
        raise TooLarge(f"would be larger than {MAX_OCTETS // 2**20} MiB; export fewer templates at a time, with names")
    return octets


def read_bundle(octets: bytes, passphrase: str | None) -> Content:
    """Return what is in a bundle.

    :param octets: the file's content.
    :param passphrase: as ``check_passphrase()`` returned it; None for a bundle that is not sealed.
    :raises BundleError: one of the kinds in ``errors.py``.
    """
    envelope = parse_envelope(octets)
    if envelope.sealing is None:
        if passphrase is not None:
            # Else whoever can write the file could put an unsealed one in the place of a sealed one.
            raise NotSealed(
                "is not sealed, although a passphrase was given: if that is as it should be, leave out the passphrase"
            )
        return read_content(envelope.content, secrets=envelope.secrets)
    if passphrase is None:
        raise PassphraseMissing("is sealed: give the passphrase that it was sealed with")
    load_cipher()
    return open_envelope(envelope, envelope.sealing.scrypt.derive(passphrase))


def open_envelope(envelope: Envelope, keys: Keys) -> Content:
    """Return what is in a sealed bundle.

    :raises WrongPassphrase: when the keys come from another passphrase.
    :raises DamagedBundle: when the bundle was changed by somebody who made its digest fit.
    """
    sealing = envelope.sealing
    if sealing is None or not hmac.compare_digest(sealing.check, keys.check):
        raise WrongPassphrase("is sealed with another passphrase than the one that was given")
    cipher = load_cipher()(keys.key)
    try:
        text: bytes = cipher.decrypt(sealing.nonce, envelope.content, envelope.associated_data())
    except Exception:  # InvalidTag; ValueError for a content shorter than a tag: to the user both are the same
        raise DamagedBundle(
            "is damaged: the passphrase is right, and the content is not what was sealed with it; do not trust this "
            "file, and fetch or export it again"
        ) from None
    return content_from_text(text, secrets=envelope.secrets)


def load_cipher() -> type[Any]:
    """Return AES-GCM of ``cryptography``.

    :raises LibraryMissing: when it is not installed.
    """
    # Imported here, not above: a bundle that is not sealed must not need cryptography.
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise LibraryMissing(
            "cannot be sealed or opened here: the Python library cryptography (3.4.8 or newer) is not installed; "
            "install it on the controller, for example with: pip install cryptography"
        ) from None
    return AESGCM
