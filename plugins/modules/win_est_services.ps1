#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ..module_utils._services
#AnsibleRequires -PowerShell ..module_utils._windows_files
#AnsibleRequires -PowerShell ..module_utils._windows_store
#AnsibleRequires -PowerShell ..module_utils._windows_notes
#AnsibleRequires -PowerShell ..module_utils._windows_services

$spec = @{
    options = @{
        store_path = @{ type = 'str'; required = $true }
        services = @{ type = 'list'; elements = 'str'; required = $true }
        certificates = @{
            type = 'list'
            elements = 'dict'
            default = @()
            options = @{
                store_name = @{ type = 'str'; required = $true }
                mark = @{ type = 'str'; required = $true }
            }
        }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

function Get-Result([hashtable]$Params, [bool]$CheckMode) {
    foreach ($certificate in $Params.certificates) { Assert-EstNoteName $certificate }
    if ($CheckMode) { return @{ changed = $true; problems = @{} } }
    return @{ changed = $true; problems = (Restart-EstOwed $Params) }
}

Exit-EstModule $module { Get-Result $module.Params $module.CheckMode }
