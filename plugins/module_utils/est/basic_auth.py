# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Basic authentication with UTF-8 (RFC 7617), and what any HTTP authentication wants of credentials."""

from __future__ import annotations

import base64
import re
import unicodedata

from .errors import InputError
from .transport import Credentials

# Lone surrogates stand for bytes that were no UTF-8.
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"
_NOT_UTF8 = r"[\ud800-\udfff]"


def basic_authorization(credentials: Credentials) -> str:
    """The value of the ``Authorization`` header. It is a secret.

    An empty user name is allowed (RFC 7030 section 3.2.3). Text is brought to normalisation form C (RFC 7617, 2.1).

    :raises InputError: a colon in the user name, or control characters (RFC 7617 section 2). The password is not shown.
    """
    if ":" in credentials.username:
        raise InputError(
            f"username is {credentials.username!r}: HTTP Basic allows no colon in it (RFC 7617 section 2)",
            hint="Ask the administrator of the EST server for an account without a colon in its name.",
        )
    check_credentials(credentials)
    pair = unicodedata.normalize("NFC", f"{credentials.username}:{credentials.password}")
    return "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")


def check_credentials(credentials: Credentials) -> None:
    """Refuse what cannot be in a header.

    :raises InputError: control characters, or characters that are not Unicode. The password is not shown.
    """
    for option, text in (("username", credentials.username), ("password", credentials.password)):
        if re.search(_CONTROL, text):
            raise InputError(
                f"{option} has a control character, such as a line end; HTTP authentication allows none (RFC 7617 "
                "section 2)",
                hint=f"Remove the line end or control character from {option}.",
            )
        if re.search(_NOT_UTF8, text):
            raise InputError(f"{option} has characters that UTF-8 cannot hold", hint=f"Write {option} in UTF-8.")
