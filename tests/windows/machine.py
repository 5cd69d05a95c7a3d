# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""A folder of this machine that stands for drive C: of a Windows host, with what makes Windows different.

Names are found whatever their case; a slash counts as a backslash; some names and characters are refused; a file that
another program has open cannot be replaced, and perhaps not be read; there are no modes, but access control lists,
which are data here; the folder's state outlives the process, as ansible-core has a process for each task.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEM, ADMINISTRATORS, USERS = "S-1-5-18", "S-1-5-32-544", "S-1-5-32-545"
ACCOUNTS = {
    SYSTEM: "NT AUTHORITY\\SYSTEM",
    ADMINISTRATORS: "BUILTIN\\Administrators",
    USERS: "BUILTIN\\Users",
}
VARIABLES = {"programdata": "C:\\ProgramData", "systemroot": "C:\\Windows", "temp": "C:\\Windows\\Temp"}

_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?", re.I)
_INHERIT = "ContainerInherit, ObjectInherit"


class Fail(Exception):
    """What a module says when it fails."""


class Killed(BaseException):
    """The run was killed in the middle of something."""


@dataclass(frozen=True)
class HeldCertificate:
    """A certificate in a store of Windows.

    :param der: the certificate.
    :param friendly_name: what Windows shows for it.
    :param key: its key as PKCS#8, where there is one: Windows keeps it, and none of our files does.
    :param exportable: whether Windows gives the key to anybody.
    :param storage: whose key it is: default, machine or user.
    """

    der: bytes
    friendly_name: str = ""
    key: bytes | None = field(default=None, repr=False)
    exportable: bool = False
    storage: str = "default"

    @property
    def thumbprint(self) -> str:
        """The SHA-1 of the certificate, in capital letters."""
        return hashlib.sha1(self.der).hexdigest().upper()


class Machine:
    """A Windows host.

    :param folder: where it is kept; made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._drive = folder / "C"
        self._state_file = folder / "state.json"
        #: The number of the moment at which to be killed, or to fail; None for neither.
        self.kill_at: int | None = None
        self.fail_at: int | None = None
        self.moments = 0
        if not self._drive.exists():
            for name in ("ProgramData", "Windows/Temp", "Users"):
                (self._drive / name).mkdir(parents=True)
            entries = [_entry(sid, "FullControl") for sid in (SYSTEM, ADMINISTRATORS)]
            acl = {"owner": SYSTEM, "protected": True, "entries": [*entries, _entry(USERS, "ReadAndExecute")]}
            self._save({"acls": {"c:": acl}, "open": {}})

    # -- state -----------------------------------------------------------------------------------------------------

    def _load(self) -> dict[str, Any]:
        return dict(json.loads(self._state_file.read_text()))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        # ansible-core does one thing after the other on a host: there is nobody to keep out.
        state = self._load()
        yield state
        self._save(state)

    def _save(self, state: dict[str, Any]) -> None:
        self._state_file.write_text(json.dumps(state))

    def log(self, **call: Any) -> None:
        """Note a call of the controller's."""
        with open(self.folder / "calls.jsonl", "a") as file:
            file.write(json.dumps(call) + "\n")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the controller has called since ``forget_calls()``."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def forget_calls(self) -> None:
        """Forget the calls."""
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def open_by_another(self, path: str, *, shared: bool = False) -> None:
        """Let another program have a file open: nobody can replace it then, and only with ``shared`` read it."""
        with self._changing() as state:
            state["open"][_key(path)] = shared

    def open_for_writing(self, path: str, *, shown_size: int = 0) -> None:
        """Let another program write to a file, and let those read it who share it with a writer.

        :param shown_size: what the folder tells of its size, as it was when the file was last closed.
        """
        with self._changing() as state:
            state["open"][_key(path)] = "writing"
            state.setdefault("shown_sizes", {})[_key(path)] = shown_size

    def close_all(self) -> None:
        """Let the other programs close all files."""
        with self._changing() as state:
            state["open"] = {}
            state["shown_sizes"] = {}

    def shown_size(self, path: str) -> int:
        """Return the size of a file as its folder tells it."""
        shown = self._load().get("shown_sizes", {}).get(_key(path))
        return self.real(path).stat().st_size if shown is None else int(shown)

    # -- what modules tell of the host -----------------------------------------------------------------------------

    def has(self, **told: Any) -> None:
        """Say what the host has: ``services``, ``registry``, ``winhttp``, ``environment``, ``utc_offset``, and others.

        ``clock_ahead`` are seconds; ``broken`` says which modules fail (``win_file``, or ``win_file absent``), and with
        which words.
        """
        with self._changing() as state:
            state.setdefault("told", {}).update(told)

    def told(self, name: str, default: Any) -> Any:
        """Return what ``has()`` was given."""
        return self._load().get("told", {}).get(name, default)

    def moment(self) -> None:
        """A moment at which the run can be killed, or the module can fail."""
        self.moments += 1
        if self.moments == self.kill_at:
            raise Killed()
        if self.moments == self.fail_at:
            raise Fail("There is not enough space on the disk.")

    # -- certificates ----------------------------------------------------------------------------------------------

    def certificates(self, store: str) -> list[HeldCertificate]:
        r"""Return what is in a store, such as ``LocalMachine\Root``. It knows nothing of this machine's own trust."""
        return [_held(entry) for entry in self._load().get("certificates", {}).get(_store(store), [])]

    def add_certificate(
        self,
        store: str,
        der: bytes,
        *,
        friendly_name: str = "",
        key: bytes | None = None,
        exportable: bool = False,
        storage: str = "default",
    ) -> None:
        """Put a certificate into a store, in place of the same one."""
        entry = {
            "der": base64.b64encode(der).decode(),
            "friendly_name": friendly_name,
            "key": None if key is None else base64.b64encode(key).decode(),
            "exportable": exportable,
            "storage": storage,
        }
        with self._changing() as state:
            held = state.setdefault("certificates", {}).setdefault(_store(store), [])
            held[:] = [*(other for other in held if other["der"] != entry["der"]), entry]

    def remove_certificate(self, store: str, thumbprint: str) -> None:
        """Remove a certificate from a store; the container of its key stays, as on Windows."""
        with self._changing() as state:
            held = state.get("certificates", {}).get(_store(store), [])
            held[:] = [entry for entry in held if _held(entry).thumbprint != thumbprint.upper()]

    @property
    def key_containers(self) -> list[str]:
        """The names of the containers of all keys that were imported; each stays until somebody deletes it by hand."""
        return list(self._load().get("key_containers", []))

    def add_key_container(self, name: str) -> None:
        """Note that a key was imported.

        :param name: the friendly name of the file's key, which Windows takes where no other container has it.
        """
        with self._changing() as state:
            containers = state.setdefault("key_containers", [])
            containers.append(name if name and name not in containers else f"{{{uuid.uuid4()}}}")

    @property
    def passphrases(self) -> list[str]:
        """The passphrases of all files that were opened."""
        return list(self._load().get("passphrases", []))

    def add_passphrase(self, passphrase: str) -> None:
        """Note that a file was opened with this one."""
        with self._changing() as state:
            state.setdefault("passphrases", []).append(passphrase)

    @property
    def opens_newer_pkcs12(self) -> bool:
        """Whether it opens PKCS#12 with AES and SHA-256, as Windows Server 2019 does, and 2016 does not."""
        return bool(self._load().get("newer_pkcs12", False))

    @opens_newer_pkcs12.setter
    def opens_newer_pkcs12(self, value: bool) -> None:
        with self._changing() as state:
            state["newer_pkcs12"] = value

    # -- paths -----------------------------------------------------------------------------------------------------

    def expand(self, path: str) -> str:
        """Put in the values of variables, as ExpandEnvironmentVariables does: an unknown one stays."""
        return re.sub(r"%([^%]+)%", lambda match: VARIABLES.get(match.group(1).lower(), match.group()), path)

    def full(self, path: str) -> str:
        """Return the path as Windows tells it: with backslashes, and with the names as they are on the disk."""
        names = _names(path)
        folder, told = self._drive, "C:"
        for name in names:
            found = _find(folder, name)
            folder, told = folder / (found or name), f"{told}\\{found or name}"
        return told if names else "C:\\"

    def real(self, path: str) -> Path:
        """Return the path on this machine.

        :raises Fail: for a name that Windows cannot have.
        """
        for name in _names(path):
            if re.search(r'[<>:"|?*]', name) or _RESERVED.fullmatch(name):
                raise Fail(f"The filename, directory name, or volume label syntax is incorrect : '{path}'.")
        return self._drive.joinpath(*self.full(path).split("\\")[1:]) if _names(path) else self._drive

    # -- files -----------------------------------------------------------------------------------------------------

    def read(self, path: str, *, beside_writers: bool = False) -> bytes:
        """Return a file's content.

        :param beside_writers: open it with FileShare.ReadWrite, and not with FileShare.Read.
        """
        self._refuse_open(path, reading=True, beside_writers=beside_writers)
        return self.real(path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file as Copy-Item does: not in one step."""
        self._refuse_open(path)
        self.moment()
        new = not self.real(path).exists()
        with open(self.real(path), "wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            if new:
                self._own(path)
            self.moment()
            file.write(content[len(content) // 2 :])
        self.moment()

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        self.moment()
        self.real(path).mkdir(parents=True)
        self._own(path)

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it."""
        self._refuse_open(path)
        self.moment()
        real = self.real(path)
        shutil.rmtree(real) if real.is_dir() else real.unlink()
        with self._changing() as state:
            state["acls"].pop(_key(path), None)

    def _refuse_open(self, path: str, *, reading: bool = False, beside_writers: bool = False) -> None:
        shared = self._load()["open"].get(_key(path))
        if shared == "writing":
            shared = beside_writers
        if shared is not None and not (reading and shared):
            raise Fail(f"The process cannot access the file '{path}' because it is being used by another process.")

    # -- access control --------------------------------------------------------------------------------------------

    def _own(self, path: str) -> None:
        with self._changing() as state:
            state["acls"].setdefault(_key(path), {"owner": ADMINISTRATORS, "protected": False, "entries": []})

    def owner(self, path: str) -> str:
        """Return the owner's identifier."""
        return str(self.acl(path)["owner"])

    def change_acl(self, path: str, **changes: Any) -> None:
        """Change ``owner``, ``protected`` or ``entries``."""
        self.moment()
        with self._changing() as state:
            state["acls"][_key(path)] = {**self._acl(state, path), **changes}

    def acl(self, path: str) -> dict[str, Any]:
        """Return ``owner``, ``protected`` and the explicit ``entries`` of a file or folder."""
        return self._acl(self._load(), path)

    def who_may(self, path: str) -> set[str]:
        """Return the identifiers of those who may do anything with it, by its own entries and those it inherits."""
        acls, allowed, key = self._load()["acls"], set(), _key(path)
        while True:
            acl = acls.get(key, {"protected": False, "entries": []})
            own = key == _key(path)
            allowed |= {entry["user"] for entry in acl["entries"] if own or entry["inherit"] == _INHERIT}
            if acl["protected"] or "\\" not in key:
                return allowed
            key = key.rpartition("\\")[0]

    @staticmethod
    def _acl(state: dict[str, Any], path: str) -> dict[str, Any]:
        return dict(state["acls"].get(_key(path), {"owner": ADMINISTRATORS, "protected": False, "entries": []}))


def _store(name: str) -> str:
    return name.lower()


def _held(entry: dict[str, Any]) -> HeldCertificate:
    key = entry["key"]
    return HeldCertificate(
        der=base64.b64decode(entry["der"]),
        friendly_name=entry["friendly_name"],
        key=None if key is None else base64.b64decode(key),
        exportable=entry["exportable"],
        storage=entry["storage"],
    )


def _entry(user: str, rights: str) -> dict[str, str]:
    return {"user": user, "rights": rights, "type": "Allow", "inherit": _INHERIT, "propagation": "None"}


def _names(path: str) -> list[str]:
    drive, _colon, rest = path.replace("/", "\\").partition("\\")
    if drive.lower() != "c:":
        raise Fail(f"Cannot find drive. A drive with the name '{drive.rstrip(':')}' does not exist.")
    # Windows drops dots and spaces at the end of a name.
    return [name.rstrip(". ") for name in rest.split("\\") if name]


def _find(folder: Path, name: str) -> str | None:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return next((found for found in names if found.lower() == name.lower()), None)


def _key(path: str) -> str:
    return "\\".join(["c:", *_names(path)]).lower()
