#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ..module_utils._relay

$spec = @{
    options = @{
        host = @{ type = 'str'; required = $true }
        port = @{ type = 'int'; required = $true }
        proxy_host = @{ type = 'str' }
        proxy_port = @{ type = 'int' }
        trust = @{ type = 'str'; required = $true; choices = 'explicit', 'system', 'unverified' }
        anchors = @{ type = 'list'; elements = 'str' }
        client_certificate = @{ type = 'str' }
        client_key = @{ type = 'str'; no_log = $false }
        requests = @{ type = 'list'; elements = 'str'; required = $true; no_log = $true }
        connect_timeout = @{ type = 'int'; default = 10 }
        timeout = @{ type = 'int'; default = 30 }
        max_answer_size = @{ type = 'int'; default = 1114112 }
    }
    required_if = @(, @('trust', 'explicit', @('anchors')))
    required_together = @(, @('proxy_host', 'proxy_port'))
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$relay = [type]'ansible_collections.estfleet.cloud_extender.plugins.module_utils._relay.Relay'
$result = $relay::Run($module.Params)
foreach ($name in $result.Keys) { $module.Result[$name] = $result[$name] }
$module.ExitJson()
