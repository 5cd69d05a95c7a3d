# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server was told to do: the flags of the command line in typed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Settings:
    """Every behaviour of the server. `cli` documents each flag; the field names are the flags' names."""

    # where and who
    bind: str
    port: int
    host_names: tuple[str, ...]
    username: str
    labels: tuple[str, ...]
    # who may do what
    authentication: tuple[str, ...]
    realm: str
    qop: str
    nonce_uses: int
    one_header: bool
    www_authenticate: bool
    close_after_401: bool
    credentials: str
    reenroll_credentials: str
    authenticate_csrattrs: bool
    # certificate authority
    key_type: str
    intermediate: bool
    profile: str
    valid_days: int
    rollover: Optional[str]
    rollover_server: str
    manual_approval: int
    retry_after: str
    pending_body: str
    csrattrs: str
    # serverkeygen
    serverkeygen: str
    key_recipient: str
    key_content: str
    key_cipher: str
    key_transport: str
    multipart: tuple[str, ...]
    # wire shapes
    base64: str
    transfer: str
    ber: bool
    order: Optional[str]
    extra_chain: bool
    answer: str
    with_crl: bool
    with_content: bool
    status: int
    content_type: Optional[str]
    content_transfer_encoding: str
    errors: str
    cmc_fail_info: Optional[str]
    # checks of requests
    strict: bool
    require_wrapped_base64: bool
    require_one_line_base64: int
    require_content_transfer_encoding: bool
    pop: str
    pop_status: int
    # TLS
    tls_min: str
    tls_max: str
    client_certificates: str
    client_authorities: tuple[str, ...]
    # instead of answers
    redirects: tuple[str, ...]
