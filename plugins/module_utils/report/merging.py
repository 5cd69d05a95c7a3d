# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merging the JSON files of several reports, such as those of the slices of a job."""

from __future__ import annotations

import glob
import os
from datetime import datetime
from typing import Iterable, List, Optional, Sequence

from .document import Document, merge_documents, parse_document
from .states import ReportError


def merge_files(
    paths: Iterable[str], expected: Optional[Sequence[str]] = None, oldest: Optional[datetime] = None
) -> Document:
    """Read reports and return them as one.

    :param paths: JSON files, or patterns such as C(slices/*.json).
    :param expected: see :func:`.document.merge_documents`, for this and the next.
    :raises ReportError: a pattern matches nothing, or a file cannot be read or is no report.
    """
    files: List[str] = []
    for path in paths:
        found = sorted(glob.glob(os.path.expanduser(path))) or [os.path.expanduser(path)]
        files.extend(file for file in found if file not in files)
    return merge_documents([read_report(file) for file in files], expected=expected, oldest=oldest)


def read_report(path: str) -> Document:
    """Read a report.

    :raises ReportError: it cannot be read, or is none.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ReportError(f"{path} cannot be read: {why}") from None
    return parse_document(text, path)
