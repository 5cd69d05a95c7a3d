#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils._windows_files
#AnsibleRequires -PowerShell ..module_utils._windows_store

$spec = @{
    options = @{
        operation = @{ type = 'str'; required = $true; choices = @('read', 'write', 'make_key') }
        store_path = @{ type = 'str'; required = $true }
        key_pad = @{ type = 'str'; no_log = $true }
        content = @{ type = 'str'; no_log = $true }
        expected_sha256 = @{ type = 'str'; default = '' }
        expected_key = @{ type = 'str'; default = ''; no_log = $false }
        use_new_key = @{ type = 'bool'; default = $false; no_log = $false }
        replaced_key = @{ type = 'str'; default = ''; no_log = $false }
        keep_old = @{ type = 'bool'; default = $false }
    }
    required_if = @(, @('operation', 'write', @('content')); , @('operation', 'make_key', @('key_pad')))
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

function Get-Result([hashtable]$Params, [bool]$CheckMode) {
    $pad = ConvertFrom-EstKeyPad $Params.key_pad
    if ($Params.operation -eq 'read') { return (Read-EstStore $Params.store_path $pad) + @{ changed = $false } }
    if ($CheckMode) { return @{ changed = $true; conflict = $false; kept = ''; masked_key = '' } }
    if ($Params.operation -eq 'make_key') {
        $masked = New-EstStoreKey $Params.store_path $pad $Params.replaced_key
        return @{ changed = [bool]$masked; masked_key = $masked }
    }
    $written = Write-EstStore $Params.store_path $Params
    return $written + @{ changed = -not $written.conflict }
}

Exit-EstModule $module { Get-Result $module.Params $module.CheckMode }
