# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A production certificate in a store of Windows: found, kept, killed at every moment."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any, Optional

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from windows.conftest import STORE
from windows.direct import DirectHost
from windows.machine import ADMINISTRATORS, SYSTEM, Killed, Machine

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import Refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.certificate_holder import WindowsHolder

MY, CA = "LocalMachine\\My", "LocalMachine\\CA"
NOW = datetime.datetime.now(datetime.timezone.utc)
DIGEST = "0123456789abcdef" * 4
SEALING_KEY = bytes(range(32))
KEY = ec.generate_private_key(ec.SECP256R1())


class MortalHost(DirectHost):
    """A host that a killed run calls no more, not even to tidy up."""

    def run(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        """Run a module."""
        return dict(self._alive(super().run, *arguments, **more))

    def put(self, *arguments: Any) -> None:
        """Write a file."""
        self._alive(super().put, *arguments)

    def _alive(self, call: Any, *arguments: Any, **more: Any) -> Any:
        if self.machine.kill_at is not None and self.machine.moments >= self.machine.kill_at:
            raise Killed
        return call(*arguments, **more)


def certificate(name: str, begins: int = -1, ends: int = 30, issuer: str = "Issuing", key: Any = KEY) -> Certificate:
    """A certificate; when it begins and ends is told in days from now."""
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW + datetime.timedelta(days=begins))
        .not_valid_after(NOW + datetime.timedelta(days=ends))
        .sign(key, hashes.SHA256())
    )
    return Certificate(made.public_bytes(serialization.Encoding.DER))


def der(certificate: Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.der


LEAF = certificate("host")
CHAIN = (certificate("Issuing", issuer="Root"), certificate("Root", issuer="Root"))


def holder(host: DirectHost, *, sealing_key: Optional[bytes] = SEALING_KEY, **more: Any) -> WindowsHolder:
    """The holder of the certificate 'web identity'."""
    where = {"store": "My", "template": "web", "name": "identity", "store_path": STORE}
    return WindowsHolder(host, **{**where, "sealing_key": lambda: sealing_key, **more})


def save(kept: WindowsHolder, leaf: Any = LEAF, digest: str = DIGEST, chain: Any = CHAIN) -> None:
    """Do what the engine does where a certificate was issued."""
    kept.read()
    kept.refuse_unwritable()
    kept.save(leaf, chain, KEY, digest)


def files(machine: Machine) -> list[str]:
    """What lies in the folder of the store."""
    folder = machine.real(STORE)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_certificate_is_kept_with_its_key_and_found_in_one_call(machine: Machine, host: DirectHost) -> None:
    save(holder(host))
    (held,) = machine.certificates(MY)
    assert held.der == der(LEAF)
    assert held.key is not None
    assert (held.exportable, held.storage) == (False, "machine")
    assert held.friendly_name == "web-identity-est-1e68480a-0123456789abcdef-1"
    # Windows names the container of the key so too, and not every provider takes every name.
    assert machine.key_containers == [held.friendly_name]
    assert [entry.der for entry in machine.certificates(CA)] == [der(CHAIN[0])]
    assert machine.certificates("LocalMachine\\Root") == []
    assert files(machine) == []
    host.calls.clear()
    found = holder(host).read()
    assert host.calls == ["win_certificate_info"]
    assert found.old is not None
    assert (found.old.der, found.digest, found.defect) == (der(LEAF), DIGEST[:16], "")
    assert found.old.tls.certificate_path == f"Cert:\\LocalMachine\\My\\{held.thumbprint}"
    assert found.old.problem(NOW) is None
    assert found.key is None


def test_what_is_called_for_a_new_certificate_is_bounded(host: DirectHost) -> None:
    kept = holder(host)
    save(kept)
    folder = ["win_file", "win_acl", "win_acl", "win_owner", "win_acl_inheritance"]
    imported = ["put", "win_certificate_store", "win_file"]
    begin = ["win_certificate_info", "win_certificate_store"]
    assert host.calls == [*begin, *folder, *imported, *imported, "win_certificate_info"]
    host.calls.clear()
    kept.read()
    kept.refuse_unwritable()
    assert host.calls == []  # known by now


def test_the_file_with_the_key_lies_where_nobody_else_can_have_it(machine: Machine, host: DirectHost) -> None:
    seen = []

    def look() -> None:
        (name,) = files(machine)
        seen.append((machine.who_may(f"{STORE}\\{name}"), machine.read(f"{STORE}\\{name}")))

    kept = holder(host)
    kept.read()
    kept.refuse_unwritable()
    host.meanwhile["win_certificate_store"] = look
    kept.save(LEAF, [], KEY, DIGEST)
    ((who, content),) = seen
    assert who == {SYSTEM, ADMINISTRATORS}
    plain = KEY.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert plain not in content


def test_others_are_left_alone(machine: Machine, host: DirectHost) -> None:
    for name in ("", "web", "web identity 2", "web-identity-est-00000000-0123456789abcdef-1", "est-1e68480a-0-1"):
        machine.add_certificate(MY, der(certificate(f"of {name}")), friendly_name=name, key=b"x")
    found = holder(host).read()
    assert (found.old, found.defect) == (None, "")


def test_one_that_somebody_named_like_ours_counts(machine: Machine, host: DirectHost) -> None:
    machine.add_certificate(MY, der(LEAF), friendly_name="web identity", key=b"x")
    found = holder(host).read()
    assert found.old is not None
    assert found.digest == ""


def test_the_last_that_was_kept_and_has_its_key_counts(machine: Machine, host: DirectHost) -> None:
    name = "web-identity-est-1e68480a-0123456789abcdef-11"
    # A CA can let two begin at the same time, and a new one before the old one.
    older, newer = certificate("older", begins=-2), certificate("newer", begins=-2)
    without_key = certificate("without key", begins=-1)
    machine.add_certificate(MY, der(newer), friendly_name=name[:-2] + "10", key=b"x")
    machine.add_certificate(MY, der(older), friendly_name=name[:-2] + "9", key=b"x")
    machine.add_certificate(MY, der(without_key), friendly_name=name)
    kept = holder(host)
    found = kept.read()
    assert found.old is not None
    assert found.old.der == der(newer)
    assert len(kept.replaced) == 2
    machine.remove_certificate(MY, kept.replaced[0])
    machine.remove_certificate(MY, holder_current(found))
    for entry in machine.certificates(MY):
        if entry.key:
            machine.remove_certificate(MY, entry.thumbprint)
    machine.add_certificate(MY, der(without_key), friendly_name=name)
    found = holder(host).read()
    assert (found.certificate, found.old) == (without_key, None)
    assert found.defect == "its private key was not there"


def holder_current(found: Any) -> str:
    """The thumbprint of what was found."""
    return str(found.old.tls.certificate_path.rpartition("\\")[2])


def test_the_old_certificate_stays_until_it_is_over(machine: Machine, host: DirectHost) -> None:
    save(holder(host), certificate("old", begins=-20, ends=1))
    name = machine.certificates(MY)[0].friendly_name
    save(holder(host))
    kept = holder(host)
    kept.read()
    assert len(machine.certificates(MY)) == 2
    assert kept.remove_expired() == []
    machine.remove_certificate(MY, kept.replaced[0])
    machine.add_certificate(MY, der(certificate("over", begins=-20, ends=-1)), friendly_name=name, key=b"x")
    only_told = holder(host, check=True)
    only_told.read()
    assert len(only_told.remove_expired()) == 1
    assert len(machine.certificates(MY)) == 2
    kept = holder(host)
    kept.read()
    assert len(kept.remove_expired()) == 1
    assert [entry.der for entry in machine.certificates(MY)] == [der(LEAF)]
    assert kept.remove_expired() == []


def test_one_that_somebody_named_by_hand_is_not_removed(machine: Machine, host: DirectHost) -> None:
    machine.add_certificate(MY, der(certificate("over", -20, -1)), friendly_name="web identity", key=b"x")
    save(holder(host))
    kept = holder(host)
    kept.read()
    assert len(kept.replaced) == 1
    assert kept.remove_expired() == []


def test_one_that_is_over_stays_while_it_is_the_only_one(machine: Machine, host: DirectHost) -> None:
    machine.add_certificate(MY, der(certificate("over", -20, -1)), friendly_name="web identity", key=b"x")
    kept = holder(host)
    assert kept.read().old is not None
    assert kept.remove_expired() == []


def test_a_run_that_is_killed_at_any_moment_loses_no_certificate(machine: Machine, real_collection: Path) -> None:
    host = MortalHost(machine, real_collection)
    old = certificate("old", begins=-20)
    save(holder(host), old)
    machine.moments = 0
    save(holder(host))
    left = set()
    for moment in range(1, machine.moments + 1):
        remove(machine, LEAF)
        machine.moments, machine.kill_at = 0, moment
        with pytest.raises(Killed):
            save(holder(host))
        machine.kill_at = None
        held = {entry.der: entry.key is not None for entry in machine.certificates(MY)}
        assert held.pop(der(old))
        assert held in ({}, {der(LEAF): True})
        found = holder(host).read()
        assert found.old is not None
        assert found.defect == ""
        left.update(files(machine))
        # The next certificate removes the file that was left.
        save(holder(host))
        assert files(machine) == []
        assert len(machine.certificates(MY)) == 2
    assert len(left) == 2


def remove(machine: Machine, leaf: Any) -> None:
    """Remove a certificate from the store."""
    for entry in machine.certificates(MY):
        if entry.der == der(leaf):
            machine.remove_certificate(MY, entry.thumbprint)


def test_whatever_fails_leaves_the_old_certificate_and_no_file(machine: Machine, host: DirectHost) -> None:
    old = certificate("old", begins=-20)
    save(holder(host), old)
    machine.moments = 0
    save(holder(host))
    for moment in range(1, machine.moments + 1):
        remove(machine, LEAF)
        machine.moments, machine.fail_at = 0, moment
        with pytest.raises(EstError, match="There is not enough space on the disk") as raised:
            save(holder(host))
        machine.fail_at = None
        assert raised.value.stage == "save"
        assert der(old) in {entry.der for entry in machine.certificates(MY)}
        assert files(machine) == [] or "is left behind, remove it" in raised.value.reason


def test_a_host_that_cannot_keep_one_is_told_before_the_ca_is_asked(machine: Machine, host: DirectHost) -> None:
    kept = holder(host, store="Nowhere")
    assert kept.read().old is None  # reading makes no difference between empty and not there
    with pytest.raises(EstError, match="unable to find store 'Nowhere'") as raised:
        kept.refuse_unwritable()
    assert (raised.value.stage, raised.value.request_received) == ("save", "not_received")
    assert files(machine) == []


def test_check_mode_writes_nothing(machine: Machine, host: DirectHost) -> None:
    kept = holder(host, check=True)
    kept.read()
    kept.refuse_unwritable()
    assert host.calls == ["win_certificate_info", "win_certificate_store"]
    assert not machine.real(STORE).exists()


def test_a_key_that_windows_did_not_take_is_told(machine: Machine, host: DirectHost) -> None:
    kept = holder(host)
    kept.read()
    kept.refuse_unwritable()

    def lose() -> None:
        (held,) = machine.certificates(MY)
        machine.remove_certificate(MY, held.thumbprint)
        machine.add_certificate(MY, held.der, friendly_name=held.friendly_name)

    host.meanwhile["win_certificate_info"] = lose
    with pytest.raises(EstError, match="is not there with its key after it was imported") as raised:
        kept.save(LEAF, [], KEY, DIGEST)
    assert "become_method runas" in raised.value.hint
    assert raised.value.request_received == "received"


PENDING = {"private_key.pem": "-----BEGIN PRIVATE KEY-----\ncanary\n", "state.json": "{}"}


def test_what_waits_for_approval_is_sealed_and_read_back(machine: Machine, host: DirectHost) -> None:
    kept = holder(host)
    kept.refuse_unwritable()
    assert kept.read_pending() is None
    kept.save_pending(PENDING)
    (name,) = files(machine)
    content = machine.read(f"{STORE}\\{name}")
    assert b"canary" not in content
    assert b"PRIVATE" not in content
    assert machine.who_may(f"{STORE}\\{name}") == {SYSTEM, ADMINISTRATORS}
    again = holder(host)
    assert again.read_pending() == PENDING
    assert holder(host, sealing_key=bytes(32)).read_pending() is None
    assert holder(host, name="other").read_pending() is None
    save(again)
    assert files(machine) == []


def test_what_waits_is_forgotten_where_it_was_found(machine: Machine, host: DirectHost) -> None:
    kept = holder(host)
    kept.refuse_unwritable()
    kept.save_pending(PENDING)
    again = holder(host)
    host.calls.clear()
    again.drop_pending()
    assert host.calls == []  # nobody looks for one in a run that needs nothing
    assert again.read_pending() == PENDING
    again.drop_pending()
    assert again.read_pending() is None
    assert files(machine) == []


REFUSAL = Refusal("d" * 64, NOW.replace(microsecond=0), "it lacks it", "Do that.", {"lost": ["a"], "differs": ["b"]})


def test_what_was_refused_is_noted_where_nobody_else_may_write_and_read_back_once(
    machine: Machine, host: DirectHost
) -> None:
    kept = holder(host)
    kept.refuse_unwritable()
    assert kept.read_refusal() is None
    refusal = REFUSAL.replace(found={**REFUSAL.found, "accepted_lost": []})
    kept.save_refusal(refusal)
    (name,) = files(machine)
    assert name.startswith("certificate-My-")
    assert name.endswith(".refused")
    assert machine.who_may(f"{STORE}\\{name}") == {SYSTEM, ADMINISTRATORS}
    again = holder(host)
    host.calls.clear()
    assert again.read_refusal() == again.read_refusal() == refusal
    assert host.calls == ["slurp"]
    assert holder(host, name="other").read_refusal() is None
    save(again)
    assert files(machine) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_note_of_a_refusal_refuses_nothing(machine: Machine, host: DirectHost, content: bytes) -> None:
    kept = holder(host)
    kept.refuse_unwritable()
    kept.save_refusal(REFUSAL)
    (name,) = files(machine)
    machine.write(f"{STORE}\\{name}", content)
    again = holder(host)
    assert again.read_refusal() is None
    save(again)
    assert files(machine) == []


def test_what_was_cut_short_counts_as_not_there(machine: Machine, host: DirectHost) -> None:
    kept = holder(host)
    kept.refuse_unwritable()
    kept.save_pending(PENDING)
    (name,) = files(machine)
    machine.write(f"{STORE}\\{name}", machine.read(f"{STORE}\\{name}")[:-9])
    again = holder(host)
    assert again.read_pending() is None
    save(again)
    assert files(machine) == []


def test_without_a_sealing_key_nothing_can_wait(machine: Machine, host: DirectHost) -> None:
    kept = holder(host, sealing_key=None)
    kept.refuse_unwritable()
    with pytest.raises(EstError, match="has no sealing key"):
        kept.save_pending(PENDING)
    assert files(machine) == []


@pytest.mark.parametrize("template", ["größe / <1>\\", "x" * 300])
def test_a_template_can_have_a_name_that_no_file_and_no_key_can_have(
    machine: Machine, host: DirectHost, template: str
) -> None:
    save(holder(host, template=template))
    (held,) = machine.certificates(MY)
    assert re.fullmatch("[A-Za-z0-9._-]{1,200}", held.friendly_name)
    assert holder(host, template=template).read().old is not None
    assert holder(host, template=template.replace("1", "2").replace("x", "y")).read().old is None


def test_a_key_that_cannot_be_used_is_a_problem_of_the_certificate(host: DirectHost) -> None:
    save(holder(host))
    found = holder(host, unusable="nobody can").read()
    assert found.old is not None
    assert found.old.problem(NOW) == "nobody can"
