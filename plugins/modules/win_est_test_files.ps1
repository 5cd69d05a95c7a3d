#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell ..module_utils._windows_files
#AnsibleRequires -PowerShell ..module_utils._windows_store
#AnsibleRequires -PowerShell ..module_utils._windows_last_tests
#AnsibleRequires -PowerShell ..module_utils._windows_test_files

$spec = @{
    options = @{
        operation = @{ type = 'str'; required = $true; choices = @('read', 'save_pending', 'save_issued', 'save_unusable', 'note') }
        output_path = @{ type = 'str'; required = $true }
        template = @{ type = 'str'; required = $true }
        certificate_name = @{ type = 'str'; required = $true }
        files = @{ type = 'json'; no_log = $true }
        pad = @{ type = 'str'; no_log = $true }
        store_path = @{ type = 'str' }
        key_pad = @{ type = 'str'; no_log = $true }
        came = @{ type = 'json' }
    }
    required_if = @(
        , @('operation', 'read', @('pad'))
        , @('operation', 'save_pending', @('files'))
        , @('operation', 'save_issued', @('files'))
        , @('operation', 'save_unusable', @('files'))
        , @('operation', 'note', @('store_path', 'came'))
    )
    required_by = @{ came = 'store_path'; key_pad = 'store_path' }
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

function Get-Result($Params) {
    if ($Params.operation -eq 'note') {
        Save-EstTest $Params.store_path $Params.template (ConvertFrom-EstJson $Params.came)
        return @{ changed = $true }
    }
    $test = Get-EstTestFolder $Params.output_path $Params.template $Params.certificate_name
    if ($Params.operation -ne 'read') {
        $kind = @{ save_pending = 'Pending'; save_issued = 'Issued'; save_unusable = 'Unusable' }[$Params.operation]
        $path = Save-EstTestFiles $test $kind (ConvertFrom-EstJson $Params.files)
        return @{ changed = $true; path = $path; not_noted = (Get-NotNoted $Params) }
    }
    $result = @{ changed = $false }
    if ($Params.store_path) { $result.document = Read-EstStore $Params.store_path (ConvertFrom-EstKeyPad $Params.key_pad) }
    $files = Read-EstPending $test
    if ($null -eq $files) { return $result }
    $pad = [Convert]::FromBase64String($Params.pad)
    $key = [Text.Encoding]::ASCII.GetBytes($files['private_key.pem'])
    $request = [Text.Encoding]::ASCII.GetBytes($files['request.pem'])
    $files.Remove('private_key.pem')
    $files.Remove('request.pem')
    $maskedKey = [Convert]::ToBase64String((Get-EstMasked $key $pad))
    # No octet of a one-time pad is used twice.
    $rest = New-Object byte[] ($pad.Length - $key.Length)
    [Array]::Copy($pad, $key.Length, $rest, 0, $rest.Length)
    $maskedRequest = [Convert]::ToBase64String((Get-EstMasked $request $rest))
    $path = Join-Path $test.Parent $test.Pending
    return $result + @{ files = $files; masked_key = $maskedKey; masked_request = $maskedRequest; path = $path }
}

# Notes what came of the test, where that is given; returns why that could not be done.
function Get-NotNoted($Params) {
    if (-not $Params.came) { return '' }
    try { Save-EstTest $Params.store_path $Params.template (ConvertFrom-EstJson $Params.came) }
    catch {
        if (-not (Test-EstError $_)) { throw }
        return (Get-EstCause $_).Message
    }
    return ''
}

Exit-EstModule $module { Get-Result $module.Params }
