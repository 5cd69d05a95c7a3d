# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server can ask of a certificate request, one small type for each kind of wish (RFC 7030 section 4.5.2)."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from .value import Value, not_shown

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"

#: The curves that a key can be made on, as ``keys.CURVES`` calls them.
CURVE_NAMES: Dict[str, str] = {
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
}
#: Key algorithms: the type as in ``keys.KEY_TYPES``, and the parameter set of those that have one (RFC 8410, RFC 9881).
KEY_ALGORITHMS: Dict[str, Tuple[str, Optional[int]]] = {
    RSA_ENCRYPTION: ("rsa", None),
    EC_PUBLIC_KEY: ("ec", None),
    "1.3.101.112": ("ed25519", None),
    "2.16.840.1.101.3.4.3.17": ("ml-dsa", 44),
    "2.16.840.1.101.3.4.3.18": ("ml-dsa", 65),
    "2.16.840.1.101.3.4.3.19": ("ml-dsa", 87),
}


class RequiredKey(Value):
    """A kind of key (RFC 9908 sections 3.2 and 3.4).

    :param algorithm: object identifier of the key's algorithm.
    :param curve: object identifier of the curve of an EC key; ``None`` for any.
    :param bits: length of an RSA modulus; ``None`` for any.
    """

    algorithm: str
    curve: Optional[str] = None
    bits: Optional[int] = None


class RequiredExtension(Value):
    """An X.509 extension (RFC 9908 sections 3.2 and 3.4).

    :param oid: dotted.
    :param critical: the flag as the server gives it; ``None`` where it gives none.
    :param value: the DER inside ``extnValue``; ``None`` where the client has to supply it.
    """

    oid: str
    critical: Optional[bool]
    value: Optional[bytes] = not_shown()


class RequiredSubjectAttribute(Value):
    """An attribute of the subject (RFC 9908 section 3.4).

    :param oid: dotted.
    :param value: the value to use, a string type in DER; ``None`` where the client has to fill it in.
    """

    oid: str
    value: Optional[bytes] = not_shown()


#: One RDN; nearly always of one attribute.
RequiredRdn = Tuple[RequiredSubjectAttribute, ...]


class RawAttribute(Value):
    """An element of the server's answer as it came: a bare object identifier, or an attribute with values.

    :param oid: dotted.
    :param values: each the DER of one value; empty for a bare object identifier.
    """

    oid: str
    values: Tuple[bytes, ...] = not_shown(default=())
