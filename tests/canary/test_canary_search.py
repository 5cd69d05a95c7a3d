# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search itself must find what it is to find, or it proves nothing."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest
from canary.search import pem_lines, places, search

SECRET = 'canary "of" a/mine+1'
WAYS = {
    "as it is": SECRET,
    "in hex": SECRET.encode().hex(),
    "in upper hex": SECRET.encode().hex().upper(),
    "in a URL": quote(SECRET, safe=""),
    "in JSON": json.dumps({"x": SECRET}),
    "in JSON in JSON": json.dumps(json.dumps(SECRET)),
    "in Python": repr([SECRET]),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in base64 of more": base64.b64encode(f"user:{SECRET}!".encode()).decode(),
    "in base64 of one more": base64.b64encode(f"a user:{SECRET}!".encode()).decode(),
    "in base64 of two more": base64.b64encode(f"an user:{SECRET}!".encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found(way: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(f"more {WAYS[way]} and more")
    assert search({"it": [SECRET.encode()]}, places(tmp_path)) == {"deep/file": {"it"}}
    assert search({"it": [b"another canary of mine"]}, places(tmp_path)) == {}


def test_a_secret_is_found_in_an_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("inner/log")
        entry.size = len(SECRET)
        archive.addfile(entry, io.BytesIO(SECRET.encode()))
    assert "a.tar.gz/inner/log" in search({"it": [SECRET.encode()]}, places(tmp_path))


def test_octets_and_keys_are_found() -> None:
    key = bytes(range(1, 33))
    for way in (key, key.hex().encode(), base64.b64encode(b"x" + key), repr(key).encode()):
        assert search({"key": [key]}, [("x", b"<" + way + b">")]) == {"x": {"key"}}
    line = "A" * 40 + "0123456789abcdefghijklmn"
    text = f"-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n"
    assert search({"key": pem_lines(text)}, [("x", f'"{line}\\n"'.encode())]) == {"x": {"key"}}
