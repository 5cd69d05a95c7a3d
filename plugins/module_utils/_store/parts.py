# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a store: where it is, names and permissions of its files, and what tells one sealing key from another.

This is part of the program of the quick look; see ``_files/reading.py``.
"""

from __future__ import annotations

import hashlib

#: Where a store is on a POSIX host, where nothing else is said.
DEFAULT_STORE_PATH = "/var/lib/cloud_extender/est"
#: Where it is on a Windows host.
WINDOWS_STORE_PATH = r"C:\ProgramData\CloudExtenderEST"
DOCUMENT_NAME = "templates.json"
KEY_NAME = "sealing.key"
#: A new sealing key, until the document that it seals is in its place.
NEXT_KEY_NAME = "sealing.key.next"
#: What came of the last test of each template.
LAST_TESTS_NAME = "last_tests.json"
#: Which certificates ``est_certificates`` has seen to on this host.
CERTIFICATES_NAME = "certificates.json"
#: A file that is kept aside is named as before, with this and a time at the end.
KEPT_INFIX = ".damaged-"
#: Octets of a sealing key.
KEY_OCTETS = 32
FOLDER_MODE = 0o700
FILE_MODE = 0o600

_FINGERPRINT_PREFIX = b"estfleet.cloud_extender sealing key\0"


def key_fingerprint(key: bytes) -> str:
    """Return 16 hex digits that tell this sealing key from another. The key is random, so this reveals nothing."""
    return hashlib.sha256(_FINGERPRINT_PREFIX + key).hexdigest()[:16]


def new_name(name: str) -> str:
    """Return what a file is called while it is written."""
    return f".{name}.new"
