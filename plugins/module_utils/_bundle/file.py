# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a bundle on the controller: reading it, and replacing it atomically."""

from __future__ import annotations

import errno
import os
import stat

from .._files.paths import open_folder, why_not_writable
from .._value import Value, field
from .envelope import MAX_OCTETS
from .errors import FileError, NotABundle

#: The permissions of a bundle, and of a folder that is made for it.
FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class BundleFile(Value):
    """A file that is there: its octets, and its permissions such as ``0600``."""

    octets: bytes = field(repr=False)
    mode: str


def read_file(path: str) -> bytes:
    """Read a bundle's file; symbolic links are followed.

    :raises FileError: when it cannot be read, or is not a file.
    :raises NotABundle: when it is too large to be a bundle. It is not read then.
    """
    return _read(path, 0).octets


def find_file(path: str) -> BundleFile | None:
    """Read what is where a bundle is to be written, and check that it can be written there.

    :returns: None where nothing is; its folder may be missing too.
    :raises FileError: when it may not be written there, or what is there is not a file.
    :raises NotABundle: when the file is too large to be a bundle.
    """
    why = why_not_writable(os.path.dirname(path))
    if why:
        raise FileError(f"cannot be written: {why}")
    if not os.path.lexists(path):
        return None
    return _read(path, os.O_NOFOLLOW)


def write_file(path: str, octets: bytes) -> None:
    """Write a bundle whole or not at all, readable by its owner only from the first moment on.

    Its folder, and those above it, are made where they are missing, for this user only.

    :raises FileError: when it cannot be written. What was there before is there still.
    """
    try:
        with open_folder(os.path.dirname(os.path.abspath(path)), make=_FOLDER_MODE, parents=_FOLDER_MODE) as folder:
            folder.write(os.path.basename(path), octets, mode=FILE_MODE)
    except OSError as error:
        raise FileError(f"cannot be written: {error.strerror or error}") from None


def _read(path: str, flags: int) -> BundleFile:
    try:
        # Not blocked by a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise FileError("is a symbolic link; name the file itself") from None
        raise FileError(f"cannot be read: {error.strerror or error}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            is_folder = stat.S_ISDIR(status.st_mode)
            raise FileError("is a folder; name a file in it" if is_folder else "is a device, socket or pipe")
        if status.st_size > MAX_OCTETS:
            raise NotABundle(f"is not a bundle of templates: it is larger than {MAX_OCTETS // 2**20} MiB")
        with open(descriptor, "rb", closefd=False) as file:
            return BundleFile(file.read(MAX_OCTETS + 1), f"{stat.S_IMODE(status.st_mode):04o}")
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or error}") from None
    finally:
        os.close(descriptor)
