# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which passphrases are taken, and as which octets they go into the key derivation."""

from __future__ import annotations

import unicodedata

from ..template.errors import TemplateError

#: NIST SP 800-63B-4, section 3.1.1.2: the least length of a password that protects something alone.
MIN_CHARACTERS = 15
MIN_DIFFERENT = 8

RULE = (
    f"at least {MIN_CHARACTERS} characters, {MIN_DIFFERENT} of them different, not only digits, "
    "for example five random words"
)


def check_passphrase(passphrase: str) -> str:
    """Return a passphrase in Unicode normal form C, so that it is the same however a keyboard makes its letters.

    :raises TemplateError: when it is empty, begins or ends with white space, or is no text. The error never shows it.
    """
    if not passphrase:
        raise TemplateError("passphrase", "is empty", allowed=RULE)
    if passphrase.strip() != passphrase:
        # The line end of a file or a variable: at the other site it would be missing, and the passphrase wrong.
        raise TemplateError("passphrase", "begins or ends with a space or a line end", allowed="neither")
    try:
        passphrase.encode("utf-8")
    except UnicodeEncodeError:
        raise TemplateError("passphrase", "is not UTF-8 text", allowed="a text") from None
    return unicodedata.normalize("NFC", passphrase)


def check_new_passphrase(passphrase: str) -> str:
    """Return a passphrase as :func:`check_passphrase` does, if it is strong enough to seal a new bundle with.

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
