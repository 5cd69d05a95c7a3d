# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask


def test_masking_twice_gives_the_data_back():
    pad = bytes(range(256))
    assert mask(mask(b"a secret", pad), pad) == b"a secret"
    assert mask(b"a secret", pad) != b"a secret"


def test_a_pad_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        mask(b"abc", b"ab")
