# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quick look at certificates of a POSIX host; ``module_utils/_certificate/seen.py`` judges what it finds."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.seen import unchanged
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.findings import CLOCK_TOLERANCE
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import KEY_OCTETS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import opened_template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries

from ..base.action import ControllerAction
from ..base.host_answer import UnusableAnswer, check_shape
from .program import Sender
from .quick_look import CERTIFICATES, reading_in
from .store import check_reading


def _lacking() -> str:
    """Load what judging needs, and say why that cannot be done here; an empty string where it can."""
    try:
        require_libraries("cryptography")
        importlib.import_module("cryptography.hazmat.primitives.serialization")
    except (EstError, ImportError):
        return "the controller has no cryptography that can be used"
    return ""


# With this file, before the forks: otherwise every host's fork loads it.
_LACKING = _lacking()
_NAME = "est_certificate"
_ANSWER = {
    "clock": str,
    "store": (dict, type(None)),
    "certificates": [(dict, type(None))],
    "record": (str, type(None)),
}
_FOUND = {
    "certificate": str,
    "key_sha256": str,
    "note": str,
    "others": [(str, type(None))],
    "private": [str],
    "one_file": bool,
    "states": [(str, type(None))],
    "numbers": [str],
}


class Look:
    """A quick look at all certificates of a host that a task is about.

    :param action: of the host.
    :param asked: what is asked of each; those whose template is in a store have one store.
    :param record_path: the folder of the store where a purge has to know what was made before.
    :ivar record: what the host says of that, a text; None where that is not known.
    """

    def __init__(
        self, action: ControllerAction, asked: Sequence[CertificateParameters], record_path: Optional[str] = None
    ) -> None:
        self._asked = asked
        self._record_path = record_path
        self.record: Optional[str] = None
        self._sender = Sender(action)
        self._pad = os.urandom(KEY_OCTETS)
        # Those of the store, opened once: many certificates are of few templates.
        self._templates: dict[str, Optional[Template]] = {}

    def unchanged(self) -> list[Optional[dict[str, Any]]]:
        """Return for each certificate that needs nothing what the module would return, and None for each other one."""
        paths = {asked.store_path for asked in self._asked if asked.inline is None}
        (store_path,) = paths or {None}
        places = tuple(asked.place() for asked in self._asked)
        what = "the certificate" if len(places) == 1 else "the certificates"
        if _LACKING:
            self._sender.tell_of_module(what, _LACKING)
            return [None for _asked in self._asked]
        sent = time.time()
        answer = self._sender.run(CERTIFICATES, (store_path, self._pad, places, self._record_path), what)
        if answer is None:
            return [None for _asked in self._asked]
        try:
            store = self._checked(answer, sent)
        except UnusableAnswer as error:
            self._sender.tell_of_module(what, str(error))
            return [None for _asked in self._asked]
        self.record = answer["record"]
        outcomes = [self._outcome(asked, found, store) for asked, found in zip(self._asked, answer["certificates"])]
        if None in outcomes:
            self._sender.tell_of_module(what, "not all of it can be said to need nothing")
        return outcomes

    def _checked(self, answer: Any, sent: float) -> Mapping[str, Any]:
        """Return what was found of the store.

        :param sent: when the program was sent.
        :raises UnusableAnswer: the answer has another shape, or the host has another time: it judges by its own.
        """
        if not isinstance(answer, dict):
            raise UnusableAnswer("the host answered with something else than an object")
        check_shape(answer, _ANSWER, _NAME)
        if len(answer["certificates"]) != len(self._asked):
            raise UnusableAnswer("the host answered for another number of certificates")
        for found in answer["certificates"]:
            check_shape(found or {}, _FOUND if found is not None else {}, _NAME)
        try:
            clock = float(answer["clock"])
        except ValueError:
            clock = float("nan")
        if not sent - CLOCK_TOLERANCE <= clock <= time.time() + CLOCK_TOLERANCE:
            raise UnusableAnswer("its clock is not that of the controller")
        return answer["store"] or {}

    def _outcome(
        self, asked: CertificateParameters, found: Optional[Mapping[str, Any]], store: Mapping[str, Any]
    ) -> Optional[dict[str, Any]]:
        if found is None or not _is_whole(asked, found):
            return None
        template = asked.inline
        if template is None:
            if asked.template_name not in self._templates:
                self._templates[asked.template_name] = self._stored(asked, store)
            template = self._templates[asked.template_name]
        return None if template is None else unchanged(template, asked, found)

    def _stored(self, asked: CertificateParameters, store: Mapping[str, Any]) -> Optional[Template]:
        """Return a template of the store, as the module has it; None where it cannot be had."""
        reading = reading_in(store)
        if reading is None:
            return None
        masked = check_reading(reading)
        key = mask(masked, self._pad) if masked else None
        try:
            stored, secrets = opened_template(reading, key, asked.store_path, asked.template_name)
            return Template.from_fields(dict(stored.fields), secrets)
        except (StoreError, TemplateError):
            return None


def _is_whole(asked: CertificateParameters, found: Mapping[str, Any]) -> bool:
    """Say whether a host has told all that it was asked for of a certificate, as ``look.py`` does."""
    _certificate, _key, others, _versioned, private, accounts = asked.place()
    lengths = {"others": len(others), "private": len(private), "states": 0, "numbers": 0}
    if accounts is not None:
        lengths.update(states=len(others) + 2, numbers=2)
    return all(len(found[name]) == length for name, length in lengths.items())
