# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as they are encoded: Name and GeneralNames (RFC 5280 sections 4.1.2.4 and 4.2.1.6) in DER.

cryptography before version 37 cannot write GeneralNames on their own, which a request needs that is put together here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from ..names.attributes import Subject
from ..names.general_names import GeneralName
from .der_writer import encode, encode_oid
from .x509_names import build_general_names, build_name

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass

if TYPE_CHECKING:
    from typing import Any

# The context tags of GeneralName; directoryName is explicit, as Name is a CHOICE.
_OTHER_NAME, _EMAIL, _DNS, _DIRECTORY_NAME, _URI, _IP, _REGISTERED_ID = 0xA0, 0x81, 0x82, 0xA4, 0x86, 0x87, 0x88


def encode_name(subject: Subject) -> bytes:
    """The Name of a subject, one RDN for each attribute.

    :raises InputError: a value that its attribute cannot hold.
    """
    return build_name(subject).public_bytes()


def encode_general_names(names: Sequence[GeneralName]) -> bytes:
    """The GeneralNames of a subject alternative name, in the given order.

    :raises InputError: an unknown type, or a value that its type cannot hold.
    """
    return encode(0x30, *(_general_name(name) for name in build_general_names(names)))


def encode_general_name(name: GeneralName) -> bytes:
    """One GeneralName. Raises what :func:`encode_general_names` raises."""
    return _general_name(next(iter(build_general_names((name,)))))


def _general_name(name: Any) -> bytes:
    if isinstance(name, x509.OtherName):
        return encode(_OTHER_NAME, encode_oid(name.type_id.dotted_string), encode(0xA0, name.value))
    if isinstance(name, x509.DirectoryName):
        return encode(_DIRECTORY_NAME, name.value.public_bytes())
    if isinstance(name, x509.IPAddress):
        address: Any = name.value  # never a network, which only name constraints have
        return encode(_IP, address.packed)
    if isinstance(name, x509.RegisteredID):
        # An implicit tag in place of the one of OBJECT IDENTIFIER.
        return bytes([_REGISTERED_ID]) + encode_oid(name.value.dotted_string)[1:]
    tag = _EMAIL if isinstance(name, x509.RFC822Name) else _DNS if isinstance(name, x509.DNSName) else _URI
    return encode(tag, name.value.encode("ascii"))
