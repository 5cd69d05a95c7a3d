// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Package interop names the program to build, so that go.mod keeps its requirements. Nothing here is ever compiled.
package interop

import _ "github.com/globalsign/est/cmd/estserver"
