# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""E-mail addresses: the addr-spec of RFC 5322 section 3.4.1 in the ASCII subset that certificates hold (rfc822Name)."""

from __future__ import annotations

import re

from .errors import NameSyntaxError
from .host_names import check_host_name
from .text import quote

# dot-atom only: a quoted local part is legal, but no directory and no certificate authority deals in it.
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z"


def check_email_address(text: str) -> None:
    """Refuse a text that is no e-mail address.

    :raises NameSyntaxError: with what is wrong.
    """
    allowed = "local-part@domain"
    local, at, domain = text.rpartition("@")
    if not at:
        raise NameSyntaxError("has no '@'", allowed=allowed)
    if not local or not domain:
        raise NameSyntaxError("has nothing on one side of the '@'", allowed=allowed)
    if not local.isascii():
        raise NameSyntaxError(
            "has letters outside ASCII before the '@'",
            allowed="ASCII: an rfc822Name holds no other (RFC 5280), and few certificate authorities know the"
            " SmtpUTF8Mailbox of RFC 8398, which does",
        )
    if "@" in local:
        raise NameSyntaxError("has more than one '@'", allowed=allowed)
    if len(local) > 64:
        raise NameSyntaxError(f"has {len(local)} characters before the '@'", allowed="at most 64")
    if not re.match(_LOCAL_PART, local):
        raise NameSyntaxError(
            f"has {quote(local)} before the '@', which is no local part",
            allowed="letters, digits and !#$%&'*+/=?^_`{|}~-, with single dots between them",
        )
    check_host_name(domain, before=f"{local}@")
