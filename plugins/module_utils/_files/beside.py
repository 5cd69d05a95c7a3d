# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the files that this collection keeps for itself beside a file of the user's."""

from __future__ import annotations


def name_beside(name: str, kind: str) -> str:
    """Return the name of a file of ours beside another one, such as ``.web.pem.est-note``.

    A dot file, as there are programs that take every other file of a folder for one of theirs: HAProxy, which is given
    a folder of certificates, does not start where one of them is none.

    :param name: of the file of the user's, without its folder.
    :param kind: what it is for.
    """
    return f".{name}.est-{kind}"
