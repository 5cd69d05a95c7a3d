# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is where a bundle is to be written: an older bundle, one that cannot be opened, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .content import Content
from .envelope import parse_envelope
from .errors import DamagedBundle, NewerBundle, NotABundle, UnusableTemplate, WrongPassphrase
from .file import find_file
from .sealing import read_bundle


@dataclass(frozen=True)
class Existing:
    """What was found.

    :param facts: what is told of it: ``sealed``, ``secrets`` and ``mode`` of a bundle, ``state`` where it cannot be
        opened. Empty where nothing is.
    :param content: the templates of a bundle that can be opened, or None.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    content: Content | None = None


def describe(*, sealed: bool, secrets: bool, mode: str) -> dict[str, Any]:
    """Return the facts of a bundle."""
    return {"sealed": sealed, "secrets": secrets, "mode": mode}


def read_existing(path: str, passphrase: str | None) -> Existing:
    """Read what a new bundle will replace.

    :param path: where the new bundle is to be written.
    :param passphrase: the passphrase of the new bundle, or None.
    :raises FileError: when no bundle can be written there.
    :raises NotABundle: when something else is there, which is not to be overwritten.
    :raises NewerBundle: when a newer version of this collection wrote what is there.
    :raises LibraryMissing: when it is sealed and cannot be opened here.
    """
    found = find_file(path)
    if found is None:
        return Existing()
    if not found.octets:
        return Existing({"state": "empty"})  # as ansible.builtin.tempfile makes it
    try:
        envelope = parse_envelope(found.octets)
        facts = describe(sealed=envelope.sealing is not None, secrets=envelope.secrets, mode=found.mode)
        if (envelope.sealing is None) != (passphrase is None):
            return Existing(facts)
        return Existing(facts, read_bundle(found.octets, passphrase))
    except (NotABundle, NewerBundle) as error:
        raise type(error)(f"{error}. It is left as it is: remove it, or name another dest") from None
    except (DamagedBundle, UnusableTemplate):
        return Existing({"state": "damaged"})
    except WrongPassphrase:
        return Existing({"state": "sealed with another passphrase"})
