# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors and hints of the client in the words of the command.

They name the options of a template, because mostly it is a module that shows them. The command has other names for the
same options, and no template.
"""

from __future__ import annotations

#: What is said of options, and what the command says. The longer words come first: they have the shorter ones in them.
_WORDS = {
    "ca_certificate (or the file of ca_path)": "--ca",
    "ca_certificate (or ca_path)": "--ca",
    "ca_certificate or ca_path": "--ca",
    "ca_certificate": "--ca",
    "ca_path": "--ca",
    "ca_fingerprint": "--fingerprint",
    "use_system_trust": "--system-trust",
    "client_certificate_path": "--client-certificate",
    "client_key_passphrase": "--client-key-passphrase-file",
    "client_key_path": "--client-key",
    "subject_alternative_name": "--san",
    "proof_of_possession": "--proof-of-possession",
    "allow_redirects_to": "--allow-redirects-to",
    "on_lost": "--on-lost",
    "allowed_lost": "--allowed-lost",
    "--on-lost: accept": "--on-lost accept",
    "the template's ": "the ",
    " of the template": "",
    " in the template": "",
}


def in_words_of_the_command(text: str) -> str:
    """An error's reason or hint as the command says it."""
    for said, here in _WORDS.items():
        text = text.replace(said, here)
    return text
