# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error messages of CMC: what a Full PKI Response says went wrong (RFC 5272 sections 3.2.2 and 6.1).

An EST server may explain a refused request this way (RFC 7030 section 4.2.3). Signatures are not checked: what is read
here is shown to a person and decides nothing.
"""

from __future__ import annotations

import itertools
from typing import Iterator, List, Optional, Tuple

from ..._value import Value
from ..base.errors import ParseError
from .cms import ID_PKI_RESPONSE, ID_SIGNED_DATA, content_of, content_type_of, describe_content_type, read_signed_data
from .der import GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE, SET, UTF8_STRING, Element, read

ID_CMC_STATUS_INFO = "1.3.6.1.5.5.7.7.1"
ID_CMC_STATUS_INFO_V2 = "1.3.6.1.5.5.7.7.25"

#: Names and meaning of CMCStatus (RFC 5272 section 6.1.3).
CMC_STATUS = {
    0: ("success", "the request was granted"),
    2: ("failed", "the request was refused"),
    3: ("pending", "the request has not been decided yet"),
    4: ("noSupport", "the server does not support the request"),
    5: ("confirmRequired", "the server wants the certificate to be confirmed"),
    6: ("popRequired", "the server wants an indirect proof of possession of the private key"),
    7: ("partial", "a part of the request was refused"),
}

#: Names and meaning of CMCFailInfo (RFC 5272 section 6.1.4).
CMC_FAIL_INFO = {
    0: ("badAlg", "unrecognised or unsupported algorithm"),
    1: ("badMessageCheck", "the signature of the request does not verify"),
    2: ("badRequest", "the request is not permitted or not supported"),
    3: ("badTime", "the time of the message is too far from the server's time"),
    4: ("badCertId", "no certificate matches the request"),
    5: ("unsupportedExt", "a requested X.509 extension is not supported"),
    6: ("mustArchiveKeys", "the server wants the private key to be archived"),
    7: ("badIdentity", "the identity of the requester could not be verified"),
    8: ("popRequired", "the server wants a proof of possession of the private key"),
    9: ("popFailed", "the proof of possession of the private key failed"),
    10: ("noKeyReuse", "the server does not allow this key to be used again"),
    11: ("internalCAError", "the CA had an internal error"),
    12: ("tryLater", "the server asks to be tried again later"),
    13: ("authDataFail", "the authentication data of the request could not be verified"),
}

# More than any server has a reason to send.
_MAX_CONTROLS = 64
_MAX_BODY_PARTS = 64
_MAX_TEXT_BYTES = 4096


class CmcStatus(Value):
    """One CMCStatusInfo or CMCStatusInfoV2.

    :param status: CMCStatus, see ``CMC_STATUS``.
    :param body_parts: the IDs of the body parts that it is about; a path to a nested part gives its IDs in order.
    :param text: ``statusString`` as the server wrote it: clean it before you show it.
    :param fail_info: CMCFailInfo, see ``CMC_FAIL_INFO``, or ``None``.
    :param pend_token: identifies a pending request, or ``None``.
    :param pend_time: when to ask again about a pending request, the GeneralizedTime as it stands, or an empty string.
    :param extended_fail_info: OID of a failure code that RFC 5272 does not define, or an empty string.
    """

    status: int
    body_parts: Tuple[int, ...] = ()
    text: str = ""
    fail_info: Optional[int] = None
    pend_token: Optional[bytes] = None
    pend_time: str = ""
    extended_fail_info: str = ""

    def describe(self) -> str:
        """In words, such as ``failed (2): badRequest (2), the request is not permitted or not supported: "No CN"``."""
        name, meaning = CMC_STATUS.get(self.status, ("unknown status", ""))
        words = f"{name} ({self.status})"
        if self.fail_info is not None:
            name, meaning = CMC_FAIL_INFO.get(self.fail_info, ("unknown failure", ""))
            words += f": {name} ({self.fail_info})"
        elif self.extended_fail_info:
            words += f": failure code {self.extended_fail_info}"
        if meaning:
            words += f", {meaning}"
        if self.pend_time:
            words += f", to be asked again at {self.pend_time}"
        return f'{words}: "{self.text}"' if self.text else words


class CmcResponse(Value):
    """A Full PKI Response.

    :param statuses: its status controls in their order; there may be none.
    """

    statuses: Tuple[CmcStatus, ...]

    def describe(self) -> str:
        """All statuses in words, one after another."""
        if not self.statuses:
            return "a CMC response without a status"
        return "; ".join(f"CMC status {status.describe()}" for status in self.statuses)


def parse_cmc_response(data: bytes) -> CmcResponse:
    """Read the status controls of a Full PKI Response (RFC 5272 section 3.2.2).

    :param data: DER or BER: a SignedData around the PKIResponse, or a ContentInfo that holds it without signature.
    :raises ParseError: it is malformed, or no PKIResponse.
    """
    message = read(data)
    content_type = content_type_of(message)
    if content_type == ID_PKI_RESPONSE:
        content = content_of(message)
        body = read(content.octets()) if content.is_universal(OCTET_STRING) else content
    elif content_type == ID_SIGNED_DATA:
        signed_data = read_signed_data(message)
        if signed_data.content_type != ID_PKI_RESPONSE or signed_data.content is None:
            raise ParseError(
                f"the CMS message holds {describe_content_type(signed_data.content_type)} and no CMC PKIResponse"
            )
        body = read(signed_data.content.octets())
    else:
        raise ParseError("the answer is not a CMC PKIResponse")
    return CmcResponse(tuple(_statuses(body)))


def _statuses(body: Element) -> Iterator[CmcStatus]:
    """The controls of a PKIResponse (RFC 5272 section 3.2.2): a TaggedAttribute has a bodyPartID, a type and values."""
    controls = next(body.expect(SEQUENCE, "a PKIResponse").children(), None)
    if controls is None:
        raise ParseError("the CMC PKIResponse is empty")
    for count, control in enumerate(controls.expect(SEQUENCE, "the controls of a PKIResponse").children()):
        if count == _MAX_CONTROLS:
            raise ParseError(f"the CMC PKIResponse has more than {_MAX_CONTROLS} controls")
        fields = list(_first(3, control.expect(SEQUENCE, "a control of a PKIResponse")))
        if len(fields) == 3 and fields[1].oid() in (ID_CMC_STATUS_INFO, ID_CMC_STATUS_INFO_V2):
            for value in _first(1, fields[2].expect(SET, "the values of a CMC status")):
                yield _status(value)


def _status(value: Element) -> CmcStatus:
    """A CMCStatusInfoV2 (RFC 5272 section 6.1.1) or CMCStatusInfo (section 6.1.2), which is the same without paths."""
    fields = value.expect(SEQUENCE, "a CMC status").children()
    status, body_list = next(fields, None), next(fields, None)
    if status is None or body_list is None:
        raise ParseError("the CMC status is incomplete")
    text, pend_time, extended = "", "", ""
    fail_info: Optional[int] = None
    pend_token: Optional[bytes] = None
    for field in fields:
        if field.is_universal(UTF8_STRING):
            text = field.value[:_MAX_TEXT_BYTES].decode("utf-8", "replace")
        elif field.is_universal(INTEGER):
            fail_info = field.integer()
        elif field.is_universal(SEQUENCE):
            pending = list(_first(2, field))
            pend_token = pending[0].octets() if pending else None
            if len(pending) == 2 and pending[1].is_universal(GENERALIZED_TIME):
                pend_time = pending[1].value[:32].decode("ascii", "replace")
        elif field.is_context(1):
            extended = next((inner.oid() for inner in _first(1, field)), "")
    return CmcStatus(status.integer(), tuple(_body_parts(body_list)), text, fail_info, pend_token, pend_time, extended)


def _body_parts(body_list: Element) -> List[int]:
    numbers: List[int] = []
    for part in body_list.expect(SEQUENCE, "the body part list of a CMC status").children():
        # A BodyPartReference of version 2 may be a path: a SEQUENCE of IDs (RFC 5272 section 3.2.2).
        numbers.extend(inner.integer() for inner in (part.children() if part.constructed else (part,)))
        if len(numbers) > _MAX_BODY_PARTS:
            raise ParseError(f"the CMC status is about more than {_MAX_BODY_PARTS} body parts")
    return numbers


def _first(count: int, element: Element) -> Iterator[Element]:
    return itertools.islice(element.children(), count)
