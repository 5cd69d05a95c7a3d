# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODULE_UTILS = "ansible_collections.estfleet.cloud_extender.plugins.module_utils"
COLLECTIONS = Path(__file__).resolve().parents[3] / ".cache" / "collections"

NO_CHANGE = """
import sys
from support.memory_store import MemoryStore
from STORE.apply import apply_request
from STORE.plan import Desired, Request

{prepare}
heavy = [name for name in ("cryptography", "requests", "EST") if name in sys.modules]
print(",".join(heavy))
"""

PLANS_NOTHING = """
from STORE.document import Document, StoredSecret, StoredTemplate, serialise_document
from STORE.parts import key_fingerprint
from STORE.sealing import Verifiers
verifiers, key = Verifiers.new(), b"k" * 32
secret = StoredSecret.of("A", "password", sealed="AAAA", key_fingerprint=key_fingerprint(key),
                         verifier=verifiers.make("A", "password", "secret"))
template = StoredTemplate.of(dict(name="A"), dict(password=secret))
store = MemoryStore(serialise_document(Document((template,), verifiers)), key)
outcome = apply_request(store, Request((Desired(dict(name="A"), dict(password="secret")),)), check_mode=False)
assert not outcome.plan.changed, outcome
outcome = apply_request(store, Request((Desired(dict(name="A"), dict(password="other")),)), check_mode=True)
assert outcome.plan.changed
"""

PLANS_A_CHANGE = """
apply_request(MemoryStore(), Request((Desired(dict(name="A"), dict(password="secret")),)), check_mode=False)
"""


def heavy_modules(prepare):
    program = NO_CHANGE.format(prepare=prepare)
    program = program.replace("STORE", f"{MODULE_UTILS}._store").replace("EST", f"{MODULE_UTILS}.est")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{COLLECTIONS}:{Path(__file__).resolve().parents[2]}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_changes_nothing_imports_no_heavy_library():
    assert heavy_modules(PLANS_NOTHING) == ""


def test_the_probe_can_see_a_heavy_library():
    assert heavy_modules(PLANS_A_CHANGE) == "cryptography"
