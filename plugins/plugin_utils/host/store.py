# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template store of a host: one round trip a call.

It is written through the private module ``est_store_file``, or on Windows its twin. It is read by a quick look, and
through the module where that gives no answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import (
    Observed,
    TemplateStore,
    Write,
    Written,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.look import nothing_found, with_masked_key
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import KEY_OCTETS

from ..base.host_answer import UnusableAnswer, check_shape

#: The private module; see ``ControllerAction.private_module()``.
NAME = "est_store_file"


def _shape_of(example: Any) -> Any:
    """Return the shape of a value in a reading, for ``check_shape()``."""
    if example is None:
        return (str, type(None))
    return [str] if isinstance(example, list) else type(example)


#: The shape of what a look at the store tells, whether by the module or by the quick look.
READING = {name: _shape_of(example) for name, example in with_masked_key(nothing_found(), None, None).items()}

#: Runs a module on the host: name, arguments -> result. Raises when the module fails.
Execute = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
#: Looks at the store: its folder, a pad for its key -> what the module would find, or None; see ``QuickLook.look()``.
Look = Callable[[str, Optional[bytes]], Optional[Mapping[str, Any]]]


class HostStore(TemplateStore):
    """The store in one folder of a host.

    :param module: the twin of ``NAME`` for the host.
    :param execute: runs a module on the host.
    :param store_path: the folder.
    :param look: the quick look.
    :param key_with_document: whether that tells the key.
    """

    def __init__(
        self, module: str, execute: Execute, store_path: str, look: Look, *, key_with_document: bool = True
    ) -> None:
        self.key_with_document = key_with_document
        self._module = module
        self._execute = execute
        self._store_path = store_path
        self._look = look

    def read(self, *, want_key: bool) -> Observed:
        """See ``TemplateStore.read()``."""
        # The key comes back XORed with this: a verbose connection prints what a host answers, not what it is told.
        pad = os.urandom(KEY_OCTETS) if want_key else None
        found = self._look(self._store_path, pad)
        if found is None:
            arguments = {"operation": "read", "store_path": self._store_path}
            if pad is not None:
                arguments["key_pad"] = pad.hex()
            found = self._execute(self._module, arguments)
        masked = check_reading(found)
        return Observed(
            store_path=self._store_path,
            exists=found["exists"],
            content=found["content"],
            sha256=found["sha256"],
            damage=found["damage"],
            drift=tuple(found["drift"]),
            key_fingerprint=found["key_fingerprint"],
            key_damage=found["key_damage"],
            key=mask(masked, pad) if masked and pad is not None else None,
            folder_mode=found["folder_mode"],
            document_mode=found["document_mode"],
            owner=found["owner"],
            last_tests=found["last_tests"],
            kept_documents=tuple(found["kept_documents"]),
        )

    def new_key(self, replaced_key: str) -> bytes | None:
        """See ``TemplateStore.new_key()``. The key comes back as in ``read()``."""
        pad = os.urandom(KEY_OCTETS)
        arguments = {
            "operation": "make_key",
            "store_path": self._store_path,
            "key_pad": pad.hex(),
            "replaced_key": replaced_key,
        }
        made = self._execute(self._module, arguments)
        check_shape(made, {"masked_key": str}, NAME)
        masked = _masked_key(made)
        return mask(masked, pad) if masked else None

    def write(self, change: Write) -> Written:
        """See ``TemplateStore.write()``."""
        arguments: dict[str, Any] = {
            "operation": "write",
            "store_path": self._store_path,
            "content": change.content,
            "expected_sha256": change.expected_sha256,
            "expected_key": change.key_fingerprint,
            "use_new_key": change.use_new_key,
            "replaced_key": change.replaced_key,
            "keep_old": change.keep_old,
        }
        written = self._execute(self._module, arguments)
        check_shape(written, {"conflict": bool, "kept": str}, NAME)
        return Written(conflict=written["conflict"], kept=written["kept"])


def check_reading(found: Mapping[str, Any]) -> bytes:
    """Check what was told of a store, and return its masked key, or nothing.

    :raises UnusableAnswer: it is something else.
    """
    check_shape(found, READING, NAME)
    return _masked_key(found)


def _masked_key(answer: Mapping[str, Any]) -> bytes:
    try:
        octets = bytes.fromhex(answer["masked_key"])
    except ValueError:
        octets = b"?"
    if len(octets) not in (0, KEY_OCTETS):
        raise UnusableAnswer(f"{NAME} on the host answered with something else than a key for masked_key")
    return octets
