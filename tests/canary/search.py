# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that can be recognised, in whatever form they may come out, and the search for them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

#: Shorter pieces would be found by chance.
_SHORTEST = 8


def forms(secret: bytes) -> set[bytes]:
    """Return what a secret looks like: as it is, in base64 at any place, in hex, in a URL, in JSON, in Python."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        # The first and the last characters stand for octets of others too.
        core = encoded[(0, 2, 3)[shift] : len(encoded) - (1 if (shift + len(secret)) % 3 else 0)]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    try:
        text = secret.decode("utf-8")
    except UnicodeDecodeError:
        found.add(repr(secret)[2:-1].encode())
        return found
    found |= {quote(text).encode(), quote(text, safe="").encode(), quote_plus(text).encode()}
    for inner in (text, json.dumps(text)[1:-1]):  # a result in JSON, in a message in JSON
        found |= {json.dumps(inner)[1:-1].encode(), json.dumps(inner, ensure_ascii=False)[1:-1].encode()}
        found.add(repr(inner)[1:-1].encode())
    return {form for form in found if len(form) >= _SHORTEST}


def pem_lines(text: str) -> list[bytes]:
    """Return the lines of a private key that are its own."""
    body = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", text, re.DOTALL)
    # The first line of a key in PKCS#8 begins as that of any other: its second half does not.
    return [line[-24:].encode() for block in body for line in block.split("\n") if len(line) >= 32]


def places(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Return all files of a folder, by their paths in it; archives are unpacked, to any depth."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield from _unpacked(str(path.relative_to(folder)), path.read_bytes())


def _unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    yield name, content
    if content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive.getmembers():
                file = archive.extractfile(member)
                if file is not None:
                    yield from _unpacked(f"{name}/{member.name}", file.read())


def search(secrets: Mapping[str, Iterable[bytes]], found: Iterable[tuple[str, bytes]]) -> dict[str, set[str]]:
    """Return the names of the secrets by the places where they are.

    :param secrets: the octets of each secret by its name; a secret can have several.
    """
    wanted = {name: set().union(*map(forms, parts)) for name, parts in secrets.items()}
    leaks: dict[str, set[str]] = {}
    for place, content in found:
        for name, looks in wanted.items():
            if any(look in content for look in looks):
                leaks.setdefault(place, set()).add(name)
    return leaks
