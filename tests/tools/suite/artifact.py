# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact of the collection: what may be in it, and the same bytes from the same commit."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

# What users get: a file at another place was added without a thought for the artifact (build_ignore in galaxy.yml).
_FOR_USERS = re.compile(
    r"(changelogs|docs|extensions|LICENSES|meta|playbooks|plugins|roles)/"
    r"|(CHANGELOG\.md|CODE_OF_CONDUCT\.md|COPYING|FILES\.json|MANIFEST\.json|README\.md|SECURITY\.md|tests/config\.yml)$"
)
# Automation Hub lints what it imports, with these settings and an ansible-lint that knows no patterns.
_FOR_THE_HUB = ".ansible-lint"
# What tools and interpreters leave at places that are for users otherwise.
_LEFT_BEHIND = re.compile(r"(^|/)\.|__pycache__/|\.py[co]$|~$|\.(orig|rej|swp|bak)$")


def strays(names: list[str]) -> list[str]:
    """Return of the files of an artifact those that are not for users, or that they would miss."""
    ours = [name for name in names if name != _FOR_THE_HUB]
    wrong = [name for name in ours if not _FOR_USERS.match(name) or _LEFT_BEHIND.search(name)]
    needed = ("tests/config.yml", "meta/runtime.yml", _FOR_THE_HUB)
    return wrong + [f"{name} (missing)" for name in needed if name not in names]


def files_in(artifact: Path) -> list[str]:
    """Return the names of the files in an artifact."""
    with tarfile.open(artifact) as archive:
        return sorted(member.name for member in archive if member.isfile())


def make_reproducible(artifact: Path, time: int) -> None:
    """Write an artifact of ``ansible-galaxy collection build`` again, so that it depends on its content alone.

    ansible-galaxy lists files in the order of the disk, and notes the time of the build, in the archive and around it.

    :param time: in seconds since 1970, for all that has a time, such as that of the commit.
    """
    with tarfile.open(artifact) as archive:
        content = {member.name: archive.extractfile(member) for member in archive}
        data = {name: b"" if file is None else file.read() for name, file in content.items()}
        folders = {name for name, file in content.items() if file is None}
        programs = {member.name for member in archive if member.isfile() and member.mode & 0o100}
    files = json.loads(data["FILES.json"])
    files["files"].sort(key=lambda entry: str(entry["name"]))
    data["FILES.json"] = _json(files)
    manifest = json.loads(data["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(data["FILES.json"]).hexdigest()
    data["MANIFEST.json"] = _json(manifest)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        # The importer reads the manifest first.
        for name in sorted(data, key=lambda name: (name not in ("MANIFEST.json", "FILES.json"), name)):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if name in folders else tarfile.REGTYPE
            member.mode = 0o755 if name in folders | programs else 0o644
            member.size, member.mtime = len(data[name]), time
            archive.addfile(member, io.BytesIO(data[name]))
    with artifact.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        compressed.write(packed.getvalue())


def _json(value: object) -> bytes:
    return json.dumps(value, indent=True, sort_keys=False).encode()
