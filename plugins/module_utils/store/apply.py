# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading, planning and writing a store, until what was planned from is what was replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

from . import sealing
from .adapter import Observed, TemplateStore, Write
from .document import Document, SealingKey, StoredSecret, StoredTemplate, serialise_document
from .errors import StoreError
from .integrity import key_fingerprint
from .plan import Plan, Request, make_plan
from .utc import utc_now

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
    """Make a store hold what is desired: one round trip when nothing changes, two when something does, and one more
    where a new sealing key is made.

    :param store: the host's store.
    :param request: what is desired.
    :param check_mode: plan only, write nothing.
    :raises StoreError: when the store cannot be read or written, is of a newer format, or others keep changing it.
    """
    want_key = not check_mode and (request.rotate_key or any(desired.secrets for desired in request.present))
    for _attempt in range(MAX_ATTEMPTS):
        observed = store.read(want_key=want_key)
        plan = make_plan(request, observed)
        if check_mode or not plan.changed:
            return Outcome(plan)
        written = store.write(build_write(plan, observed, store.new_key))
        if not written.conflict:
            return Outcome(plan, written.kept)
    raise StoreError(
        f"the template store in {observed.store_path} was changed by others {MAX_ATTEMPTS} times between reading and "
        "writing it; nothing was written: find out what else writes it, and run again"
    )


def build_write(plan: Plan, observed: Observed, new_key: Callable[[], bytes]) -> Write:
    """Turn a plan into the document to write: opens and seals what has to be.

    :param new_key: has a new sealing key made; called only where the plan wants one, when nothing can go wrong here.
    :raises SealingError: when ``cryptography`` is missing and something has to be sealed, or a secret that has to be
        sealed anew cannot be opened.
    """
    if any(template.seal for template in plan.planned):
        sealing.require_cryptography()
    stay = [(template, _open(plan, observed, template.name, template.secrets)) for template in plan.kept]
    make = [
        (template, {**template.seal, **_open(plan, observed, str(template.fields["name"]), template.keep)})
        for template in plan.planned
    ]
    to_seal = any(secrets for _template, secrets in (*stay, *make))
    key = new_key() if plan.new_key else observed.key
    if to_seal and key is None:
        raise _no_key(observed)
    # What is not declared keeps its digest: that somebody edited it stays visible.
    templates = [
        StoredTemplate(
            template.fields, {**template.secrets, **_seal(template.name, secrets, plan, key)}, template.digest
        )
        for template, secrets in stay
    ]
    for template, secrets in make:
        sealed = {**template.keep, **_seal(str(template.fields["name"]), secrets, plan, key)}
        templates.append(StoredTemplate.of(template.fields, dict(sorted(sealed.items()))))
    return Write(
        content=serialise_document(Document(tuple(templates), plan.verifiers, _sealing_key(plan, observed, key))),
        expected_sha256=observed.sha256,
        key_fingerprint=key_fingerprint(key) if key is not None and (to_seal or plan.new_key) else "",
        use_new_key=plan.new_key,
        replaced_key=observed.key_fingerprint if plan.new_key else "",
        keep_old=plan.keep_old,
    )


def _open(plan: Plan, observed: Observed, template: str, secrets: Mapping[str, StoredSecret]) -> dict[str, str]:
    """Return in clear what has to be sealed anew of the secrets that stay: all where the key is rotated, else none."""
    if not plan.rotate:
        return {}
    if observed.key is None:
        raise _no_key(observed)
    return {name: sealing.unseal(observed.key, template, name, secret.sealed) for name, secret in secrets.items()}


def _seal(template: str, secrets: Mapping[str, str], plan: Plan, key: bytes | None) -> dict[str, StoredSecret]:
    if key is None:
        return {}
    return {
        name: StoredSecret.of(
            template,
            name,
            sealed=sealing.seal(key, template, name, secret),
            key_fingerprint=key_fingerprint(key),
            verifier=plan.verifiers.make(template, name, secret),
        )
        for name, secret in secrets.items()
    }


def _no_key(observed: Observed) -> StoreError:
    return StoreError(f"the sealing key of the template store in {observed.store_path} could not be fetched")


def _sealing_key(plan: Plan, observed: Observed, key: bytes | None) -> SealingKey | None:
    """Return what the new document tells of its sealing key."""
    if plan.new_key and key is not None:
        return SealingKey(key_fingerprint(key), utc_now())
    known = plan.sealing_key
    if not observed.key_fingerprint or (known is not None and known.fingerprint == observed.key_fingerprint):
        return known
    return SealingKey(observed.key_fingerprint)
