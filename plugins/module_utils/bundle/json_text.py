# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading JSON that may come from anybody: no duplicate keys, no numbers without end, no text that is no Unicode."""

from __future__ import annotations

import json
from typing import Any

# No number of a bundle has more digits, and no list or object is nested deeper.
_MAX_DIGITS = 18
_MAX_DEPTH = 16


def read_json(text: str) -> Any:
    """Return what a JSON text holds.

    :raises ValueError: when it is not JSON; the message says why, as a predicate, without any of the text's values.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
        _check_depth(data, _MAX_DEPTH)
        # A lone surrogate can be written in JSON, and neither be stored nor shown.
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        if text.strip() and error.pos >= len(text.rstrip()):
            raise ValueError("is cut short") from None
        raise ValueError(f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("holds text that is no Unicode (a lone surrogate)") from None
    return data


def _check_depth(data: Any, left: int) -> None:
    if not left:
        raise ValueError("is nested too deep")
    if isinstance(data, (dict, list)):
        for entry in data.values() if isinstance(data, dict) else data:
            if isinstance(entry, (dict, list)):
                _check_depth(entry, left - 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("names a key twice")
    return result


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("holds a number with too many digits")
    return int(digits)


def _constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is not JSON")
