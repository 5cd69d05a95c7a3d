# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading, planning and writing a store, until what was planned from is what was replaced."""

from __future__ import annotations

from dataclasses import dataclass

from . import sealing
from .adapter import Observed, TemplateStore, Write
from .document import Document, StoredSecret, StoredTemplate, serialise_document
from .errors import StoreError
from .integrity import key_fingerprint
from .plan import Plan, PlannedTemplate, Request, make_plan

#: How often a plan is made when others keep changing the document between reading and writing.
MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class Outcome:
    """What was done (in check mode: what would be).

    :param plan: the plan that was carried out.
    :param kept: the path under which the old document was kept, or an empty string.
    """

    plan: Plan
    kept: str = ""


def apply_request(store: TemplateStore, request: Request, *, check_mode: bool) -> Outcome:
    """Make a store hold what is desired: one round trip when nothing changes, two when something does.

    :param store: the host's store.
    :param request: what is desired.
    :param check_mode: plan only, write nothing.
    :raises StoreError: when the store cannot be read or written, is of a newer format, or others keep changing it.
    """
    want_key = not check_mode and any(desired.secrets for desired in request.present)
    for _attempt in range(MAX_ATTEMPTS):
        observed = store.read(want_key=want_key)
        plan = make_plan(request, observed)
        if check_mode or not plan.changed:
            return Outcome(plan)
        written = store.write(build_write(plan, observed))
        if not written.conflict:
            return Outcome(plan, written.kept)
    raise StoreError(
        f"the template store in {observed.store_path} was changed by others {MAX_ATTEMPTS} times between reading and "
        "writing it; nothing was written: find out what else writes it, and run again"
    )


def build_write(plan: Plan, observed: Observed) -> Write:
    """Turn a plan into the document to write: seals what has to be sealed, with a new key where there is none.

    :raises SealingError: when ``cryptography`` is missing and something has to be sealed.
    """
    to_seal = any(template.seal for template in plan.planned)
    key, new_key = observed.key, None
    if not observed.key_fingerprint and (to_seal or observed.key_damage):
        key = new_key = sealing.new_key()
    if to_seal and key is None:
        raise StoreError(f"the sealing key of the template store in {observed.store_path} could not be fetched")
    templates = plan.kept + tuple(_seal(template, plan, key or b"") for template in plan.planned)
    return Write(
        content=serialise_document(Document(templates, plan.verifiers)),
        expected_sha256=observed.sha256,
        key_fingerprint=key_fingerprint(key) if to_seal and key else "",
        new_key=new_key,
        keep_old=plan.keep_old,
    )


def _seal(template: PlannedTemplate, plan: Plan, key: bytes) -> StoredTemplate:
    name = str(template.fields["name"])
    secrets = dict(template.keep)
    for field_name, secret in template.seal.items():
        secrets[field_name] = StoredSecret.of(
            name,
            field_name,
            sealed=sealing.seal(key, name, field_name, secret),
            key_fingerprint=key_fingerprint(key),
            verifier=plan.verifiers.make(name, field_name, secret),
        )
    return StoredTemplate.of(template.fields, dict(sorted(secrets.items())))
