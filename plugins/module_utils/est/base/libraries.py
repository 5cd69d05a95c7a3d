# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python libraries that the EST client needs besides the standard library: are they there, and new enough?"""

from __future__ import annotations

import contextlib
import importlib
import re
import ssl
import sys
import warnings
from typing import Dict, Iterator, Optional, Tuple, Type

from .errors import MissingLibrary

try:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
except ImportError:  # reported by require_libraries()
    _OF_CRYPTOGRAPHY: Tuple[Type[Exception], ...] = ()
else:
    _OF_CRYPTOGRAPHY = (InternalError, UnsupportedAlgorithm)

#: What cryptography can raise for a key, a signature or a certificate that it does not take: it differs between its
#: versions. This is the one list of them.
READ_ERRORS: Tuple[Type[Exception], ...] = (
    ValueError,
    TypeError,
    OverflowError,
    AssertionError,
    NotImplementedError,
    *_OF_CRYPTOGRAPHY,
)

#: The oldest versions that the client is tested with.
MINIMUM_VERSIONS = {"requests": "2.25", "cryptography": "3.4.8"}


def require_libraries(*names: str) -> None:
    """Check that libraries are installed and not too old.

    Cheap where they are loaded already, as they are once any other module of this package has been imported.

    :param names: which of ``MINIMUM_VERSIONS``; all of them where none is given.
    :raises MissingLibrary: names the library, the oldest version that will do, and how to install it.
    """
    for name in names or tuple(MINIMUM_VERSIONS):
        minimum = MINIMUM_VERSIONS[name]
        version, trouble = _find(name)
        if version is None:
            raise _missing(name, f"is not usable ({trouble})")
        if _numbers(version) < _numbers(minimum):
            raise _missing(name, f"is too old ({version})")


def versions() -> Dict[str, Optional[str]]:
    """The versions that matter for diagnostics; ``None`` for a library that is not installed."""
    found: Dict[str, Optional[str]] = {"python": sys.version.split()[0], "openssl": ssl.OPENSSL_VERSION}
    for name in (*MINIMUM_VERSIONS, "urllib3"):
        found[name] = _find(name)[0]
    return found


def _find(name: str) -> Tuple[Optional[str], str]:
    """The version of a library, or ``None`` and why it cannot be imported."""
    try:
        return str(importlib.import_module(name).__version__), ""
    except ImportError as error:
        return None, str(error)


def _numbers(version: str) -> Tuple[int, ...]:
    """``"3.4.8"`` as ``(3, 4, 8)``; what follows the leading numbers (``rc1``, ``.dev0``) does not count."""
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in leading.group().split(".")) if leading else ()


def _missing(name: str, trouble: str) -> MissingLibrary:
    minimum = MINIMUM_VERSIONS[name]
    return MissingLibrary(
        f"the Python library {name} {trouble}; version {minimum} or newer is needed",
        hint=f"Install the package python3-{name} of the operating system, or pip install '{name}>={minimum}'.",
        values={"name": name, "minimum": minimum},
    )


# ----------------------------------------------------------------------------------------------------------------------
# Reading what real certificate authorities issue, without Python warnings.
#
# cryptography warns where a certificate is odd (a country of three letters, a serial number that is not positive). Such
# warnings are for developers; here an odd certificate is either used or refused with an ``EstError``.

# What simplefilter("ignore") puts first.
_IGNORE_ALL = ("ignore", None, Warning, None, 0)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Suppress every Python warning inside the ``with`` block. A block within another one costs next to nothing."""
    if warnings.filters[:1] == [_IGNORE_ALL]:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
