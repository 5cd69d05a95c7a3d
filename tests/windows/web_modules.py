# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_uri, done in Python on a ``Machine``: real HTTPS, with the trust and the words of Windows.

What it answers is made as win_uri.ps1 makes it, from a response as .NET Framework has one. The words of failures are
those of WebException. A request with a body asks for a stream first (GetRequestStream), which opens the connection; so
a failure to connect has other words there than without a body.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import Any

from windows.machine import Fail, Machine
from windows.web_request import Denied, Response, exchange

Result = dict[str, Any]

#: What ansible-core shows of them with -vvv.
_SECRETS = {"url_password", "proxy_password", "client_cert_password"}
_NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_BEFORE = "Unhandled exception occurred when sending web request. Exception: "


def win_uri(machine: Machine, arguments: Result, check: bool) -> Result:
    """Send a request, and tell of the answer whatever its status; without passwords, as Ansible.Basic has it."""
    passwords = [str(arguments[name]) for name in sorted(_SECRETS) if arguments[name]]
    return dict(_censored(_win_uri(machine, arguments, check), passwords))


def _censored(value: Any, passwords: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _censored(entry, passwords) for key, entry in value.items()}
    if isinstance(value, list):
        return [_censored(entry, passwords) for entry in value]
    if not isinstance(value, str):
        return value
    for password in passwords:
        value = value.replace(password, "********")
    return value


def _win_uri(machine: Machine, arguments: Result, check: bool) -> Result:
    for option in ("creates", "removes", "proxy_username", "proxy_password", "use_default_credential"):
        if arguments[option]:
            raise Fail(f"the double has no {option}")
    if not arguments["validate_certs"]:
        raise Fail("the double verifies every server")
    method = arguments["url_method"].upper()
    if not re.fullmatch("[A-Z]+", method):
        raise Fail("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")
    if arguments["use_proxy"] and not arguments["proxy_url"]:
        raise Fail("the double has no proxy of its own")
    shown = {name: _NOT_SHOWN if value and name in _SECRETS else value for name, value in arguments.items()}
    result: Result = {"elapsed": 0, "url": arguments["url"], "changed": False, "invocation": {"module_args": shown}}
    started = time.monotonic()
    try:
        with contextlib.ExitStack() as opened:
            response = exchange(machine, method, arguments, opened)
            result.update(_properties(response, method))
            result.update(_headers(response))
            result["msg"] = response.reason
            body = response.read()
        if arguments["return_content"]:
            result["content"] = body.decode("utf-8", "replace")
            if re.search("text|json|javascript", str(result.get("content_type"))):
                _add_json(result)
        if arguments["dest"]:
            _write(machine, arguments["dest"], body, result, check)
    except Denied as denied:
        return {**result, "failed": True, "msg": f"{_BEFORE}{denied}", "elapsed": time.monotonic() - started}
    result["elapsed"] = time.monotonic() - started
    if response.status not in arguments["status_code"]:
        result["failed"] = True
        result["msg"] = f"Status code of request '{response.status}' is not in list of valid status codes"
    return result


def _properties(response: Response, method: str) -> Result:
    """The properties of HttpWebResponse, by the names that the module gives them."""
    length = response.header("Content-Length")
    properties = {
        "CharacterSet": "",
        "ContentEncoding": response.header("Content-Encoding") or "",
        "ContentLength": int(length) if length else -1,
        "ContentType": response.header("Content-Type") or "",
        "Cookies": [],
        "Headers": [name for name, _value in response.headers],
        "IsFromCache": False,
        "IsMutuallyAuthenticated": False,
        "LastModified": "2026-11-22T12:00:00.0000000+00:00",
        "Method": method,
        "ProtocolVersion": {"Major": 1, "Minor": 1, "Build": -1, "Revision": -1},
        "ResponseUri": response.url,
        "Server": response.header("Server") or "",
        "StatusCode": response.status,
        "StatusDescription": response.reason,
        "SupportsHeaders": True,
    }
    return {snake_case(name): value for name, value in properties.items()}


def _headers(response: Response) -> Result:
    """The headers, repeated ones joined; the module takes the dashes out before it makes a name."""
    joined: dict[str, str] = {}
    for name, value in response.headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return {snake_case(name.replace("-", "")): value for name, value in joined.items()}


def snake_case(text: str) -> str:
    """Convert-StringToSnakeCase of ansible-core."""
    plural = re.search("[A-Z]{3,}s", text)
    if plural:
        replaced = text.replace(plural.group(), f"_{plural.group().lower()}")
        text = replaced[1:] if replaced.startswith("_") and not text.startswith("_") else replaced
    text = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", text).lower()


def _add_json(result: Result) -> None:
    try:
        parsed = json.loads(result["content"])
    except ValueError:
        return
    if parsed:
        result["json"] = parsed


def _write(machine: Machine, dest: str, body: bytes, result: Result, check: bool) -> None:
    try:
        there = machine.real(dest).exists()
        result["changed"] = not there or machine.read(dest) != body
        if result["changed"] and not check:
            machine.write(dest, body)
    except (Fail, OSError) as error:
        raise Denied(f'Exception calling "Create" with "1" argument(s): "{error}"') from None
