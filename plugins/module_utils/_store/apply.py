# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading, planning and writing a store, until what was planned from is what was replaced."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from .._value import Value, field
from . import sealing
from .adapter import Observed, TemplateStore, Write
from .document import Document, JointVerifier, SealingKey, StoredSecret, StoredTemplate, serialise_document
from .errors import StoreError, utc_now
from .parts import key_fingerprint
from .plan import Plan, Request, make_plan
from .sealing import Known, keyed_verifier

# ----------------------------------------------------------------------------------------------------------------------
# Turning a plan into the document to write: secrets are opened where the sealing key is rotated, and sealed.


class Opened(Value):
    """The secrets that have to be sealed, in clear.

    :param kept: for each template that stays, in the order of ``Plan.kept``.
    :param planned: for each template that is made anew, in the order of ``Plan.planned``.
    """

    kept: tuple[Mapping[str, str], ...] = field(repr=False)
    planned: tuple[Mapping[str, str], ...] = field(repr=False)

    def __bool__(self) -> bool:
        return any(self.kept) or any(self.planned)


def opened_secrets(plan: Plan, observed: Observed) -> Opened:
    """Return what has to be sealed: what the plan says, and where the key is rotated all that stays.

    :raises SealingError: when ``cryptography`` is missing, or a secret cannot be opened.
    :raises StoreError: when the key did not come.
    """
    opened = Opened(
        tuple(_open(plan, observed, template.name, template.secrets) for template in plan.kept),
        tuple(
            {**template.seal, **_open(plan, observed, str(template.fields["name"]), template.keep)}
            for template in plan.planned
        ),
    )
    if opened:
        sealing.require_cryptography()
        if observed.key is None and not plan.new_key:
            raise _no_key(observed)
    return opened


def build_write(plan: Plan, observed: Observed, opened: Opened, key: bytes | None) -> Write:
    """Return the document to write.

    :param opened: what ``opened_secrets()`` returned.
    :param key: the sealing key: the one in force, or a new one where the plan wants that; None where there is none.
    """
    templates = [
        # Not StoredTemplate.of(): that somebody edited what is not declared has to stay visible.
        StoredTemplate(template.fields, _seal(template.name, template.secrets, secrets, plan, key), template.digest)
        for template, secrets in zip(plan.kept, opened.kept)
    ]
    templates.extend(
        StoredTemplate.of(template.fields, _seal(str(template.fields["name"]), template.keep, secrets, plan, key))
        for template, secrets in zip(plan.planned, opened.planned)
    )
    document = Document(tuple(templates), plan.verifiers, _sealing_key(plan, observed, key))
    return Write(
        content=serialise_document(document.replace(joint=_joint_verifier(templates, plan, opened, key))),
        expected_sha256=observed.sha256,
        key_fingerprint=key_fingerprint(key) if key is not None and (opened or plan.new_key) else "",
        use_new_key=plan.new_key,
        replaced_key=observed.key_fingerprint if plan.new_key else "",
        keep_old=plan.keep_old,
    )


def _open(plan: Plan, observed: Observed, template: str, secrets: Mapping[str, StoredSecret]) -> dict[str, str]:
    if not plan.rotate:
        return {}
    if observed.key is None:
        raise _no_key(observed)
    return {name: sealing.unseal(observed.key, template, name, secret.sealed) for name, secret in secrets.items()}


def _seal(
    template: str, sealed: Mapping[str, StoredSecret], secrets: Mapping[str, str], plan: Plan, key: bytes | None
) -> dict[str, StoredSecret]:
    """Return all secrets of a template sealed: those that are already, and those in clear."""
    result = dict(sealed)
    for name, secret in secrets.items():
        if key is not None:
            result[name] = StoredSecret.of(
                template,
                name,
                sealed=sealing.seal(key, template, name, secret),
                key_fingerprint=key_fingerprint(key),
                verifier=plan.verifiers.make(template, name, secret),
                keyed_verifier=keyed_verifier(key, template, name, secret),
            )
    return dict(sorted(result.items()))


def _joint_verifier(
    templates: list[StoredTemplate], plan: Plan, opened: Opened, key: bytes | None
) -> JointVerifier | None:
    """Return the verifier of all secrets that are known here: those that were sealed now, and those declared."""
    sealed = {
        (template.name, name): secret
        for template, secrets in zip(templates, (*opened.kept, *opened.planned))
        for name, secret in secrets.items()
    }
    known = []
    for template in templates:
        for name, stored in template.secrets.items():
            secret = sealed.get((template.name, name), plan.declared.get((template.name, name)))
            # What is declared need not be what is there: update_secrets may be false.
            if secret is not None and _is_of(stored, template.name, name, secret, plan, key):
                known.append(Known(template.name, name, secret, stored.digest))
    if not known:
        return None
    return JointVerifier(tuple((one.template, one.field_name) for one in known), plan.verifiers.make_joint(known))


def _is_of(stored: StoredSecret, template: str, name: str, secret: str, plan: Plan, key: bytes | None) -> bool:
    if key is not None and stored.key_fingerprint == key_fingerprint(key) and stored.keyed_verifier:
        return hmac.compare_digest(keyed_verifier(key, template, name, secret), stored.keyed_verifier)
    return plan.verifiers.matches(template, name, secret, stored.verifier)


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


# ----------------------------------------------------------------------------------------------------------------------

#: How often a plan is made when others keep changing the document between reading and writing.
MAX_ATTEMPTS = 5


class Outcome(Value):
    """What was done (in check mode: what would be).

    :param plan: the plan that was carried out.
    :param kept: the path under which the old document was kept, or an empty string.
    """

    plan: Plan
    kept: str = ""


def apply_request(store: TemplateStore, request: Request, *, check_mode: bool) -> Outcome:
    """Make a store hold what is desired: one round trip when nothing changes, two when something does, and one more
    where a new sealing key is made, or where the key does not come with the document and something is sealed with it.

    :param store: the host's store.
    :param request: what is desired.
    :param check_mode: plan only, write nothing.
    :raises StoreError: when the store cannot be read or written, is of a newer format, or others keep changing it.
    """
    secrets = request.rotate_key or any(desired.secrets for desired in request.present)
    want_key = store.key_with_document and secrets
    for _attempt in range(MAX_ATTEMPTS):
        observed = store.read(want_key=want_key)
        plan = make_plan(request, observed)
        if check_mode or not plan.changed:
            return Outcome(plan)
        if plan.needs_key and not want_key:
            want_key = True
            continue  # only now is it known that the key is needed; without it, the plan can be another one
        # All that can fail before a new key is made: a key that nobody uses would be left behind.
        opened = opened_secrets(plan, observed)
        key = store.new_key(observed.key_fingerprint) if plan.new_key else observed.key
        if plan.new_key and key is None:
            continue  # another run has made one in the meantime
        written = store.write(build_write(plan, observed, opened, key))
        if not written.conflict:
            return Outcome(plan, written.kept)
    raise StoreError(
        f"the template store in {observed.store_path} was changed by others {MAX_ATTEMPTS} times between reading and "
        "writing it; nothing was written: find out what else writes it, and run again",
        code="store_busy",
    )
