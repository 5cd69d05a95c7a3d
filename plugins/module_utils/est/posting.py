# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posting a certificate request, in the form of base64 that a server can read.

Strict decoders refuse line breaks, libest refuses one line. So a request that a server may not have been able to read
goes out once more in the other form.
"""

from __future__ import annotations

from typing import Callable, Union

from .answers.enrolment import SUCCESS
from .base.errors import EstError, Step
from .base.text import encode_body
from .http.transport import Binding, Body, Response, Transport
from .http.url import EstUrl
from .request.csr import CertificateRequest

#: RFC 7030 section 3.2.4. RFC 8951 deprecates Content-Transfer-Encoding, but some servers decode only with it.
_ENROL_HEADERS = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}

#: A certificate request, or what makes one for the connection that is to carry it, always with the same key.
Request = Union[CertificateRequest, Callable[[Binding], CertificateRequest]]
#: The answers after which a request goes out once more in the other form of base64: the server may not have read it.
_MAYBE_UNREAD = (400, 415, 422)
#: The answers that say that it has.
_READ = (*SUCCESS, 202)


class Posting:
    """Posts the certificate requests of one client.

    :param transport: carries them.
    :param url: the server.
    """

    def __init__(self, transport: Transport, url: EstUrl) -> None:
        self._transport = transport
        self._url = url
        # The form of base64 that requests have, and whether there is another one to be tried.
        self._one_line = False
        self._other_form_left = True

    def send(self, operation: str, request: Request, step: Step) -> Response:
        """Send a request, and return the answer to it.

        :param step: gets the status as its detail.
        :raises EstError: there is no answer, or the server refuses the request in either form.
        """
        response = self._send(operation, request)
        step.detail = f"HTTP {response.status}"
        if response.status in _MAYBE_UNREAD and self._other_form_left:
            response = self._send_in_the_other_form(operation, request, response, step)
        self._other_form_left = self._other_form_left and response.status not in _READ
        return response

    def _send(self, operation: str, request: Request) -> Response:
        form = {"one_line": True} if self._one_line else {}
        body: Body = (
            (lambda binding: encode_body(request(binding).der, **form))
            if callable(request)
            else encode_body(request.der, **form)
        )
        return self._transport.request("POST", self._url.operation(operation), _ENROL_HEADERS, body, authenticate=True)

    def _send_in_the_other_form(self, operation: str, request: Request, refused: Response, step: Step) -> Response:
        """Send a request once more that the server may not have been able to read.

        Nothing else of the request changes, and what the server takes is the form of all later requests.

        :param refused: the answer to the form before, which stands where the other form gets no better one.
        """
        self._other_form_left = False
        self._one_line = not self._one_line
        form = "in one line of base64" if self._one_line else "in lines of base64"
        from .answers.refusals import refusal

        first = refusal(refused, operation)
        try:
            response = self._send(operation, request)
        except EstError as error:
            if error.request_received != "not_received":
                error.note(f"The request had been refused (HTTP {refused.status}), and was sent once more, {form}.")
                raise
            step.also = f"; it could not be sent once more, {form}: {error.reason}"
            response = None
        if response is None:  # raised here, so that the other error does not come along
            raise first
        if response.status in _READ:
            step.detail = f"HTTP {response.status} {form}, after HTTP {refused.status} to the other form"
            return response
        self._one_line = not self._one_line
        step.also = f"; sent once more, {form}: HTTP {response.status}"
        second = refusal(response, operation)
        if (second.http_status, second.server_message) != (first.http_status, first.server_message):
            said = f" and says: {second.server_message.rstrip('.')!r}" if second.server_message else ""
            first.note(f"Sent once more, {form}, the request is refused too (HTTP {second.http_status}){said}.")
        raise first
