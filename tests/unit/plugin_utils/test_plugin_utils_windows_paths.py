# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be the folder of a store on a Windows host."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.paths import check_windows_path


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        (r"C:\ProgramData\CloudExtenderEST", r"C:\ProgramData\CloudExtenderEST"),
        ("d:/est/store/", r"d:\est\store"),
        (r"C:\\est\\", r"C:\est"),
        (r"\\server\share\est", r"\\server\share\est"),
        (r"%ProgramData%\est", r"%ProgramData%\est"),
        (r"C:\Program Files\Größe", r"C:\Program Files\Größe"),
        (r"C:\console", r"C:\console"),
    ],
)
def test_a_path_has_one_spelling(path: str, normal: str) -> None:
    assert check_windows_path(path) == normal


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "store_path"),
        ("/var/lib/est", "is not the absolute path of a folder on a Windows host"),
        ("est", "is not the absolute path"),
        (r"\est", "is not the absolute path"),
        ("C:est", "is not the absolute path"),
        ("C:\\", "is not the path of a folder of its own"),
        (r"\\server\share", "is not the absolute path"),
        ("%ProgramData%", "is not the absolute path"),
        (r"C:\%NAME%\est", "which is not a folder name"),
        (r"C:\est\..\Windows", "which is not a folder name"),
        (r"C:\est.\a", "which is not a folder name"),
        (r"C:\est \a", "which is not a folder name"),
        (r"C:\a*b", "which is not a folder name"),
        (r"C:\est:stream", "which is not a folder name"),
        (r"C:\NUL\est", "which Windows keeps for a device"),
        (r"C:\com1.txt", "which Windows keeps for a device"),
        ("C:\\" + "a" * 200, "is longer than 200 characters"),
    ],
)
def test_what_is_no_path_is_refused(path: str, words: str) -> None:
    with pytest.raises(TemplateError) as error:
        check_windows_path(path)
    assert words in str(error.value)
