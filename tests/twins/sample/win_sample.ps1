# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ..sample._sample

# The twin of sample.py. It catches what it throws itself, as a module may that has to tell of any failure.

$spec = @{
    options = @{
        operation = @{ type = 'str'; default = 'say'; choices = 'say', 'fail', 'crash', 'write', 'silent' }
        text = @{ type = 'str' }
        number = @{ type = 'int'; default = 7 }
        entries = @{ type = 'list'; elements = 'dict' }
        secret = @{ type = 'str'; no_log = $true }
        path = @{ type = 'path' }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
if ($module.Params.operation -eq 'silent') { return }
if ($module.Params.operation -eq 'crash') { throw 'it crashed' }
try {
    if ($module.Params.operation -eq 'fail') {
        $module.Result.code = 'no_reason'
        $module.FailJson('it failed')
    }
    if ($module.Params.operation -eq 'write') {
        if (-not $module.CheckMode) { [ansible_collections.estfleet.cloud_extender.tests.twins.sample.Pen]::Write($module.Params.path, $module.Params.text) }
        $module.Result.changed = $true
        $module.ExitJson()
    }
    foreach ($name in 'text', 'number', 'entries') { $module.Result[$name] = $module.Params[$name] }
    $module.Result.heard = "$($module.Params.secret)".Length
    $module.ExitJson()
}
catch { $module.FailJson("caught: $_") }
