# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /csrattrs (RFC 7030 section 4.5): which attributes a certificate request should have."""

from __future__ import annotations

import base64

from ..csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from ..encoding import text_form, with_transfer_encoding
from ..laboratory import Exchange, Lab
from ..problems import Refusal
from ..reply import Reply


def answer_csrattrs(lab: Lab, exchange: Exchange) -> Reply:
    """The attributes of `--csrattrs`, or the status that says there are none. Raises Refusal."""
    choice = lab.settings.csrattrs
    status = STATUS_CHOICES.get(choice)
    if status == 204:
        return Reply(204)
    if status is not None:
        raise Refusal(status, "this server has no CSR attributes")
    if choice.startswith(FILE_PREFIX):
        with open(choice[len(FILE_PREFIX) :], "rb") as stream:
            content = base64.b64decode(stream.read())
    else:
        content = PRESETS[choice]()
    reply = Reply(200, [("Content-Type", "application/csrattrs")], text_form(content, lab.settings.base64, "CSRATTRS"))
    return with_transfer_encoding(reply, lab.settings)
