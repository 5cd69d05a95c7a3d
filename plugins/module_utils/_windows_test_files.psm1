# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Where a test enrolment leaves its files on a Windows host: the twin of module_utils/_exchange/files.py, which says what
# lies where and why. Each folder of a test appears whole, by one renaming.

#AnsibleRequires -PowerShell ._windows_files

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:KEY = 'private_key.pem'
$script:PENDING_FILES = @('private_key.pem', 'request.pem', 'state.json')
$script:FILE_OCTETS = 16KB
$script:ROOM_OCTETS = 64KB
$script:ASIDE = '.old'
$script:DEVICES = '\A(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9\u00b9\u00b2\u00b3]|LPT[0-9\u00b9\u00b2\u00b3])(?:\..*)?\z'

# Returns a name for the folder of a template: its own where that is harmless, else one that is told apart by a hash.
function Get-EstFolderName([string]$Template) {
    $hash = (Get-EstDigest ([Text.Encoding]::UTF8.GetBytes($Template))).Substring(0, 8)
    $safe = [regex]::Replace($Template, '[\uD800-\uDBFF][\uDC00-\uDFFF]|[^A-Za-z0-9._-]', '_')
    if ($safe -cne $Template -or $safe.StartsWith('.')) { $safe = "$($safe.TrimStart('.'))-$hash" }
    # Windows has no such names, or keeps them for devices.
    if ($safe -match $script:DEVICES -or $safe.EndsWith('.')) { return "_$($safe.TrimEnd('.'))-$((Get-EstDigest ([Text.Encoding]::UTF8.GetBytes($safe))).Substring(0, 8))" }
    return $safe
}

# Returns where the files of a test are. Path, of the issued certificate, and PendingPath; Parent, the folder of both; and
# the names in it.
function Get-EstTestFolder([string]$OutputPath, [string]$Template, [string]$CertificateName) {
    $parent = Join-Path (Get-EstPath $OutputPath) (Get-EstFolderName $Template)
    return @{
        Parent = $parent; Issued = $CertificateName; Pending = "$CertificateName+pending"; Unusable = "$CertificateName+unusable"
    }
}

# Turns what goes wrong into an error about the file or folder.
function New-EstFilesError([Management.Automation.ErrorRecord]$Record, [string]$Path) {
    $cause = Get-EstCause $Record
    if (Test-EstError $Record) { return New-EstError $cause.Message 'not_saved' }
    $words, $hint = Get-EstReason $cause $Path
    return New-EstError "${Path}: $words$(if ($hint) { "; $hint" })" 'not_saved'
}

# Returns the files of a pending enrolment by name, or nothing where there is none that is complete.
#
# A test begins with this. So it also tells where nothing could be written later. It makes no folder, and changes only
# what a killed run left half-way.
function Read-EstPending([hashtable]$Test) {
    try {
        Assert-EstRoom $Test.Parent
        if ($null -eq (Get-EstAttributes $Test.Parent)) { return $null }
        Assert-EstFolder $Test.Parent 'output_path'
        $lock = Lock-EstFolder $Test.Parent -Looking
        try {
            Assert-EstFolder $Test.Parent 'output_path'
            if (-not @(Get-EstLeft $Test).Count) { return Get-EstPendingFiles $Test }
        }
        finally { if ($lock) { $lock.Dispose() } }
        return Invoke-EstAtWork $Test { Get-EstPendingFiles $Test }
    }
    catch { throw (New-EstFilesError $_ $Test.Parent) }
}

function Get-EstPendingFiles([hashtable]$Test) {
    $folder = Join-Path $Test.Parent $Test.Pending
    $attributes = Get-EstAttributes $folder
    if ($null -eq $attributes -or (Get-EstKind $folder $attributes) -ne 'is a folder') { return $null }
    $found = @{}
    foreach ($name in $script:PENDING_FILES) {
        $file = Read-EstFile $folder $name $script:FILE_OCTETS
        if ($file.Problem -eq 'is a folder') { throw (New-EstError "$(Join-Path $folder $name) is a folder; move it away" 'not_saved') }
        if ($null -eq $file.Content -or @($file.Content | Where-Object { $_ -gt 127 }).Count) { return $null }
        $found[$name] = [Text.Encoding]::ASCII.GetString($file.Content)
    }
    return $found
}

# Keeps the files of a test in place of older ones; returns their folder.
#
# Kind: Issued, which ends what was pending, Pending or Unusable.
function Save-EstTestFiles([hashtable]$Test, [string]$Kind, $Files) {
    try {
        Assert-EstWay $Test.Parent 'output_path'
        New-EstFolder $Test.Parent
        Assert-EstFolder $Test.Parent 'output_path'
        $null = Invoke-EstAtWork $Test {
            Switch-EstFolder $Test.Parent $Test[$Kind] $Files
            if ($Kind -eq 'Issued') { Remove-EstFile (Join-Path $Test.Parent $Test.Pending) }
        }
        return Join-Path $Test.Parent $Test[$Kind]
    }
    catch { throw (New-EstFilesError $_ $Test.Parent) }
}

# Runs something under the lock, once what killed runs left is put right.
function Invoke-EstAtWork([hashtable]$Test, [ScriptBlock]$What) {
    $lock = Lock-EstFolder $Test.Parent
    try {
        Assert-EstFolder $Test.Parent 'output_path'
        foreach ($left in @(Get-EstLeft $Test)) {
            $path = Join-Path $Test.Parent $left.Name
            $target = Join-Path $Test.Parent $left.Target
            if ($left.Name.EndsWith($script:ASIDE) -and $null -eq (Get-EstAttributes $target)) { Move-EstFolder $path $target }
            else { Remove-EstFile $path }
        }
        return & $What
    }
    finally { $lock.Dispose() }
}

# Returns the folders that runs were killed with, and what each was to become.
function Get-EstLeft([hashtable]$Test) {
    foreach ($path in @([IO.Directory]::GetFileSystemEntries($Test.Parent) | Sort-Object)) {
        $name = [IO.Path]::GetFileName($path)
        foreach ($target in $Test.Issued, $Test.Pending, $Test.Unusable) {
            if ($name.StartsWith(".$target~", [StringComparison]::OrdinalIgnoreCase)) { @{ Name = $name; Target = $target } }
        }
    }
}

# Puts a folder with files in place of an older one.
function Switch-EstFolder([string]$Parent, [string]$Target, $Files) {
    $new = Join-Path $Parent ".$Target~$(ConvertTo-EstHex (Get-EstRandom 4))"
    $path, $aside = (Join-Path $Parent $Target), "$new$($script:ASIDE)"
    try {
        New-EstFolder $new
        foreach ($name in $Files.Keys) {
            $content = (New-Object Text.UTF8Encoding($false)).GetBytes("$($Files[$name])")
            $stream = Open-EstFile (Join-Path $new $name) CreateNew
            try {
                $stream.Write($content, 0, $content.Length)
                $stream.Flush($true)
            }
            finally { $stream.Dispose() }
        }
        $replaces = $null -ne (Get-EstAttributes $path)
        if ($replaces) { Move-EstFolder $path $aside }
        try { Move-EstFolder $new $path }
        catch {
            if ($replaces) { Move-EstFolder $aside $path }
            throw
        }
    }
    finally {
        # Where the new one is in its place, nothing of that name is left.
        try { Remove-EstFile $new } catch { Write-Debug 'the next run removes it' }
    }
    try { Remove-EstFile $aside } catch { Write-Debug 'the next run removes it' }
}

# Gives a folder another name, once no program has a file of it open.
function Move-EstFolder([string]$From, [string]$To) {
    Invoke-EstRetry { [IO.Directory]::Move($From, $To) }
}

# Throws where nothing could be made in a folder, or in the one above it that is there.
function Assert-EstRoom([string]$Path) {
    Assert-EstWay $Path 'output_path'
    $at = $Path
    while ($null -eq (Get-EstAttributes $at) -and [IO.Path]::GetDirectoryName($at)) { $at = [IO.Path]::GetDirectoryName($at) }
    # Only trying tells: access lists, disks and shares can all forbid it. It takes the room that the files may need.
    $try = Join-Path $at ".est-try-$(ConvertTo-EstHex (Get-EstRandom 4))"
    try {
        $stream = Open-EstFile $try CreateNew
        try { $stream.SetLength($script:ROOM_OCTETS) } finally { $stream.Dispose() }
    }
    catch { throw (New-EstFilesError $_ $at) }
    finally { Remove-EstFile $try }
}

Export-ModuleMember -Function '*-Est*'
