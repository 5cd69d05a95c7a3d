#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ..module_utils._relay
#AnsibleRequires -CSharpUtil ..module_utils._windows_diagnostics
#AnsibleRequires -PowerShell ..module_utils._windows_files
#AnsibleRequires -PowerShell ..module_utils._windows_last_tests
#AnsibleRequires -PowerShell ..module_utils._windows_diagnostics

$spec = @{
    options = @{
        relays = @{ type = 'json'; default = '[]' }
        store_path = @{ type = 'str'; required = $true }
        output_path = @{ type = 'str'; required = $true }
        log_paths = @{ type = 'list'; elements = 'str'; default = @() }
        max_log_size = @{ type = 'int'; required = $true }
        time_limit = @{ type = 'int'; required = $true }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$utilities = 'ansible_collections.estfleet.cloud_extender.plugins.module_utils'
$order = @{ relays = ConvertFrom-EstJson $module.Params.relays; log_paths = @($module.Params.log_paths) }
foreach ($name in 'store_path', 'output_path', 'max_log_size', 'time_limit') { $order[$name] = $module.Params[$name] }

Exit-EstModule $module {
    $native = "$utilities._windows_diagnostics"
    $collected = Get-EstDiagnostics $order ([type]"$utilities._relay.Relay") ([type]"$native.WinHttp") ([type]"$native.Ending")
    return $collected + @{ changed = $false }
}
