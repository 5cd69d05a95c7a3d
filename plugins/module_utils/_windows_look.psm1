# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The end of the program of the quick look on a Windows host: the twin of quick_look() in module_utils/_store/look.py and of
# module_utils/_told.py. plugins/plugin_utils/host/windows_program.py makes the program, of this file and of those that the
# module has for reading.

#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Returns what Read-EstStore tells, as one line; nothing where that is not to be had at once. It has never the key: what a
# PowerShell says can be kept in logs of the host.
#
# StorePath: in UTF-8 and base64.
function Get-EstLook([string]$StorePath) {
    # In the program all files are one. It is the module that waits for others.
    $script:LOCK_SECONDS = $script:OPEN_SECONDS = 0
    try { $found = Read-EstStore ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($StorePath))) $null }
    catch { return }
    $entries = foreach ($name in $found.Keys) { "`"$name`":$(ConvertTo-EstPlain $found[$name])" }
    return "{$($entries -join ',')}"
}

# Returns JSON in which all texts are in base64: no code page can spoil it.
function ConvertTo-EstPlain($Value) {
    if ($null -eq $Value) { return 'null' }
    if ($Value -is [bool]) { return $(if ($Value) { 'true' } else { 'false' }) }
    if ($Value -is [array]) { return "[$(@(foreach ($entry in $Value) { ConvertTo-EstPlain $entry }) -join ',')]" }
    return "`"$([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes("$Value")))`""
}

Export-ModuleMember -Function '*-Est*'
