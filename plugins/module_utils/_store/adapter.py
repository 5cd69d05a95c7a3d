# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store needs of a platform: read the document with its surroundings, and write it if it is unchanged.

``TemplateStore`` is all that differs between platforms, and where another store can be added.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from .._value import Value, field


class Observed(Value):
    """What was found on a host.

    :param store_path: the folder of the store.
    :param exists: whether something is in the document's place.
    :param content: the document's text, or None where there is none or it is not text.
    :param sha256: hex digest of what was read; an empty string where there is none.
    :param damage: why what is in the document's place cannot be a document ("is a folder"), or an empty string.
    :param drift: what is wrong with modes and owners, or access lists, in words; writing puts it right.
    :param key_fingerprint: the fingerprint of a usable sealing key, or an empty string.
    :param key_damage: why the sealing key cannot be used ("is empty"), or an empty string.
    :param key: the sealing key, where it was asked for and is usable.
    :param folder_mode: permissions of the folder such as ``0700``, or an empty string.
    :param document_mode: permissions of the document such as ``0600``, or an empty string.
    :param owner: the owner of the document (of the folder, where there is no document), or an empty string.
    :param last_tests: the text of the file of ``last_tests.py``, or an empty string where there is none.
    :param kept_documents: paths of older documents that were damaged or edited by hand and lie beside the document.
    """

    store_path: str
    exists: bool = False
    content: str | None = None
    sha256: str = ""
    damage: str = ""
    drift: tuple[str, ...] = ()
    key_fingerprint: str = ""
    key_damage: str = ""
    key: bytes | None = field(default=None, repr=False)
    folder_mode: str = ""
    document_mode: str = ""
    owner: str = ""
    last_tests: str = ""
    kept_documents: tuple[str, ...] = ()


class Write(Value):
    """A document to be written, if the one that was read is still there.

    :param content: the new document.
    :param expected_sha256: ``Observed.sha256`` of the reading that this was planned from.
    :param key_fingerprint: the key that the document was sealed with has to be the one on the host; empty: any.
    :param use_new_key: it was sealed with the key of ``TemplateStore.new_key()``, which comes into force with it.
    :param replaced_key: ``Observed.key_fingerprint`` of that reading, for a new key.
    :param keep_old: keep the old document beside the new one, under another name.
    """

    content: str
    expected_sha256: str
    key_fingerprint: str = ""
    use_new_key: bool = False
    replaced_key: str = ""
    keep_old: bool = False


class Written(Value):
    """The outcome of a write.

    :param conflict: the document or the key is no longer the one that was read, and nothing was written.
    :param kept: the path under which the old document was kept, or an empty string.
    """

    conflict: bool = False
    kept: str = ""


class TemplateStore(ABC):
    """A template store on one host.

    :ivar key_with_document: whether the sealing key comes at no cost with the document. Where it does not, it is only
        asked for when something has to be sealed.
    """

    key_with_document: bool = True

    @abstractmethod
    def read(self, *, want_key: bool) -> Observed:
        """Read the store, in one round trip.

        :param want_key: fetch the sealing key as well, to compare secrets with it, and to seal them.
        :raises StoreError: when the store cannot be read.
        """

    @abstractmethod
    def new_key(self, replaced_key: str) -> bytes | None:
        """Have the host make a new sealing key, which comes into force with the next write that uses it.

        :param replaced_key: ``Observed.key_fingerprint`` of the reading that this was planned from.
        :returns: the new key, or None where another key is in force by now.
        :raises StoreError: when it cannot be made.
        """

    @abstractmethod
    def write(self, change: Write) -> Written:
        """Write a document whole and atomically, and put modes, owners and access lists right, in one round trip.

        :raises StoreError: when it cannot be written; the old document is still there then.
        """
