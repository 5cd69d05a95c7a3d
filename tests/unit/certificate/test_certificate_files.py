# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate in files of a POSIX host: also after a killed run, through links, and with files that are damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.lab import LabServer
from support.production import FileHolder, keep, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

DIGEST = "ab" * 32


class Killed(BaseException):
    """A run that ends here and cleans nothing up."""


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def holder(tmp_path):
    return FileHolder(str(tmp_path / "host.pem"), str(tmp_path / "host.key"))


def own(issued):
    """The certificate of the lab as the client reads it."""
    return Certificate(issued.certificate.public_bytes(Encoding.DER))


def save(holder, issued, digest=DIGEST):
    holder.read()
    holder.save(own(issued), (), issued.private_key, digest)


def test_what_was_saved_is_found_with_its_digest(lab, holder):
    issued = lab.issue()
    save(holder, issued)
    found = holder.read()
    assert found.old.certificate == own(issued)
    assert (found.defect, found.digest, found.recovered) == ("", DIGEST, ())
    assert "PRIVATE" not in repr(found)


def _killed_when(monkeypatch, count):
    """Let the run be killed before the rename of that number, counted from 0."""
    renames = []
    real = os.rename

    def rename(source, target, **more):
        renames.append(target)
        if len(renames) > count:
            raise Killed
        real(source, target, **more)

    monkeypatch.setattr(os, "rename", rename)
    return renames


@pytest.mark.parametrize("count", range(5))
def test_req_083_a_killed_run_leaves_one_pair_whose_note_is_known(lab, holder, monkeypatch, count):
    """Note; key and certificate beside the old ones; key and certificate in place: a kill before each rename."""
    old, new = lab.issue("old"), lab.issue("new")
    save(holder, old, "01" * 32)
    with monkeypatch.context() as patched:
        _killed_when(patched, count)
        with pytest.raises(Killed):
            save(holder, new, "02" * 32)
    found = FileHolder(holder.place(), holder.places()["private_key_path"]).read()
    assert found.defect == ""
    assert len(found.recovered) == 1
    expected = (new, "02" * 32) if count >= 3 else (old, "01" * 32)
    assert (found.old.certificate, found.digest) == (own(expected[0]), expected[1])


def test_all_kills_are_covered(lab, holder, monkeypatch):
    save(holder, lab.issue("old"))
    renames = _killed_when(monkeypatch, 100)
    save(holder, lab.issue("new"))
    assert len(renames) == 5


def test_a_pair_that_a_killed_run_left_complete_is_a_change_once(lab, tmp_path, monkeypatch):
    template = template_for(lab)
    keep(tmp_path, template)
    with monkeypatch.context() as patched:
        _killed_when(patched, 3)
        with pytest.raises(Killed):
            keep(tmp_path, template, force=True)
    healed = keep(tmp_path, template)
    assert (healed["status"], healed["action"], healed["changed"]) == ("recovered", "none", True)
    assert healed["reason"].startswith("a run that was killed had left a new certificate and its key")
    assert healed["diff"]["after"] == f"/CN=jdoe/emailAddress=jdoe@example.com in {tmp_path}/host.pem\n"
    again = keep(tmp_path, template)
    assert (again["status"], again["changed"]) == ("unchanged", False)


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("method", ["rekey", "renew"])
def test_check_mode_tells_of_what_a_killed_run_left_and_changes_nothing(lab, tmp_path, monkeypatch, count, method):
    template = template_for(lab)
    places = {"chain_path": str(tmp_path / "chain.pem")} if method == "renew" else {}
    keep(tmp_path, template, **places)
    with monkeypatch.context() as patched:
        _killed_when(patched, count)
        with pytest.raises(Killed):
            keep(tmp_path, template, force=True, renewal_method=method, **places)
    content = _content(tmp_path)
    told = keep(tmp_path, template, check=True, **places)
    assert _content(tmp_path) == content
    done = keep(tmp_path, template, **places)
    for key in ("status", "changed", "reason", "certificate", "diff"):
        assert told[key] == done[key], key
    assert (done["status"], done["changed"]) == ("recovered", True)
    assert sorted(_content(tmp_path)) == sorted(
        [".host.pem.est-note", "host.key", "host.pem", *map(os.path.basename, places.values())]
    )
    assert keep(tmp_path, template, **places)["status"] == "unchanged"


def _content(folder):
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_each_file_is_read_once(lab, holder, monkeypatch):
    save(holder, lab.issue())
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *more, **named: opened.append(str(path)) or real(path, *more, **named))
    assert holder.read().digest == DIGEST
    assert sorted(path for path in opened if "host." in path) == [".host.pem.est-note", "host.key", "host.pem"]


def test_a_look_writes_nothing_where_nothing_is_left(lab, holder, monkeypatch):
    """The file system may be mounted read-only."""
    save(holder, lab.issue())
    real = os.open

    def read_only(path, flags, *more, **named):
        assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT), path
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", read_only)
    assert holder.read().digest == DIGEST


def test_links_stay_links(lab, tmp_path):
    (tmp_path / "real").mkdir()
    for name in ("host.pem", "host.key"):
        (tmp_path / name).symlink_to(tmp_path / "real" / name)
    holder = FileHolder(str(tmp_path / "host.pem"), str(tmp_path / "host.key"))
    assert holder.read().old is None
    holder.refuse_unwritable()
    save(holder, lab.issue())
    assert holder.read().digest == DIGEST
    assert (tmp_path / "host.pem").is_symlink()
    assert sorted(os.listdir(tmp_path / "real")) == [".host.pem.est-note", "host.key", "host.pem"]


def test_a_certificate_without_its_key_is_shown_and_not_used(lab, holder, tmp_path):
    issued = lab.issue()
    save(holder, issued)
    (tmp_path / "host.key").unlink()
    found = holder.read()
    assert (found.certificate, found.old) == (own(issued), None)
    assert found.defect.endswith("was not there")


@pytest.mark.parametrize("note", ["", "{", "[]", '{"issued": []}', '{"issued": {"x": 1}}'])
def test_a_damaged_note_counts_as_none(lab, holder, tmp_path, note):
    save(holder, lab.issue())
    (tmp_path / ".host.pem.est-note").write_text(note)
    assert holder.read().digest == ""


def test_the_note_of_another_certificate_does_not_count(lab, holder, tmp_path):
    save(holder, lab.issue())
    issued = lab.issue("other")
    (tmp_path / "host.pem").write_text(issued.certificate_pem)
    (tmp_path / "host.key").write_text(issued.key_pem)
    assert holder.read().digest == ""


def test_the_note_knows_the_current_certificate_and_no_more_than_the_one_before(lab, holder, tmp_path):
    for name in ("one", "two", "three"):
        save(holder, lab.issue(name))
    assert len(json.loads((tmp_path / ".host.pem.est-note").read_text())["issued"]) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"private_key.pem": 1}'])
def test_damaged_pending_files_count_as_none(holder, tmp_path, content):
    (tmp_path / ".host.key.est-pending").write_text(content)
    assert holder.read_pending() is None


def _full_when_written(monkeypatch, name):
    real = os.open

    def full(path, *more, **named):
        if path == name:
            raise OSError(28, "No space left on device")
        return real(path, *more, **named)

    monkeypatch.setattr(os, "open", full)


def test_a_full_disk_is_told_and_leaves_the_old_pair(lab, tmp_path, monkeypatch):
    template = template_for(lab)
    keep(tmp_path, template)
    old = (tmp_path / "host.pem").read_bytes(), (tmp_path / "host.key").read_bytes()

    def full(*_values, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(EstError, match=r"cannot be kept: .*\.host\.pem\.est-note: No space left on device") as caught:
        keep(tmp_path, template, force=True)
    assert (caught.value.stage, caught.value.request_received) == ("save", "received")
    monkeypatch.undo()
    _full_when_written(monkeypatch, ".host.key.est-part")
    with pytest.raises(EstError, match="No space left on device"):
        keep(tmp_path, template, force=True)
    assert old == ((tmp_path / "host.pem").read_bytes(), (tmp_path / "host.key").read_bytes())
    monkeypatch.undo()
    assert keep(tmp_path, template)["status"] == "unchanged"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_that_may_not_be_read_is_no_reason_to_replace_it(lab, holder, tmp_path):
    save(holder, lab.issue())
    (tmp_path / "host.key").chmod(0)
    with pytest.raises(EstError, match="Permission denied"):
        holder.read()


def test_a_run_with_nothing_to_do_loads_no_http_client(lab, tmp_path):
    program = f"""
import sys
sys.path.insert(0, {os.path.join(os.path.dirname(__file__), "..", "..")!r})
import ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.posix_holder
import ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.run
print("requests" in sys.modules, "urllib3" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
