# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the chain of a certificate: what is to be in them, and what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, List, Optional

from .._names.pem import read_blocks
from ..est.base.errors import InputError
from ..est.x509.bundle import read_bundle
from ..est.x509.certificate import pem, subject_text
from .holder import CHAIN_FILES
from .note import Chain

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate


def contents(certificate: Certificate, chain: Optional[Chain]) -> Dict[str, Optional[str]]:
    """What is to be in the files of the chain; ``None`` where that is not known."""
    if chain is None:
        return dict.fromkeys(CHAIN_FILES)
    return {
        "fullchain_path": pem(certificate) + chain.intermediates,
        "chain_path": chain.intermediates,
        "root_certificate_path": chain.root or None,
    }


def readable_certificates(texts: Iterable[str]) -> List[Certificate]:
    """All certificates in texts that can be read."""
    found: Dict[Certificate, None] = {}
    for text in texts:
        try:
            found.update(dict.fromkeys(read_bundle(text.encode("latin-1", "replace")).certificates))
        except InputError:
            continue
    return list(found)


def same_certificates(text: str, other: str) -> bool:
    """Whether two texts have the same certificates in the same order, whatever else is in them."""
    one, two = ([block for block in read_blocks(each) if block.is_certificate] for each in (text, other))
    return one == two


def subjects(path: str, text: Optional[str]) -> str:
    """What is in a file of certificates, in lines for people."""
    if text is None:
        return ""
    found = [f"{path}: {subject_text(certificate)}" for certificate in readable_certificates([text])]
    return "\n".join(found or [f"{path}: no certificate"])
