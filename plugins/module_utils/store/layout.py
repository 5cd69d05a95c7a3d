# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names and permissions of a store's files."""

from __future__ import annotations

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
#: What is kept of a file is named as the file with this and a time at its end.
KEPT_INFIX = ".damaged-"
#: Octets of a sealing key.
KEY_OCTETS = 32
FOLDER_MODE = 0o700
FILE_MODE = 0o600
