#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ..module_utils._keys
#AnsibleRequires -PowerShell ..module_utils._windows_files
#AnsibleRequires -PowerShell ..module_utils._windows_store
#AnsibleRequires -PowerShell ..module_utils._windows_notes
#AnsibleRequires -PowerShell ..module_utils._windows_keys
#AnsibleRequires -PowerShell ..module_utils._windows_purge

$spec = @{
    options = @{
        operation = @{ type = 'str'; required = $true; choices = @('look', 'make', 'sign', 'join', 'grant', 'note', 'remove', 'purge') }
        store_path = @{ type = 'str'; required = $true }
        certificates = @{
            type = 'list'
            elements = 'dict'
            options = @{
                store_name = @{ type = 'str'; required = $true }
                mark = @{ type = 'str'; required = $true }
                name = @{ type = 'str'; required = $true }
                key_readers = @{ type = 'list'; elements = 'str'; default = @(); no_log = $false }
                services = @{ type = 'list'; elements = 'str'; default = @() }
                every = @{ type = 'bool'; default = $false }
            }
        }
        with_document = @{ type = 'bool'; default = $false }
        with_made = @{ type = 'bool'; default = $false }
        declared = @{
            type = 'list'
            elements = 'dict'
            default = @()
            options = @{
                store_name = @{ type = 'str'; required = $true }
                mark = @{ type = 'str'; required = $true }
                made = @{ type = 'str'; required = $true }
            }
        }
        made = @{ type = 'str' }
        store_name = @{ type = 'str' }
        mark = @{ type = 'str' }
        name = @{ type = 'str' }
        key_readers = @{ type = 'list'; elements = 'str'; default = @(); no_log = $false }
        services = @{ type = 'list'; elements = 'str'; default = @() }
        key_pad = @{ type = 'str'; no_log = $true }
        pad = @{ type = 'str'; no_log = $true }
        key_provider = @{ type = 'str'; choices = @('software', 'tpm', 'csp'); default = 'software'; no_log = $false }
        key_type = @{ type = 'str'; choices = @('rsa', 'ec'); no_log = $false }
        key_size = @{ type = 'int'; default = 0; no_log = $false }
        key_curve = @{ type = 'str'; choices = @('P-256', 'P-384', 'P-521'); no_log = $false }
        key_exportable = @{ type = 'bool'; default = $false; no_log = $false }
        thumbprint = @{ type = 'str' }
        data = @{ type = 'str'; no_log = $true }
        hash = @{ type = 'str'; choices = @('sha256', 'sha384', 'sha512') }
        certificate = @{ type = 'str' }
        friendly_name = @{ type = 'str' }
        intermediates = @{ type = 'list'; elements = 'str'; default = @() }
        note = @{ type = 'str'; choices = @('pending', 'refused', 'unusable') }
        content = @{ type = 'str'; no_log = $true }
        thumbprints = @{ type = 'list'; elements = 'str'; default = @() }
        waiting = @{ type = 'bool'; default = $false }
    }
    required_if = @(
        , @('operation', 'look', @('certificates', 'pad'))
        , @('operation', 'make', @('store_name', 'mark', 'name', 'key_type'))
        , @('operation', 'sign', @('store_name', 'mark', 'name', 'data', 'hash'))
        , @('operation', 'join', @('store_name', 'mark', 'name', 'certificate', 'friendly_name'))
        , @('operation', 'grant', @('store_name', 'mark', 'name', 'thumbprint'))
        , @('operation', 'note', @('store_name', 'mark', 'name', 'note', 'content'))
        , @('operation', 'remove', @('store_name', 'mark', 'name'))
        , @('operation', 'purge', @(, 'certificates'))
        , @('key_type', 'ec', @('key_curve'))
    )
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

# Throws where an option has a value that cannot be meant.
function Assert-Options([hashtable]$Params) {
    $meant = if ($Params.operation -in 'look', 'purge') { $Params.certificates } else { , $Params }
    foreach ($certificate in $meant) {
        Assert-EstNoteName $certificate
        foreach ($name in $certificate.services) {
            if ($name -notmatch '\A[^\\/\p{C}]{1,256}\z') { throw (New-EstError "services cannot have '$name'" 'invalid_option') }
        }
    }
    if ($Params.thumbprint -and $Params.thumbprint -cnotmatch '\A[0-9A-Fa-f]{40}\z') { throw (New-EstError "thumbprint cannot be '$($Params.thumbprint)'" 'invalid_option') }
    foreach ($certificate in $Params.declared) {
        Assert-EstNoteName $certificate
        try { $null = [Convert]::FromBase64String($certificate.made) } catch { throw (New-EstError 'made of declared is not base64' 'invalid_option') }
        if (@($Params.certificates | Where-Object { $_.store_name -eq $certificate.store_name -and $_.mark -eq $certificate.mark }).Count) {
            throw (New-EstError "declared and certificates have $($certificate.mark) both" 'invalid_option')
        }
    }
    foreach ($name in 'pad', 'data', 'certificate', 'content', 'made') {
        try { $null = [Convert]::FromBase64String("$($Params[$name])") } catch { throw (New-EstError "$name is not base64" 'invalid_option') }
    }
    if ($Params.key_type -eq 'rsa' -and ($Params.key_size -lt 2048 -or $Params.key_size -gt 4096 -or $Params.key_size % 8)) {
        throw (New-EstError "key_size cannot be $($Params.key_size): an RSA key has 2048 to 4096 bits, a multiple of 8" 'invalid_option')
    }
    if ($Params.key_provider -eq 'csp' -and $Params.key_type -eq 'ec') { throw (New-EstError 'key_provider csp has RSA keys only; choose software or tpm for an EC key' 'invalid_option') }
    if ($Params.key_provider -eq 'tpm' -and $Params.key_exportable) { throw (New-EstError 'key_exportable cannot be had with key_provider tpm: no key leaves a TPM' 'invalid_option') }
}

function Get-Result([hashtable]$Params, [bool]$CheckMode) {
    Assert-Options $Params
    if ($Params.operation -eq 'look') { return (Get-EstLooks $Params) + @{ changed = $false } }
    if ($Params.operation -eq 'sign') { return @{ changed = $false; signature = (Get-EstSignature $Params) } }
    if ($Params.operation -eq 'purge') { return Remove-EstUndeclared $Params $CheckMode }
    if ($CheckMode) { return @{ changed = $true } }
    switch ($Params.operation) {
        'make' { return @{ changed = $true; public_key = (New-EstKey $Params) } }
        'join' { Join-EstCertificate $Params; return @{ changed = $true } }
        'grant' { Grant-EstKey $Params; return @{ changed = $true } }
        'note' { return @{ changed = $true; path = (Save-EstNote $Params) } }
        'remove' { return @{ changed = $true; removed = (Remove-EstCertificates $Params) } }
    }
}

Exit-EstModule $module { Get-Result $module.Params $module.CheckMode }
