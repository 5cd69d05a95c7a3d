# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading, planning and writing a store, until what was planned from is what was replaced."""

from __future__ import annotations

from dataclasses import dataclass

from .adapter import TemplateStore
from .build import build_write, open_secrets
from .errors import StoreError
from .plan import Plan, Request, make_plan

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
        opened = open_secrets(plan, observed)
        key = store.new_key(observed.key_fingerprint) if plan.new_key else observed.key
        if plan.new_key and key is None:
            continue  # another run has made one in the meantime
        written = store.write(build_write(plan, observed, opened, key))
        if not written.conflict:
            return Outcome(plan, written.kept)
    raise StoreError(
        f"the template store in {observed.store_path} was changed by others {MAX_ATTEMPTS} times between reading and "
        "writing it; nothing was written: find out what else writes it, and run again"
    )
