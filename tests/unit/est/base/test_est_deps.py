# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told where a library is missing."""

from __future__ import annotations

import types

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base import libraries as deps
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import MissingLibrary


def use_versions(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    def load(name: str) -> types.SimpleNamespace:
        version = versions.get(name, "99")
        if version is None:
            raise ImportError(f"No module named {name!r}")
        return types.SimpleNamespace(__version__=version)

    monkeypatch.setattr(deps.importlib, "import_module", load)


def test_the_installed_libraries_are_new_enough() -> None:
    deps.require_libraries()


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use_versions(monkeypatch, cryptography=None)
    with pytest.raises(MissingLibrary) as caught:
        deps.require_libraries()
    assert "cryptography is not usable (No module named 'cryptography')" in caught.value.reason
    assert "3.4.8 or newer" in caught.value.reason
    assert "python3-cryptography" in caught.value.hint
    assert "pip install 'cryptography>=3.4.8'" in caught.value.hint


@pytest.mark.parametrize("version", ["2.24.0", "2", "1.99.9rc1"])
def test_a_library_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    use_versions(monkeypatch, requests=version)
    with pytest.raises(MissingLibrary, match="requests is too old"):
        deps.require_libraries()


@pytest.mark.parametrize("version", ["2.25", "2.25.0", "2.25.1.dev0", "2.100", "3"])
def test_versions_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    use_versions(monkeypatch, requests=version)
    deps.require_libraries()


def test_only_the_named_library_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    use_versions(monkeypatch, requests=None)
    deps.require_libraries("cryptography")


def test_versions_tells_what_is_there_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    use_versions(monkeypatch, requests=None, cryptography="3.4.8")
    found = deps.versions()
    assert found["requests"] is None
    assert found["cryptography"] == "3.4.8"
    assert found["openssl"]
