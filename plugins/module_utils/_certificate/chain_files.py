# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the chain of a certificate: what is to be in them, and what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, List, Optional

from ..est.base.errors import ParseError
from ..est.base.text import decode_body
from ..est.x509.certificate import load_certificate, pem, subject_text
from ..est.x509.client_certificate import certificate_blocks
from .holder import CHAIN_FILES
from .note import Chain

if TYPE_CHECKING:
    from cryptography import x509


def contents(certificate: x509.Certificate, chain: Optional[Chain]) -> Dict[str, Optional[str]]:
    """What is to be in the files of the chain; ``None`` where that is not known."""
    if chain is None:
        return dict.fromkeys(CHAIN_FILES)
    return {
        "fullchain_path": pem(certificate) + chain.intermediates,
        "chain_path": chain.intermediates,
        "root_certificate_path": chain.root or None,
    }


def readable_certificates(texts: Iterable[str]) -> List[x509.Certificate]:
    """All certificates in texts that can be read."""
    found: Dict[x509.Certificate, None] = {}
    for block in (block for text in texts for block in certificate_blocks(text)):
        try:
            found.setdefault(load_certificate(_der(block)))
        except ParseError:
            continue
    return list(found)


def same_certificates(text: str, other: str) -> bool:
    """Whether two texts have the same certificates in the same order, whatever else is in them."""
    one, two = ([*map(_der, certificate_blocks(each))] for each in (text, other))
    return one == two


def _der(block: str) -> bytes:
    """The octets of a PEM block; none where it cannot be read."""
    try:
        return decode_body(block.encode("ascii", "replace"))
    except ParseError:
        return b""


def subjects(path: str, text: Optional[str]) -> str:
    """What is in a file of certificates, in lines for people."""
    if text is None:
        return ""
    found = [f"{path}: {subject_text(certificate)}" for certificate in readable_certificates([text])]
    return "\n".join(found or [f"{path}: no certificate"])
