# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the command reads and writes."""

from __future__ import annotations

import contextlib
import os
import tempfile

from .errors import EstError, InputError


def read_text(option: str, path: str) -> str:
    """A text file.

    :raises InputError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{option} {path!r} cannot be read: {error.strerror}") from None


def read_secret(option: str, path: str) -> str:
    """The first line of a file.

    :raises InputError: it cannot be read, or is empty.
    """
    secret = read_text(option, path).split("\n", 1)[0].rstrip("\r")
    if not secret:
        raise InputError(f"the first line of {option} {path!r} is empty")
    return secret


def write_public(path: str, text: str) -> None:
    """Write a file that everybody may read: whole, or not at all.

    :raises EstError: stage ``save``: it cannot be written.
    """
    try:
        _write(path, text, 0o644)
    except OSError as error:
        raise _not_written(path, error) from None


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner may read (0600): whole, or not at all.

    :raises EstError: stage ``save``: it cannot be written.
    """
    try:
        _write(path, text, 0o600)
    except OSError as error:
        raise _not_written(path, error) from None


def _write(path: str, text: str, mode: int) -> None:
    # Made with mode 0600, so that nobody reads a key before its mode is set.
    descriptor, made = tempfile.mkstemp(
        prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(os.path.abspath(path))
    )
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(made, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(made)
        raise


def _not_written(path: str, error: OSError) -> EstError:
    return EstError(
        f"{path!r} cannot be written: {error.strerror}",
        stage="save",
        hint="Check the folder, the free space, and the user that runs this command.",
    )
