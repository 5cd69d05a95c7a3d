# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A purge on a Windows host: what est_certificates has made and that is not declared any more goes. It does what
# module_utils/_certificate/purge.py does on a POSIX host.
#
# A certificate is ours by three things together: the note that est_certificates has had it, the mark in its friendly name,
# and the name of its key, which Windows keeps beside the certificate, and which has the mark and 128 random bits. A friendly
# name alone says little: anybody can give one, and an import from PKCS#12 brings that of the original, but with another key
# name. What has the friendly name and another key stays.
#
# Each key goes before its certificate, which still names it, and the note goes last. So a run that is killed leaves nothing
# that the next one does not find.

#AnsibleRequires -CSharpUtil ._keys
#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store
#AnsibleRequires -PowerShell ._windows_notes
#AnsibleRequires -PowerShell ._windows_keys

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:STORES = 'SOFTWARE\Microsoft\SystemCertificates'
# Windows makes these itself.
$script:ALWAYS_THERE = @('My', 'CA')

# Returns the names of the certificate stores of the machine.
function Get-EstStoreNames {
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($script:STORES)
    if ($null -eq $key) { return }
    try { $key.GetSubKeyNames() } finally { $key.Dispose() }
}

# Says whether a certificate has a key, in any store of the machine: an administrator can have copied one of ours to another
# store, and the copy has the same key. A store that cannot be looked into counts as one where it is so.
#
# Store: the store from which certificates go. Going: their thumbprints.
function Test-EstKeyUsed($Place, [string]$Store, [string[]]$Going) {
    foreach ($name in @($Store) + @(Get-EstStoreNames | Where-Object { $_ -ne $Store })) {
        $but = [string[]]@(if ($name -eq $Store) { $Going })
        try { $certificates = Open-EstCertificates $name } catch { return $true }
        try { if ($certificates.Uses($Place, $but)) { return $true } } finally { $certificates.Dispose() }
    }
    return $false
}

# Returns the certificates of a name that are in its store, the one that counts last: Certificate, Path, Number, which is 0
# where it was named by hand, and IsOurs.
function Get-EstNamed([hashtable]$Which, $Store) {
    $found = @(foreach ($certificate in $Store.Certificates()) {
            if (-not (Test-EstOurs $certificate $Which.mark $Which.name)) { continue }
            $number = if ((Test-EstMarked $certificate.FriendlyName $Which.mark) -and $certificate.FriendlyName -match '-([0-9]+)\z') { [int]$Matches[1] } else { 0 }
            $place = Get-EstPlace $certificate
            $named = $number -and $null -ne $place -and $place.Name -cmatch "\Aest-$($Which.mark)-[0-9a-f]{32}\z"
            @{
                Certificate = $certificate; Path = "Cert:\LocalMachine\$($Which.store_name)\$($certificate.Thumbprint)"; Number = $number
                Place = $place; IsOurs = [bool]$named -and (Get-EstKeyState $certificate @())[0] -ne 'other'
            }
        })
    return $found | Sort-Object { $_.Number }, { $_.Path }
}

# Says what of the certificates of a name goes, and what stays. Store: theirs, which is open.
#
# Returns steps, each with the name of a key or a certificate and what removes it; left, as the result has it; and where all of
# it stays the reason, and whether it is known further on.
function Get-EstSteps([hashtable]$Which, $Store) {
    $found = @{ steps = @(); left = @(); reason = ''; known = $true }
    $named = @(Get-EstNamed $Which $Store)
    if (-not $named.Count) { return $found }
    $last = $named[-1]
    if (-not $last.Number) { $found.reason, $found.known = 'est_certificates has not issued what is there', $false }
    elseif (-not $last.IsOurs) { $found.reason = "the key of $($last.Path) is not one that est_certificates has made" }
    $going = @($named | Where-Object { $_.IsOurs -and -not $found.reason })
    $found.left = @($named | Where-Object { -not $_.IsOurs -or $found.reason } | ForEach-Object { $_.Path })
    $thumbprints = [string[]]@($going | ForEach-Object { $_.Certificate.Thumbprint })
    $seen = @{}
    foreach ($one in $going) {
        $name = $one.Place.Name
        if (-not $seen.ContainsKey($name)) {
            $seen[$name] = $true
            if (Test-EstKeyUsed $one.Place $Which.store_name $thumbprints) { $found.left += $name }
            elseif (Test-EstKey $one.Place) { $found.steps += @{ Name = $name; Key = $one.Place; Certificate = $null } }
        }
        $found.steps += @{ Name = $one.Path; Key = $null; Certificate = $one.Certificate }
    }
    return $found
}

# Removes the certificates of a name that are ours, with their keys. Told: where it is said what was removed, what stays, and
# what is still to be removed.
function Remove-EstNamed([hashtable]$Which, [bool]$Check, [hashtable]$Told) {
    if ($Which.store_name -notin $script:ALWAYS_THERE -and $Which.store_name -notin @(Get-EstStoreNames)) { return }
    $store = Open-EstCertificates $Which.store_name -Write:(-not $Check)
    try {
        $found = Get-EstSteps $Which $store
        $Told.left, $Told.reason, $Told.known = $found.left, $found.reason, $found.known
        $Told.todo = @($found.steps | ForEach-Object { $_.Name })
        foreach ($step in $found.steps) {
            if (-not $Check -and $step.Key) { Remove-EstUnusedKey $step.Key }
            if (-not $Check -and $step.Certificate) { Invoke-EstWithKey "the certificate $($step.Name) cannot be removed" { $store.Remove($step.Certificate) } }
            $Told.files += $step.Name
        }
    }
    finally { $store.Dispose() }
}

# Removes all of a name: certificates and keys, the key that waits, and what is noted. Told: see Remove-EstNamed. It is under
# the lock, but where it only looks.
function Remove-EstName([string]$Folder, [hashtable]$Which, [bool]$Check, [hashtable]$Told) {
    Remove-EstNamed $Which $Check $Told
    if (-not $Told.reason) {
        $waiting = Get-EstWaitingPlace $Folder $Which
        if ($null -ne $waiting -and $waiting.Name -notin @($Told.files) + @($Told.left) -and (Test-EstKey $waiting) -and -not (Test-EstKeyUsed $waiting $Which.store_name @())) {
            $Told.todo += $waiting.Name
            if (-not $Check) { Remove-EstUnusedKey $waiting }
            $Told.files += $waiting.Name
        }
        $notes = @('pending', 'refused', 'unusable', 'reload', 'key' | ForEach-Object { Get-EstNoteName $Which $_ } | Where-Object { Test-EstName $Folder $_ })
        # What a run that was killed had not come to is all that there is then.
        $alone = -not $Told.files.Count
        foreach ($path in @($notes | ForEach-Object { Join-Path $Folder $_ })) {
            if (-not $Check) { Remove-EstFile $path }
            if ($alone) { $Told.files += $path }
        }
    }
    if (-not $Check -and (-not $Told.reason -or -not $Told.known)) { Remove-EstFile (Join-Path $Folder (Get-EstNoteName $Which 'made')) }
}

# Removes what there is of a name. Returns what the result says of it, or nothing where there was nothing any more.
function Invoke-EstPurge([hashtable]$Which, [bool]$Check) {
    $told = @{ files = @(); left = @(); todo = @(); reason = ''; known = $true }
    $failure = Invoke-EstTold {
        if (-not $Check) { $null = Invoke-EstWithNotes $Which { param($folder) Remove-EstName $folder $Which $false $told } }
        else {
            $folder = Get-EstPath $Which.store_path
            Assert-EstFolder $folder 'store_path'
            Remove-EstName $folder $Which $true $told
        }
    }
    $action, $left = 'removed', @($told.left)
    if ($null -ne $failure) {
        $action, $told.reason = 'failed', $failure.reason
        $left += @($told.todo | Where-Object { $_ -notin $told.files })
    }
    elseif ($told.reason) { $action = 'kept' }
    elseif (-not $told.files.Count) { return }
    return @{ store_name = $Which.store_name; mark = $Which.mark; action = $action; files = @($told.files); left = $left; reason = $told.reason }
}

# The operation: notes what is declared, and removes certificates that are not, each whatever becomes of another.
function Remove-EstUndeclared([hashtable]$Which, [bool]$Check) {
    if (-not $Check) {
        foreach ($one in $Which.declared) {
            $of = @{ store_path = $Which.store_path } + [hashtable]$one
            $null = Invoke-EstWithNotes $of { param($folder) Save-EstMade $folder $of }
        }
    }
    $purged = @(foreach ($one in $Which.certificates) { Invoke-EstPurge (@{ store_path = $Which.store_path } + [hashtable]$one) $Check })
    return @{ changed = @($purged | Where-Object { $_.files.Count }).Count -gt 0; purged = $purged }
}

Export-ModuleMember -Function '*-Est*'
