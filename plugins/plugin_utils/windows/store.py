# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template store of a Windows host, through the modules of ``ansible.windows``: none of our code runs there.

No module replaces a file in one step, and none holds a lock. Therefore:

* The new document is first written whole to ``templates.json.new``, and looked at. Only then it is copied over
  ``templates.json``. Where that is missing or cut short, ``templates.json.new`` is the document: a run that is killed
  at any moment leaves the old or the new one.
* A sealing key never changes: each has a file that is named after its fingerprint, and the document names the one that
  is in force. So document and key change in the same moment, as on a POSIX host.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import (
    Observed,
    TemplateStore,
    Write,
    Written,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import parse_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import (
    DamagedDocument,
    NewerFormat,
    StoreError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import (
    DOCUMENT_NAME,
    KEPT_INFIX,
    KEY_NAME,
    KEY_OCTETS,
    LAST_TESTS_NAME,
    key_fingerprint,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field

from .folder import Host, full_path, prepare_folder
from .host import COLLECTION, Refused

NEW_NAME = f"{DOCUMENT_NAME}.new"
INHERITS = "the folder inherits permissions, so others than SYSTEM and Administrators can have access"

# A key of another run that is younger than this can still come into force.
_WAITING_SECONDS = 600.0
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


class _Document(Value):
    """What was found in the document's place."""

    content: bytes | None = field(default=None, repr=False)
    damage: str = ""
    recovered: bool = False

    @property
    def exists(self) -> bool:
        return self.content is not None or self.damage != ""

    @property
    def sha256(self) -> str:
        if self.content is None:
            return _sha256(self.damage.encode("ascii")) if self.damage else ""
        return _sha256(self.content)

    @property
    def text(self) -> str | None:
        """The text, or None where it is none."""
        try:
            return None if self.content is None else self.content.decode("utf-8")
        except UnicodeDecodeError:
            return None


class WindowsStore(TemplateStore):
    """The store in one folder of a Windows host.

    :param host: the host.
    :param store_path: the folder; can begin with a variable of the host's environment.
    :param full_look: look at the other files of the folder and at its permissions too, with every reading.
    :param last_tests: look at what came of the last tests, with every reading; a full look does.
    """

    key_with_document: ClassVar[bool] = False

    def __init__(self, host: Host, store_path: str, *, full_look: bool = False, last_tests: bool = False) -> None:
        self._host = host
        self._store_path = store_path
        self._full_look = full_look
        self._last_tests = last_tests
        self._full_path = store_path
        self._recovered = False
        self._is_folder = False
        self._new_key: bytes | None = None

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, *, want_key: bool) -> Observed:
        """See ``TemplateStore.read()``."""
        document = self._read_document()
        self._recovered = document.recovered
        self._is_folder = document.damage != ""
        damage = document.damage
        if document.content is not None and document.text is None:
            damage = "is not UTF-8 text"
        drift = []
        if document.recovered:
            drift.append(f"{NEW_NAME} was left by a run that was killed while it wrote, and is the document")
        found: dict[str, Any] = {"key_fingerprint": _fingerprint_of(document)}
        if self._full_look and document.exists:
            found.update(self._look_around(found["key_fingerprint"], drift, recovered=document.recovered))
        elif self._last_tests and document.exists:
            found["last_tests"] = self._read_last_tests()
        if want_key and found["key_fingerprint"]:
            found.update(self._fetch_key(found["key_fingerprint"]))
        return Observed(
            store_path=self._store_path,
            exists=document.exists,
            content=document.text,
            sha256=document.sha256,
            damage=damage,
            drift=tuple(drift),
            **found,
        )

    def _read_document(self) -> _Document:
        document = self._slurp(DOCUMENT_NAME)
        if _is_whole(document):
            return document
        new = self._slurp(NEW_NAME)
        if _is_whole(new):
            return _Document(new.content, recovered=True)
        # Neither: where a writer has just been at work, the document is in its place by now.
        return document if document.exists else self._slurp(DOCUMENT_NAME)

    def _slurp(self, name: str) -> _Document:
        try:
            content = _slurp(self._host, self._path(name))
        except _IsFolder:
            return _Document(damage="is a folder")
        except Refused as refused:
            raise self._cannot("read", refused) from None
        return _Document(content)

    def _read_last_tests(self) -> str:
        try:
            return read_last_tests(self._host, self._store_path)
        except Refused as refused:
            raise self._cannot("read", refused) from None

    def _look_around(self, fingerprint: str, drift: list[str], *, recovered: bool) -> dict[str, Any]:
        """Return what a reading of the document alone does not tell, and add to what is wrong."""
        files = self._list()
        if NEW_NAME in files and not recovered:
            drift.append(f"{NEW_NAME} was left by a run that was killed while it wrote")
        if fingerprint and _key_name(fingerprint) not in files:
            fingerprint = ""
        try:
            inheritance = {"path": self._expanded(), "state": "absent", "reorganize": False}
            if self._host.run("win_acl_inheritance", inheritance, check=True)["changed"]:
                drift.append(INHERITS)
        except Refused as refused:
            raise self._cannot("read", refused) from None
        kept = sorted(name for name in files if name.startswith(DOCUMENT_NAME + KEPT_INFIX))
        document = files.get(NEW_NAME if recovered else DOCUMENT_NAME, {})
        return {
            "key_fingerprint": fingerprint,
            "owner": document.get("owner") or "",
            "last_tests": self._read_last_tests() if LAST_TESTS_NAME in files else "",
            "kept_documents": tuple(self._path(name) for name in kept),
        }

    def _fetch_key(self, fingerprint: str) -> dict[str, Any]:
        """Return the key that the document names, or why it cannot be used."""
        name = _key_name(fingerprint)
        try:
            stat = self._host.run("win_stat", {"path": self._path(name), "get_checksum": False})["stat"]
            if not stat["exists"]:
                return {"key_fingerprint": ""}
            text = self._host.fetch(stat["path"]).strip() if stat["isreg"] else b""
        except Refused as refused:
            raise self._cannot("read", refused) from None
        key = _parse_key(text)
        if key is None:
            return {"key_fingerprint": "", "key_damage": f"is not a key of {2 * KEY_OCTETS} hex digits"}
        if key_fingerprint(key) != fingerprint:
            return {"key_fingerprint": "", "key_damage": "is another key"}
        return {"key": key}

    # -- writing ---------------------------------------------------------------------------------------------------

    def new_key(self, replaced_key: str) -> bytes | None:
        """See ``TemplateStore.new_key()``. It is written together with the document: nothing is done here."""
        self._new_key = os.urandom(KEY_OCTETS)
        return self._new_key

    def write(self, change: Write) -> Written:
        """See ``TemplateStore.write()``."""
        if self._is_folder:
            raise StoreError(
                f"{self._path(DOCUMENT_NAME)} is a folder, and no module of {COLLECTION} can give it another name; "
                "move it away"
            )
        content = change.content.encode("utf-8")
        key = self._new_key if change.use_new_key else None
        try:
            self._full_path = prepare_folder(self._host, self._store_path)
            if self._recovered and not self._finish():
                return Written(conflict=True)
            folder = self._expanded()
            if key is not None:
                self._host.put(f"{folder}\\{_key_name(key_fingerprint(key))}", key.hex().encode("ascii") + b"\r\n")
            self._host.put(f"{folder}\\{NEW_NAME}", content)
            files = self._list()
            there = files.get(DOCUMENT_NAME, {}).get("checksum") or ""
            if there != change.expected_sha256 or files.get(NEW_NAME, {}).get("checksum") != _sha256(content):
                self._remove([NEW_NAME, *([_key_name(key_fingerprint(key))] if key is not None else [])])
                return Written(conflict=True)
            kept = self._keep_aside(files) if change.keep_old and there else ""
            self._put_in_place(change.expected_sha256)
        except Refused as refused:
            raise self._cannot("write", refused) from None
        self._remove([NEW_NAME, *_old_keys(files, change, _fingerprint_of(_Document(content)))])
        return Written(kept=self._path(kept) if kept else "")

    def _finish(self) -> bool:
        """Do what a killed run left undone; say whether it was there to be done."""
        if not _is_whole(self._slurp(NEW_NAME)):
            return False
        self._copy(NEW_NAME, DOCUMENT_NAME)
        return True

    def _put_in_place(self, old_sha256: str) -> None:
        try:
            self._copy(NEW_NAME, DOCUMENT_NAME)
        except Refused:
            # The module removes the old document first. Is it still there, then the new one must not stand in for it.
            stat = self._host.run("win_stat", {"path": self._path(DOCUMENT_NAME), "checksum_algorithm": "sha256"})
            if old_sha256 and stat["stat"].get("checksum") == old_sha256:
                self._remove([NEW_NAME])
            raise

    def _keep_aside(self, files: Mapping[str, Any]) -> str:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept, number = f"{DOCUMENT_NAME}{KEPT_INFIX}{stamp}", 1
        while kept in files:
            kept, number = f"{DOCUMENT_NAME}{KEPT_INFIX}{stamp}-{number}", number + 1
        self._copy(DOCUMENT_NAME, kept)
        return kept

    def _copy(self, source: str, target: str) -> None:
        arguments = {"src": self._path(source), "dest": self._path(target), "remote_src": True, "_copy_mode": "remote"}
        self._host.run("win_copy", arguments)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            try:
                self._host.run("win_file", {"path": self._path(name), "state": "absent"})
            except Refused:  # the document is in its place; a file that is left is removed with the next write
                continue

    # -- what both need --------------------------------------------------------------------------------------------

    def _list(self) -> dict[str, Any]:
        """Return the files of the folder by name."""
        try:
            arguments = {"paths": [self._expanded()], "hidden": True, "checksum_algorithm": "sha256"}
            found = self._host.run("win_find", arguments)["files"]
        except Refused as refused:
            raise self._cannot("read", refused) from None
        return {str(entry["filename"]).lower(): entry for entry in found}

    def _expanded(self) -> str:
        """Return the folder's path without variables, once it is there: not every module puts in their values."""
        if "%" in self._full_path:
            self._full_path = full_path(self._host, self._full_path)
        return self._full_path

    def _path(self, name: str) -> str:
        return f"{self._store_path}\\{name}"

    def _cannot(self, verb: str, refused: Refused) -> StoreError:
        return StoreError(
            f"cannot {verb} the template store {self._store_path}: {str(refused).rstrip('.')}; it needs an account "
            "that is an administrator of the host, and no other program that has the file open"
        )


def read_last_tests(host: Host, store_path: str) -> str:
    """Return the text of the file of ``last_tests.py``, or an empty text where there is none.

    :raises Refused: when it cannot be read.
    """
    content = _slurp(host, f"{store_path}\\{LAST_TESTS_NAME}")
    return (content or b"").decode("utf-8", "replace")


class _IsFolder(Refused):
    """What was to be read is a folder."""


def _slurp(host: Host, path: str) -> bytes | None:
    """Return a file, or None where there is none."""
    try:
        return base64.b64decode(host.run("slurp", {"src": path})["content"])
    except Refused as refused:
        # The words are of the module itself, the same in every language of Windows.
        if str(refused).endswith("is not found"):
            return None
        if str(refused).endswith("is a directory"):
            raise _IsFolder(str(refused)) from None
        raise


def _is_whole(document: _Document) -> bool:
    """Say whether this is a document, of whatever version, and not one that was cut short."""
    try:
        parse_document(document.text or "")
    except NewerFormat:
        return True
    except DamagedDocument:
        return False
    return True


def _fingerprint_of(document: _Document) -> str:
    """Return the fingerprint of the key that the document names, or an empty string."""
    try:
        sealing_key = parse_document(document.text or "").sealing_key
    except (NewerFormat, DamagedDocument):
        return ""
    if sealing_key is None or not _FINGERPRINT.fullmatch(sealing_key.fingerprint):
        return ""
    return sealing_key.fingerprint


def _key_name(fingerprint: str) -> str:
    return f"{KEY_NAME}.{fingerprint}"


def _parse_key(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii")) if len(text) == 2 * KEY_OCTETS else None
    except ValueError:
        return None


def _old_keys(files: Mapping[str, Any], change: Write, in_force: str) -> list[str]:
    """Return the keys that are of no use any more: the one that was replaced, and what killed runs left."""
    now = files[NEW_NAME]["lastwritetime"]
    return [
        name
        for name, entry in files.items()
        if name.startswith(f"{KEY_NAME}.")
        and name != _key_name(in_force)
        and (name == _key_name(change.replaced_key) or now - entry["lastwritetime"] > _WAITING_SECONDS)
    ]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
