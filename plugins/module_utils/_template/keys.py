# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that a template asks for, and when its certificate is renewed."""

from __future__ import annotations

from .errors import TemplateError, closest, show

#: The bits of an RSA key, the default first.
RSA_SIZES = (2048, 3072, 4096)

#: The curves of an EC key (NIST's names), the default first.
KEY_CURVES = ("P-256", "P-384", "P-521")

LONGEST_RENEWAL_PERIOD = 365

_CURVES_BY_OTHER_NAME: dict[str, str] = {
    "p256": "P-256",
    "secp256r1": "P-256",
    "prime256v1": "P-256",
    "nistp256": "P-256",
    "p384": "P-384",
    "secp384r1": "P-384",
    "nistp384": "P-384",
    "p521": "P-521",
    "secp521r1": "P-521",
    "nistp521": "P-521",
}


def read_key(key_type: str, key_size: int | None, key_curve: str | None) -> tuple[int | None, str | None]:
    """Return the size and the curve of a key of a type, each None where the type has none.

    A curve may be given by another of its names, such as ``secp256r1`` or ``prime256v1``.

    :raises TemplateError: for a size or curve that the type does not have.
    """
    if key_size is not None and key_type != "rsa":
        raise TemplateError(
            "key_size",
            f"is given, and a key of type {key_type} has no size",
            value=show(key_size),
            allowed="key_curve" if key_type == "ec" else "no key_size",
        )
    if key_curve is not None and key_type != "ec":
        raise TemplateError(
            "key_curve",
            f"is given, and a key of type {key_type} has no curve to choose",
            value=show(key_curve),
            allowed="key_type: ec, or no key_curve",
        )
    if key_type == "rsa":
        return _read_size(key_size), None
    return None, _read_curve(key_curve) if key_type == "ec" else None


def check_renewal_period(days: int) -> None:
    """Refuse a renewal period that is not 1 to 365 days before the end of a certificate.

    :raises TemplateError: with the number.
    """
    if not 1 <= days <= LONGEST_RENEWAL_PERIOD:
        raise TemplateError(
            "renewal_period_days", "is out of range", value=show(days), allowed=f"1 to {LONGEST_RENEWAL_PERIOD} days"
        )


def _read_size(size: int | None) -> int:
    if size is None:
        return RSA_SIZES[0]
    if size not in RSA_SIZES:
        raise TemplateError(
            "key_size",
            "is not a key size of rsa",
            value=show(size),
            allowed=", ".join(str(known) for known in RSA_SIZES),
        )
    return size


def _read_curve(curve: str | None) -> str:
    if curve is None:
        return KEY_CURVES[0]
    if curve in KEY_CURVES:
        return curve
    known = _CURVES_BY_OTHER_NAME.get(curve.lower().replace("-", "").replace("_", "").replace(" ", ""))
    if known is None:
        raise TemplateError(
            "key_curve",
            "is not a key curve",
            value=show(curve),
            allowed=", ".join(KEY_CURVES),
            suggestion=closest(curve, KEY_CURVES),
        )
    return known
