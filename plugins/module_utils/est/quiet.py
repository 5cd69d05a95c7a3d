# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what real certificate authorities issue without Python warnings.

cryptography warns where a certificate is odd (a country of three letters, a serial number that is not positive). Such
warnings are for developers; here an odd certificate is either used or refused with an :class:`~.errors.EstError`.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Iterator

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
