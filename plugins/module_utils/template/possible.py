# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Can a text with variables be valid at all?

What a variable will hold is not known when a template is checked. So it is tried with stand-ins: a text is refused when
none of them makes it valid, as ``300.1.1.%x%`` can never be an IP address.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from ..names.errors import NameSyntaxError
from .variables import Part, fill_in, variables_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# With more variables than this there are too many combinations to try, and almost anything is possible.
_MOST_VARIABLES = 3


def check_possible(parts: Sequence[Part], stand_ins: Sequence[str], check: Callable[[str], None]) -> None:
    """Refuse a text that its check refuses whatever its variables hold; without variables, simply check it.

    :param stand_ins: values to try, the likeliest first.
    :param check: raises :class:`NameSyntaxError` for a text that is not valid.
    :raises NameSyntaxError: that of the check; one for a text with variables speaks of no stand-in.
    """
    names = variables_in(parts)
    if not names:
        check(fill_in(parts, {}))
        return
    if len(names) > _MOST_VARIABLES:
        return
    allowed = ""
    for values in product(stand_ins, repeat=len(names)):
        try:
            check(fill_in(parts, dict(zip(names, values))))
        except NameSyntaxError as exc:
            allowed = allowed or exc.allowed
        else:
            return
    raise NameSyntaxError("cannot be valid, whatever its variables hold", allowed=allowed)
