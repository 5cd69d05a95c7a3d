# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST transport that sends the HTTPS requests from a managed Windows host through ``ansible.windows.win_uri``.

The module verifies the server with the trust of the host, and there is no other: who asks for certain anchors looks
whether the host has them (see ``win_uri_connector.py``).

The module returns an answer as text, decoded as UTF-8, and without the password, which can occur in it by chance. Where
that loses something, the answer is taken from a file of the host: the answer to an enrolment is written to one at once,
since no enrolment is sent twice; anything else is asked for again.

What the module decides for itself, and nobody can see from here: the TLS version (what the host has switched on), a
host name that stands only in the common name of the server's certificate, and a timeout for connection and answer
together, but not for the body of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.digest_authentication import Challenge
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials

from ..exchange.module_transport import CENSORED, Answer, Execute, Failure, ModuleTransport
from .host import Refused
from .win_uri_failures import CANNOT_FETCH, FAILURES, OF_PROXY, UNKNOWN_FAILURE, request_was_sent

#: What the module says before the words of .NET.
_EXCEPTION = re.compile(r"Unhandled exception occurred when sending web request\. Exception: ")

#: The headers that the EST client reads, as the module names them without underscores: where those stand depends on
#: upper and lower case of what the server sent.
_HEADERS = {
    "contenttype": "content-type",
    "retryafter": "retry-after",
    "location": "location",
    "wwwauthenticate": "www-authenticate",
    "contentlength": "content-length",
}
#: An HTTP status is never a reason to fail for the module.
_EVERY_STATUS = list(range(100, 600))
#: What stands in a text for octets that are no UTF-8.
_LOST = "\ufffd".encode()
#: Windows proves who it is with these where a server offers them, before it does with Digest.
_WINDOWS_SCHEMES = {"negotiate", "ntlm", "kerberos"}


class WinUriTransport(ModuleTransport):
    """Carries EST requests through the ``win_uri`` module of a managed Windows host.

    :param execute: runs a module on the host, really, in check mode too.
    :param fetch: returns a file of the host, by its path; raises ``Refused``.
    :param answer_path: returns the path of a file for an answer, in a folder of the host that only the account of the
        connection and administrators can have, and that is removed afterwards. Called once for an enrolment.
    :param trust: ``explicit`` or ``system``, as told in the result.
    :param proxy: ``http://host:port``; None for no proxy, whatever the host has configured.
    :param only_basic: do not answer a Digest challenge.
    :param unasked: see ``HttpsTransport``.
    :param client_cert: a TLS client certificate as the module takes it: ``Cert:\\LocalMachine\\My\\<thumbprint>``, or
        the path of a PKCS#12 file without a passphrase.
    :param timeout: seconds without an answer before a request is given up.
    :param max_response_bytes: an answer with a larger body is refused.
    :param warnings: what is risky about the trust, to be told with everything else.
    """

    module = "ansible.windows.win_uri"
    failures = FAILURES
    unknown_failure = UNKNOWN_FAILURE
    instead = "controller"
    client_options = ("client_cert",)

    def __init__(
        self,
        execute: Execute,
        fetch: Callable[[str], bytes],
        answer_path: Callable[[], str],
        *,
        trust: str,
        proxy: Optional[str] = None,
        credentials: Optional[Credentials] = None,
        only_basic: bool = False,
        unasked: bool = True,
        client_cert: Optional[str] = None,
        timeout: int = 30,
        max_response_bytes: int = 1024 * 1024,
        timeline: Optional[Timeline] = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        options: dict[str, Any] = {
            "validate_certs": True,
            "follow_redirects": "none",
            "use_proxy": proxy is not None,
            "return_content": True,
            "status_code": _EVERY_STATUS,
            "url_timeout": timeout,
        }
        if proxy is not None:
            options["proxy_url"] = proxy
        if client_cert is not None:
            options["client_cert"] = client_cert
        super().__init__(
            execute,
            options,
            trust=trust,
            credentials=credentials,
            only_basic=only_basic,
            unasked=unasked,
            max_response_bytes=max_response_bytes,
            timeline=timeline,
        )
        self._fetch = fetch
        self._answer_path = answer_path
        self._warnings = warnings

    @property
    def warnings(self) -> tuple[str, ...]:
        """See ``ModuleTransport.warnings``."""
        return (*super().warnings, *self._warnings)

    @property
    def session_trust(self) -> str:
        """The host's, whatever is asked for: so a session proves nothing of CA certificates that the server sends."""
        return "system"

    def arguments(self, method: str, url: str, headers: Mapping[str, str], body: Optional[str]) -> dict[str, Any]:
        """See ``ModuleTransport.arguments()``."""
        arguments = {**self._options, "method": method, "url": url, "headers": dict(headers)}
        if body is not None:
            arguments["body"] = body
        if body:  # an empty one asks for nothing, and can be sent again
            arguments["dest"] = self._answer_path()
        return arguments

    def can_answer(self, challenges: tuple[Challenge, ...]) -> bool:
        """Say whether the module answers these challenges with Digest, and not with the account that it runs as."""
        others = {challenge.scheme.lower() for challenge in challenges}
        return super().can_answer(challenges) and not others & _WINDOWS_SCHEMES

    def send(self, arguments: Mapping[str, Any]) -> Answer:
        """See ``ModuleTransport.send()``."""
        answer, file_error = self._ask(arguments)
        if _LOST not in answer.body and not ("url_password" in arguments and CENSORED in answer.body):
            return answer
        if "dest" not in arguments:
            arguments = {**arguments, "dest": self._answer_path()}
            answer, file_error = self._ask(arguments)
        try:
            if file_error:  # what is there may be of an earlier answer
                raise Refused(file_error)
            return answer.replace(body=self._fetch(str(arguments["dest"])))
        except Refused as refused:
            raise TransportError(
                f"{CANNOT_FETCH.reason} ({refused})",
                code=CANNOT_FETCH.code,
                hint=CANNOT_FETCH.hint,
                request_received=CANNOT_FETCH.received,
            ) from None

    def _ask(self, arguments: Mapping[str, Any]) -> tuple[Answer, str]:
        """Run the module; return the answer, and why its file could not be written, or an empty text."""
        result = self._execute(self.module, arguments)
        status, content = result.get("status_code"), result.get("content")
        # Without its text the answer was not read to its end. With it, all that can have failed is the file.
        if not isinstance(status, int) or not isinstance(content, str) or _is_of_proxy(result):
            raise self.failure(result)
        found = {str(key).replace("_", "").lower(): value for key, value in result.items() if value is not None}
        headers = {name: str(found[key]) for key, name in _HEADERS.items() if key in found}
        file_error = _said(result) if result.get("failed") else ""
        return Answer(status, headers, content.encode("utf-8", "replace")), file_error

    def words(self, result: Mapping[str, Any]) -> str:
        """What .NET says, without what the module says before it."""
        said = _said(result)
        status = result.get("status_code")
        if not isinstance(status, int):
            return said
        return f"{OF_PROXY if _is_of_proxy(result) else 'HTTP'} {status}: {said}"

    def received(self, said: str, meaning: Failure) -> str:
        """Say whether a request can have arrived: not before .NET has a connection to write it to."""
        return meaning.received if request_was_sent(said) else "not_received"


def _said(result: Mapping[str, Any]) -> str:
    return _EXCEPTION.sub("", str(result.get("msg") or "")) or "no answer"


def _is_of_proxy(result: Mapping[str, Any]) -> bool:
    """Say whether this is the answer of a proxy that makes no tunnel."""
    return result.get("status_code") == 407 or result.get("method") == "CONNECT"
