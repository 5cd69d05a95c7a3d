# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the files of a certificate could be written: looked at before anybody is asked for one."""

from __future__ import annotations

import os
from typing import Dict, Iterable, List, Optional, Tuple

from .._files.walk import other_writers
from ..est.base.errors import EstError, InputError
from ..est.x509.pair_files import PairFiles, Place
from .outputs import numbers


def refuse_unwritable_places(pair: PairFiles, places: Iterable[Place], words: str, *, check: bool) -> List[str]:
    """Look whether files can be put into their places.

    :param words: what could not be done otherwise, for the error.
    :param check: a folder that is not there is a warning: an earlier task may only say that it makes one.
    :returns: warnings, also of folders that other accounts can write to.
    :raises EstError: at stage ``save``.
    """
    warnings: Dict[str, None] = {}
    for place in places:
        folder, problem = os.path.dirname(os.path.realpath(place.path)), ""
        if check and not place.exists:
            warnings[f"there is no folder {folder} now, and est_certificate does not make it"] = None
        elif not place.exists:
            problem = f"there is no folder {folder}"
        else:
            problem = pair.obstacle(place)
            # This knows of read-only file systems.
            if not problem and not os.access(".", os.W_OK | os.X_OK, dir_fd=place.folder.descriptor):
                problem = f"this user may not write to the folder {place.folder.path}"
            for each in pair.folders(place):
                who = other_writers(each)
                if who:
                    warnings[f"{who} can write to the folder {each.path}, and so replace what is kept in it"] = None
        if problem:
            raise EstError(
                f"{words}: {problem}",
                code="not_saved",
                stage="save",
                hint="Correct the path, make the folder first, or let the task become a user who may write there.",
            )
    return list(warnings)


def why_not_given(accounts: Optional[Tuple[str, str]]) -> Tuple[str, str]:
    """Return why files cannot be given to owner and group, and what is told in check mode of accounts.

    :param accounts: see ``Outputs.accounts``.
    """
    if accounts is None:
        return "", ""
    try:
        user, group = numbers(accounts)
    except InputError as error:  # in check mode alone
        return "", error.reason
    if user in (None, os.geteuid()) and group in (None, os.getegid(), *os.getgroups()):
        return "", ""
    return ("only root may give files to this owner or group" if os.geteuid() else ""), ""
