# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What is noted of a production certificate of a Windows host, in the folder of the template store: the key that waits for
# it, a request that must be approved, what was refused or cannot be used, the services that are to be restarted, and that
# est_certificates has had it, by which a purge goes.
# Get-EstNoteName has the mark of the certificate in the name of the file.

#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:NOTES = @('key', 'pending', 'refused', 'unusable', 'reload', 'made')
$script:NOTE_OCTETS = 256KB

# Throws where the options that name a note cannot be meant.
function Assert-EstNoteName([hashtable]$Which) {
    $patterns = @{ store_name = '[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}'; mark = '[0-9a-f]{8}' }
    foreach ($option in $patterns.Keys) {
        if ($Which[$option] -cnotmatch "\A$($patterns[$option])\z") { throw (New-EstError "$option cannot be '$($Which[$option])'" 'invalid_option') }
    }
}

function Get-EstNoteName([hashtable]$Which, [string]$Kind) {
    return "certificate-$($Which.store_name)-$($Which.mark).$Kind"
}

# Returns the octets of a note, or nothing where there is none.
function Read-EstNote([string]$Folder, [hashtable]$Which, [string]$Kind) {
    $path = Join-Path $Folder (Get-EstNoteName $Which $Kind)
    try { $file = Read-EstFile $Folder (Get-EstNoteName $Which $Kind) $script:NOTE_OCTETS } catch { throw (New-EstStoreError 'read' $path $_) }
    if ($file.Problem -eq 'is a folder') { throw (New-EstError "$path is a folder; move it away") }
    return , $file.Content
}

# Runs something in the folder of the template store, under its lock; see Invoke-EstInStore.
function Invoke-EstWithNotes([hashtable]$Which, [ScriptBlock]$What) {
    return Invoke-EstInStore $Which.store_path -Make -What {
        param($folder)
        foreach ($kind in $script:NOTES) { Restore-EstFile $folder (Get-EstNoteName $Which $kind) }
        return & $What $folder
    }
}

# Returns names that are noted in a file, each a line; none where it is not there, or is none of ours.
function Read-EstNames([string]$Folder, [string]$Name) {
    try { $file = Read-EstFile $Folder $Name $script:NOTE_OCTETS } catch { throw (New-EstStoreError 'read' (Join-Path $Folder $Name) $_) }
    if ($null -eq $file.Content) { return }
    return [Text.Encoding]::UTF8.GetString($file.Content).Split("`n") | Where-Object { $_ }
}

# Notes names, each once, under the lock; without any, nothing is left.
function Write-EstNames([string]$Folder, [string]$Name, [string[]]$Names) {
    $lines = @($Names | Where-Object { $_ } | Select-Object -Unique)
    if ($lines.Count) { Write-EstFile $Folder $Name ([Text.UTF8Encoding]::new($false).GetBytes("$($lines -join "`n")`n")) }
    else { Remove-EstFile (Join-Path $Folder $Name) }
}

# Notes, before a certificate changes, which services are to be restarted then.
function Save-EstOwed([hashtable]$Which) {
    if (-not @($Which.services).Count) { return }
    $null = Invoke-EstWithNotes $Which {
        param($folder)
        $name = Get-EstNoteName $Which 'reload'
        Write-EstNames $folder $name (@(Read-EstNames $folder $name) + @($Which.services))
    }
}

# Notes, under the lock and before a certificate is asked for or changes, that est_certificates has it. What it notes, made
# in base64, is for the controller to read. est_certificate notes nothing.
function Save-EstMade([string]$Folder, [hashtable]$Which) {
    if (-not $Which.made) { return }
    $there = Read-EstNote $Folder $Which 'made'
    if ($null -ne $there -and [Convert]::ToBase64String($there) -ceq $Which.made) { return }
    Write-EstFile $Folder (Get-EstNoteName $Which 'made') ([Convert]::FromBase64String($Which.made))
}

# Returns, for each certificate that est_certificates has had, its store and mark, and what was noted, in base64.
function Read-EstMade([string]$StorePath) {
    $folder = Get-EstPath $StorePath
    Assert-EstWay $folder 'store_path'
    if ($null -eq (Get-EstAttributes $folder)) { return }
    # What others could have written says nothing.
    Assert-EstFolder $folder 'store_path'
    try { $paths = [IO.Directory]::GetFileSystemEntries($folder, '*.made*') } catch { throw (New-EstStoreError 'read' $folder $_) }
    $seen = @{}
    foreach ($path in $paths) {
        # A host that died while it replaced one has it under the name of Get-EstWholePath.
        if ([IO.Path]::GetFileName($path) -cnotmatch '\A\.?(certificate-([A-Za-z0-9][A-Za-z0-9 ._-]{0,63})-([0-9a-f]{8})\.made)(\.whole)?\z') { continue }
        $name, $which = $Matches[1], @{ store_name = $Matches[2]; mark = $Matches[3] }
        if ($seen.ContainsKey($name)) { continue }
        $seen[$name] = $true
        $content = Read-EstNote $folder $which 'made'
        if ($null -ne $content) { $which + @{ made = [Convert]::ToBase64String($content) } }
    }
}

# Returns octets to mask a note with: SHA-256 of a seed, of what the note is of, and of the number of each block.
function Get-EstPad([byte[]]$Seed, [string]$Of, [int]$Count) {
    $pad = [byte[]]::new($Count)
    for ($at = 0; $at -lt $Count; $at += 32) {
        $block = Get-EstDigest ($Seed + [Text.Encoding]::ASCII.GetBytes("$Of $($at / 32)"))
        [Array]::Copy((ConvertFrom-EstHex $block 32), 0, $pad, $at, [Math]::Min(32, $Count - $at))
    }
    return , $pad
}

Export-ModuleMember -Function '*-Est*'
