# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certs-only CMC Simple PKI Response (RFC 5272 section 4.1): a CMS SignedData without signers.

Written by hand because the libraries write it in one shape only, while real servers have many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from . import der

_DATA = "1.2.840.113549.1.7.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"


def certs_only(
    certificates: Sequence[bytes],
    ber: bool = False,
    revocation_lists: Sequence[bytes] = (),
    content: Optional[bytes] = None,
) -> bytes:
    """The message with DER certificates in the order given.

    With `ber` the outer elements have indefinite lengths. `content` is signed content that should not be there.
    """
    return signed_data(
        _DATA,
        content,
        b"".join(certificates),
        revocation_lists=b"".join(revocation_lists),
        ber=ber,
    )


def signed_data(
    content_type: str,
    content: Optional[bytes],
    certificates: bytes = b"",
    revocation_lists: bytes = b"",
    ber: bool = False,
) -> bytes:
    """A ContentInfo (RFC 5652 section 3) with a SignedData (section 5.1) that nobody signed."""
    wrap = der.indefinite if ber else der.tlv
    encapsulated = der.oid(content_type)
    if content is not None:
        encapsulated += wrap(der.context(0), der.octet_string(content))
    parts = der.integer(1) + der.set_of() + wrap(der.SEQUENCE, encapsulated)
    if certificates:
        parts += wrap(der.context(0), certificates)
    if revocation_lists:
        parts += wrap(der.context(1), revocation_lists)
    parts += der.set_of()
    return wrap(der.SEQUENCE, der.oid(_SIGNED_DATA) + wrap(der.context(0), wrap(der.SEQUENCE, parts)))


def in_order(certificates: Sequence[bytes], order: Optional[str]) -> list[bytes]:
    """DER certificates, the leaf first, in the order that the bag shall have.

    `sorted` is the order of a DER SET OF (X.690 section 11.6). `unsorted` is never that order (when there are two or
    more) and, with three or more, never has the leaf first. None puts the leaf last, as servers do that begin with
    the root.
    """
    ascending = sorted(certificates)
    if order == "sorted":
        return ascending
    if order is None:
        return list(reversed(certificates))
    descending = ascending[::-1]
    if len(descending) > 2 and descending[0] == certificates[0]:
        descending[0], descending[1] = descending[1], descending[0]
    return descending
