#!powershell

# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic

$spec = @{
    options = @{
        path = @{ type = 'str'; required = $true }
        max_size = @{ type = 'int'; required = $true }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$module.Result.content = ''
$module.Result.problem = ''
$path, $limit = $module.Params.path, $module.Params.max_size
try {
    if ([IO.Directory]::Exists($path)) { throw [IO.InvalidDataException]::new() }
    $sharing = [IO.FileShare]::ReadWrite -bor [IO.FileShare]::Delete
    $file = [IO.FileStream]::new($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, $sharing)
    try {
        if (-not $file.CanSeek) { throw [IO.InvalidDataException]::new() }
        $octets = [byte[]]::new([Math]::Min($file.Length, $limit + 1))
        $length = 0
        while ($length -lt $octets.Length) {
            $read = $file.Read($octets, $length, $octets.Length - $length)
            if ($read -eq 0) { break }
            $length += $read
        }
        if ($length -gt $limit) { $module.Result.problem = 'too_large' }
        else { $module.Result.content = [Convert]::ToBase64String($octets, 0, $length) }
    }
    finally { $file.Dispose() }
}
catch {
    $cause = $_.Exception.GetBaseException()
    $module.Result.problem = if ($cause -is [IO.FileNotFoundException] -or $cause -is [IO.DirectoryNotFoundException]) { 'not_found' }
    elseif ($cause -is [UnauthorizedAccessException]) { 'not_permitted' }
    elseif ($cause -is [IO.InvalidDataException]) { 'not_a_file' }
    else { 'failed' }
}
$module.ExitJson()
