# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates ``est_certificates`` has seen to on a POSIX host: so a purge knows what is not declared any more.

They are noted in ``certificates.json`` in the folder of the template store, where only root, or the user of the tasks,
can write. It says where files may be that are ours; whether they are, the note beside each certificate says.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple, TypeVar, Union

from .._files.lock import locked
from .._files.reading import ReadableFolder, is_locked
from .._store.errors import NewerFormat, StoreError
from .._store.files import open_store, replace_file
from .._store.found import cannot, open_to_read, read_file
from .._store.parts import CERTIFICATES_NAME
from .._store.protection import is_protected
from .._value import Value
from .outputs import PKCS12_PATH
from .parameters import CertificateParameters

#: Of what is noted for a purge, here and on Windows hosts.
FORMAT_VERSION = 1
_KEY = "private_key_path"

_Noted = TypeVar("_Noted")


class Made(Value):
    """Where the files of a certificate are.

    :param certificate_path: its file, by which it is known.
    :param versioned: all of them are in a folder that is replaced as a whole.
    :param files: option and path of each other file that it has had, the private key among them.
    """

    certificate_path: str
    versioned: bool
    files: Tuple[Tuple[str, str], ...]

    @classmethod
    def of(cls, asked: CertificateParameters) -> Made:
        """Those of what is asked for."""
        others = {**asked.chain_files, **dict(zip((PKCS12_PATH,), asked.outputs.paths))}
        files = sorted((option, _plain(path)) for option, path in others.items())
        key = (_KEY, _plain(asked.private_key_path))
        return cls(_plain(asked.certificate_path), asked.versioned_folder, (key, *files))

    @classmethod
    def from_data(cls, data: Any) -> Made:
        """Read it back.

        :raises KeyError, TypeError, ValueError: it is something else.
        """
        path, versioned, files = data["certificate_path"], data["versioned_folder"], data["files"]
        found = tuple((option, name) for option, name in files)
        texts = [path, *(text for pair in found for text in pair)]
        if not isinstance(versioned, bool) or not all(isinstance(text, str) for text in texts):
            raise ValueError("has a value of another type")
        if not all(name.startswith("/") for name in (path, *(name for _option, name in found))):
            raise ValueError("has a path that is not absolute")
        return cls(path, versioned, found)

    def as_data(self) -> Dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "certificate_path": self.certificate_path,
            "versioned_folder": self.versioned,
            "files": [list(pair) for pair in self.files],
        }

    @property
    def paths(self) -> Tuple[str, ...]:
        """All paths, that of the certificate first."""
        return (self.certificate_path, *(path for _option, path in self.files))

    def with_files_of(self, before: Made) -> Made:
        """The same with the files that it has had before, which are still there."""
        if before.versioned != self.versioned:
            return self
        return self.replace(files=tuple(dict.fromkeys((*before.files, *self.files))))


def _plain(path: str) -> str:
    """A path, or a pattern of paths, as it is noted. POSIX lets two slashes at the beginning mean something else."""
    plain = posixpath.normpath(path)
    return plain[1:] if plain.startswith("//") else plain


def read_noted(text: Union[str, bytes], name: str, read: Callable[[Any], _Noted]) -> _Noted:
    """Read what is noted for a purge.

    :param name: of the file in the folder of the template store.
    :param read: makes something of the JSON data, or raises what the wrong shape gives.
    :raises StoreError: it is damaged, or of a newer version of this collection.
    """
    where = f"{name} in the folder of the template store"
    try:
        data: Any = json.loads(text)
        if data["format_version"] > FORMAT_VERSION:
            raise NewerFormat(
                f"{where} was written by a newer version of this collection; update the collection on the controller"
            )
        return read(data)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise StoreError(
            f"{where} has the wrong shape, so nobody knows which certificates are to be purged",
            code="damaged_store",
            hint="Move it away: what est_certificates sees to is noted anew, and nothing else is purged.",
        ) from None


class Record(Value):
    """All that is noted.

    :param made: by the path of the certificate.
    """

    made: Mapping[str, Made]

    @classmethod
    def from_text(cls, text: str) -> Record:
        """Read it back; an empty text is an empty record.

        :raises StoreError: it is damaged, or of a newer version of this collection.
        """
        if not text:
            return cls({})
        found = read_noted(
            text, CERTIFICATES_NAME, lambda data: [Made.from_data(each) for each in data["certificates"]]
        )
        return cls({each.certificate_path: each for each in found})

    def as_text(self) -> str:
        """The same as JSON."""
        entries = [self.made[path].as_data() for path in sorted(self.made)]
        return json.dumps({"format_version": FORMAT_VERSION, "certificates": entries}, indent=2, sort_keys=True) + "\n"

    def with_these(self, declared: Iterable[Made]) -> Record:
        """The same with these as well."""
        made = dict(self.made)
        for each in declared:
            before = made.get(each.certificate_path)
            made[each.certificate_path] = each if before is None else each.with_files_of(before)
        return Record(made)

    def without(self, paths: Iterable[str]) -> Record:
        """The same without the certificates at these paths."""
        gone = set(paths)
        return Record({path: each for path, each in self.made.items() if path not in gone})

    def undeclared(self, declared: Iterable[Made], keep: Sequence[str]) -> List[Made]:
        """Those that are not declared any more, in the order of their paths.

        :param keep: paths that are left alone; see ``is_protected()``.
        """
        there = {each.certificate_path for each in (*declared, *self.protected(keep))}
        return [self.made[path] for path in sorted(self.made) if path not in there]

    def protected(self, keep: Sequence[str]) -> List[Made]:
        """Those that are left alone.

        :param keep: their paths, spelled as the option was; see ``is_protected()``.
        """
        plain = [_plain(pattern) for pattern in keep]
        return [made for path, made in self.made.items() if is_protected(path, plain)]


def read_record(store: ReadableFolder) -> Record:
    """Read it.

    :param store: the folder of the store.
    :raises StoreError: it cannot be read, or is damaged.
    """
    found = read_file(store, CERTIFICATES_NAME)
    if found.problem:
        raise StoreError(f"{store.path_of(CERTIFICATES_NAME)} {found.problem}", code="damaged_store")
    return Record.from_text((found.content or b"").decode("utf-8", "replace"))


def known_record(store_path: str) -> Record:
    """Read that of a store, which need not be there.

    :raises StoreError: it cannot be read, or is damaged.
    """
    try:
        with open_to_read(store_path) as store:
            return read_record(store)
    except FileNotFoundError:
        return Record({})
    except OSError as error:
        raise StoreError(cannot("read", store_path, error), code="not_saved") from None


def update_record(
    store_path: str, declared: Iterable[Made] = (), gone: Iterable[str] = (), *, make: bool = True
) -> Record:
    """Note certificates, forget others, and return what is noted then.

    :param declared: those to note.
    :param gone: the paths of those to forget.
    :param make: make the folder of the store where there is none.
    :raises StoreError: that cannot be done, or the record is damaged.
    """
    try:
        with open_store(store_path, make=make) as store:
            # A look first: most runs find that all is noted, and a lock is a file.
            known = read_record(store)
            if known.with_these(declared).without(gone) == known and not is_locked(store):
                return known
            with locked(store):
                before = read_record(store)
                after = before.with_these(declared).without(gone)
                if after != before:
                    replace_file(store, CERTIFICATES_NAME, after.as_text().encode("utf-8"))
                return after
    except OSError as error:
        raise StoreError(cannot("write", store_path, error), code="not_saved") from None


def note_where_possible(store_path: str, declared: Iterable[Made]) -> None:
    """Note certificates in a store that is there, for a later purge, which itself says where that cannot be done."""
    with contextlib.suppress(StoreError):
        update_record(store_path, declared, make=False)
