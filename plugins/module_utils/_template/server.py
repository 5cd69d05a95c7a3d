# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which EST server a template asks, through which proxy, and how it authenticates there."""

from __future__ import annotations

from .._names.errors import find_unprintable
from .._names.server_address import ALLOWED, AddressError, ServerAddress, read_proxy_address, read_server_address
from .errors import TemplateError, show
from .names import check_path

# ----------------------------------------------------------------------------------------------------------------------
# How a template authenticates to the EST server: HTTP Basic, a TLS client certificate, or both.


# ub-challenge-password of PKCS #9, as RFC 7030 section 3.5 has it.
_LONGEST_CHALLENGE = 255


def check_password_given(username: str | None, password: str | None) -> None:
    """Refuse a user name without a password, and a password without a user name (which may be empty).

    :raises TemplateError: naming the option that is missing. The password is never shown.
    """
    if username is not None and password is None:
        raise TemplateError("password", "is missing, and username is given", allowed="both, or neither of them")
    if password is not None and username is None:
        raise TemplateError(
            "username",
            "is missing, and password is given",
            allowed="both; username: '' for a server that knows no user names",
        )


def check_basic(username: str | None, password: str | None) -> None:
    """Refuse what HTTP Basic cannot carry (RFC 7617 section 2): control characters, a colon in the user name.

    :raises TemplateError: naming the option. The password is never shown.
    """
    if username:
        unprintable = find_unprintable(username)
        if unprintable:
            raise TemplateError("username", f"has a control character ({unprintable}) in it", value=show(username))
        if ":" in username:
            raise TemplateError(
                "username", "has a colon in it, which HTTP Basic cannot carry (RFC 7617)", value=show(username)
            )
    _check_secret("password", password)


def check_client_certificate(certificate_path: str | None, key_path: str | None, passphrase: str | None) -> None:
    """Refuse half a TLS client certificate, a path that is not absolute, and a passphrase for no key.

    :raises TemplateError: naming the option. The passphrase is never shown.
    """
    if certificate_path is not None:
        check_path("client_certificate_path", certificate_path)
    if key_path is not None:
        check_path("client_key_path", key_path)
    if certificate_path is not None and key_path is None:
        raise TemplateError(
            "client_key_path", "is missing, and client_certificate_path is given", allowed="both, or neither"
        )
    if key_path is not None and certificate_path is None:
        raise TemplateError(
            "client_certificate_path", "is missing, and client_key_path is given", allowed="both, or neither"
        )
    if passphrase is not None and key_path is None:
        raise TemplateError(
            "client_key_passphrase", "is given, and client_key_path is not", allowed="with client_key_path only"
        )
    _check_secret("client_key_passphrase", passphrase)


def check_challenge_password(code: str | None) -> None:
    """Refuse an enrolment code that no certificate request can hold (RFC 7030 section 3.5).

    :raises TemplateError: it is longer, or has a control character. It is never shown.
    """
    _check_secret("challenge_password", code)
    size = len(code.encode("utf-8")) if code else 0
    if size > _LONGEST_CHALLENGE:
        raise TemplateError(
            "challenge_password", f"has {size} bytes in UTF-8", allowed=f"1 to {_LONGEST_CHALLENGE} bytes"
        )


def _check_secret(option: str, secret: str | None) -> None:
    unprintable = find_unprintable(secret) if secret else ""
    if unprintable in ("U+000A", "U+000D"):
        raise TemplateError(
            option,
            "has a line end in it",
            allowed="one line without control characters; | trim helps for a value read from a file",
        )
    if unprintable:
        raise TemplateError(option, f"has a control character ({unprintable}) in it", allowed="printable characters")


# ----------------------------------------------------------------------------------------------------------------------


def read_endpoint(server: str | None, port: int | None, label: str | None, base_path: str | None) -> ServerAddress:
    """Read where the EST server is; see ``read_server_address()``.

    :raises TemplateError: for a wrong server, and for a port, label or base path that contradicts it.
    """
    if server is None:
        raise TemplateError("server", "is missing", allowed=ALLOWED)
    try:
        return read_server_address(server, port, label, base_path)
    except AddressError as error:
        raise from_address_error(error) from None


def read_proxy(proxy: str | None) -> str | None:
    """Return the URL of an HTTP proxy in its canonical form, ``http://host:port``.

    :raises TemplateError: for anything else. User name and password in the URL are refused and never shown.
    """
    if proxy is None:
        return None
    try:
        host, port = read_proxy_address(proxy)
    except AddressError as error:
        raise from_address_error(error) from None
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def from_address_error(error: AddressError, option: str = "") -> TemplateError:
    """Turn an error about an address into one about the option that holds it.

    :param option: where that is not the one that the error names.
    """
    return TemplateError(
        option or error.option,
        error.reason,
        value=error.shown,
        allowed=error.allowed,
        suggestion=error.suggestion,
    )
