# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted beside a certificate in a file: what it was issued for, its chain, and why the last one was refused."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Tuple

from .._names.pem import pem_text, read_blocks
from .._value import Value, field
from ..est.x509.certificate import pem
from ..est.x509.path import is_self_signed
from .judge import Refusal

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate

_FORMAT_VERSION = 1


class Chain(Value):
    """The CA certificates above a certificate, PEM.

    :param intermediates: from its issuer upwards, without the root; empty where the root is the issuer.
    :param root: empty where it is not known.
    """

    intermediates: str = ""
    root: str = ""

    @classmethod
    def of(cls, chain: Sequence[Certificate]) -> Chain:
        """The texts of a chain, from the issuer upwards."""
        texts = ["", ""]
        for certificate in chain:
            texts[is_self_signed(certificate)] += pem(certificate)
        return cls(*texts)


class Issued(Value):
    """What is noted of one certificate.

    :param digest: of what was asked for; see ``asked_digest()``. Empty where somebody else asked for it.
    :param chain: ``None`` where it is not known.
    :param key_sha256: of the key that was put beside it; see ``without_key()``. Empty where somebody else did that.
    :param key_of_others: whether that key was there before, so that it is not this module's to remove.
    :param sealed: of the files that a passphrase encrypts; see ``sealed.py``.
    :param about: what ``est_certificate_info`` tells: ``template``, ``renewal_period_days``, ``renewal_spread``,
        ``lost`` and ``private_key_path``, as they were when it was issued. It decides nothing.
    """

    digest: str = ""
    chain: Optional[Chain] = None
    key_sha256: str = ""
    key_of_others: bool = False
    sealed: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_data(cls, data: Any) -> Optional[Issued]:
        """Read it back; ``None`` where it is something else, or damaged."""
        if not isinstance(data, dict) or not isinstance(data.get("digest"), str):
            return None
        intermediates, root = data.get("intermediates"), data.get("root")
        known = _is_pem(intermediates) and _is_pem(root)
        key = data.get("key_sha256")
        chain = Chain(str(intermediates), str(root)) if known else None
        sealed = data.get("sealed")
        texts = sealed.items() if isinstance(sealed, dict) else ()
        kept = {name: text for name, text in texts if isinstance(text, str)}
        key_sha256, key_of_others = key if isinstance(key, str) else "", data.get("key_of_others") is True
        return cls(data["digest"], chain, key_sha256, key_of_others, kept, _about(data.get("about")))

    def as_data(self) -> Dict[str, Any]:
        """The same as plain JSON data."""
        chain = self.chain
        return {
            "digest": self.digest,
            **({} if chain is None else {"intermediates": chain.intermediates, "root": chain.root}),
            **({"key_sha256": self.key_sha256} if self.key_sha256 else {}),
            **({"key_of_others": True} if self.key_of_others else {}),
            **({"sealed": dict(self.sealed)} if self.sealed else {}),
            **({"about": dict(self.about)} if self.about else {}),
        }


class Note(Value):
    """All that is noted.

    :param issued: of certificates, by their fingerprint: the one that is there, and the one that is to take its place.
    :param files: the paths of the files of the chain that were written, so that what is in them now is not somebody's.
    :param refused: why the last certificate was refused.
    :param reload: services that have not been told of the last change yet.
    """

    issued: Mapping[str, Issued] = field(default_factory=dict)
    files: Tuple[str, ...] = ()
    refused: Optional[Refusal] = None
    reload: Tuple[str, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Note:
        """Read it back. What is damaged, or something else, counts as not noted."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(data, dict):
            return cls()
        issued, files = data.get("issued"), data.get("files")
        found = {key: Issued.from_data(value) for key, value in issued.items()} if isinstance(issued, dict) else {}
        return cls(
            {key: value for key, value in found.items() if value is not None},
            _texts(files),
            Refusal.from_data(data.get("refused")),
            _texts(data.get("reload")),
        )

    def as_data(self) -> Dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "format_version": _FORMAT_VERSION,
            "issued": {key: value.as_data() for key, value in self.issued.items()},
            **({"files": list(self.files)} if self.files else {}),
            **({"refused": self.refused.as_data()} if self.refused is not None else {}),
            **({"reload": list(self.reload)} if self.reload else {}),
        }


def _about(data: Any) -> Dict[str, Any]:
    """What is told of a certificate; what has another type than it was noted with is left out."""
    if not isinstance(data, dict):
        return {}
    kinds = {"template": str, "private_key_path": str, "renewal_period_days": int, "renewal_spread": int}
    found = {name: data[name] for name, kind in kinds.items() if isinstance(data.get(name), kind)}
    lost = data.get("lost")
    return {**found, **({"lost": list(_texts(lost))} if isinstance(lost, list) else {})}


def _texts(data: Any) -> Tuple[str, ...]:
    return tuple(text for text in data if isinstance(text, str)) if isinstance(data, list) else ()


def _is_pem(text: Any) -> bool:
    """Whether it is a text that ``pem()`` has made."""
    return isinstance(text, str) and _is_plain_pem(text)


@functools.lru_cache(maxsize=16)  # the certificates of a host have few CAs
def _is_plain_pem(text: str) -> bool:
    return text == "".join(pem_text(block.content) for block in read_blocks(text))
