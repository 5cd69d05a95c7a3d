# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The template store on a Windows host: the twin of module_utils/_store/posix_file.py, with what it needs of found.py,
# key_file.py and look.py. Names of files, their content and the order of writing are the same; the reasons stand there.

#AnsibleRequires -PowerShell ._windows_files

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:DOCUMENT = 'templates.json'
$script:KEY = 'sealing.key'
$script:NEXT_KEY = 'sealing.key.next'
$script:LAST_TESTS = 'last_tests.json'
$script:NAMES = @($script:DOCUMENT, $script:KEY, $script:NEXT_KEY, $script:LAST_TESTS)
$script:KEPT = '.damaged-'
$script:KEY_OCTETS = 32
$script:FILE_OCTETS = 16MB
$script:WAITING_SECONDS = 600

# Returns an error about the store that says what cannot be done, why, and what helps.
function New-EstStoreError([string]$Verb, [string]$Path, [Management.Automation.ErrorRecord]$Record) {
    if (Test-EstError $Record) { return Get-EstCause $Record }
    $words, $hint = Get-EstReason (Get-EstCause $Record) $Path
    $sentence = "cannot $Verb the template store ${Path}: $words"
    if ($hint) { $sentence = "$sentence; $hint" }
    return New-EstError $sentence
}

# ----------------------------------------------------------------------------------------------------------------------
# What is found

function Get-EstFingerprint([byte[]]$Key) {
    if ($null -eq $Key) { return '' }
    return (Get-EstDigest ([Text.Encoding]::ASCII.GetBytes("estfleet.cloud_extender sealing key`0") + $Key)).Substring(0, 16)
}

# Returns the octet at which a text stops being UTF-8, as Python counts: where the character begins that is none.
function Get-EstBadOctet([byte[]]$Octets) {
    $encoding = [Text.UTF8Encoding]::new($false, $true)
    $good, $bad = 0, $Octets.Length
    while ($good -lt $bad) {
        $middle = $good + [Math]::Ceiling(($bad - $good) / 2)
        # A decoder lets a character be cut short at the end.
        try { $null = $encoding.GetDecoder().GetCharCount($Octets, 0, $middle, $false); $good = $middle }
        catch { $bad = $middle - 1 }
    }
    for ($at = $good; $at -gt 0; $at--) {
        try { $null = $encoding.GetCharCount($Octets, 0, $at); break } catch { continue }
    }
    return $at
}

function Read-EstStoreFile([string]$Folder, [string]$Name) {
    try { return Read-EstFile $Folder $Name $script:FILE_OCTETS }
    catch { throw (New-EstStoreError 'read' ([IO.Path]::Combine($Folder, $Name)) $_) }
}

function Get-EstFileText([hashtable]$File) {
    if ($null -eq $File.Content) { return '' }
    return [Text.Encoding]::UTF8.GetString($File.Content)
}

# Returns the document, the keys and the names of files that a run that was killed left half written.
function Read-EstStoreFiles([string]$Folder) {
    $document = Read-EstStoreFile $Folder $script:DOCUMENT
    $sha256 = ''
    if ($document.Exists) {
        # What is not a file has no content to compare: its kind stands for it.
        if ($null -ne $document.Content) { $sha256 = Get-EstDigest $document.Content }
        else { $sha256 = Get-EstDigest ([Text.Encoding]::ASCII.GetBytes($document.Problem)) }
    }
    $next = Read-EstStoreFile $Folder $script:NEXT_KEY
    $nextKey, $inForce, $waits = $null, $false, $false
    if ($next.Exists) {
        $nextText, $sealed = (Get-EstFileText $next).Trim() -split ' ', 2
        $nextKey = ConvertFrom-EstHex $nextText $script:KEY_OCTETS
        $inForce = $null -ne $nextKey -and $sha256 -and $sealed -eq $sha256
        $age = ([DateTime]::UtcNow - $next.Written).TotalSeconds
        $waits = $null -ne $nextKey -and -not $sealed -and $age -ge 0 -and $age -lt $script:WAITING_SECONDS
    }
    $file = Read-EstStoreFile $Folder $script:KEY
    $text = (Get-EstFileText $file).Trim()
    $key, $damage = (ConvertFrom-EstHex $text $script:KEY_OCTETS), $file.Problem
    if ($file.Exists -and $null -eq $key -and -not $damage) {
        $damage = if ($text) { "is not a key of $(2 * $script:KEY_OCTETS) hex digits" } else { 'is empty' }
    }
    $left = @(foreach ($name in $script:NAMES) { foreach ($end in '.new', '.whole') { if (Test-EstName $Folder ".$name$end") { ".$name$end" } } })
    return @{
        Document = $document; Sha256 = $sha256; KeyFile = $file; KeyDamage = $damage; NextFile = $next; NextKey = $nextKey
        Key = $(if ($inForce) { $nextKey } else { $key }); NextInForce = [bool]$inForce; NextLeft = $next.Exists -and -not $waits; Left = $left
    }
}

# Returns what Read-EstStore tells where there is no store.
function Get-EstNothing {
    return @{
        exists = $false; content = $null; sha256 = ''; damage = ''; drift = @(); key_fingerprint = ''; key_damage = ''; masked_key = ''
        folder_mode = ''; document_mode = ''; owner = ''; last_tests = ''; kept_documents = @()
    }
}

# Returns the octets of key_pad; nothing where it is not given.
function ConvertFrom-EstKeyPad([string]$Text) {
    if (-not $Text) { return $null }
    $pad = ConvertFrom-EstHex $Text $script:KEY_OCTETS
    if ($null -eq $pad) { throw (New-EstError "key_pad is not $script:KEY_OCTETS octets in hexadecimal" 'invalid_option') }
    return , $pad
}

# Returns what the module tells of the store. It is a snapshot, for those that write wait meanwhile.
#
# Pad: random octets as long as the key, under which that comes back, or nothing where it is not asked for.
function Read-EstStore([string]$StorePath, [byte[]]$Pad) {
    $path = Get-EstPath $StorePath
    try {
        Assert-EstWay $path 'store_path'
        if ($null -eq (Get-EstAttributes $path)) { return Get-EstNothing }
        Assert-EstFolder $path 'store_path'
        $lock = Lock-EstFolder $path -Looking
        try {
            Assert-EstFolder $path 'store_path'
            return Get-EstDescription $path (Read-EstStoreFiles $path) $Pad
        }
        finally { if ($lock) { $lock.Dispose() } }
    }
    catch { throw (New-EstStoreError 'read' $path $_) }
}

function Get-EstDescription([string]$Folder, [hashtable]$Files, [byte[]]$Pad) {
    $told, $drift = (Get-EstNothing), @()
    $drift += @(Get-EstDrift 'the folder' $Folder -Folder)
    $owned = Get-EstAccess $Folder -Folder
    if ($Files.Document.Exists) {
        $told.exists, $told.sha256, $told.damage = $true, $Files.Sha256, $Files.Document.Problem
        if ($null -ne $Files.Document.Content) {
            $owned = Get-EstAccess $Files.Document.Path
            $drift += @(Get-EstDrift $script:DOCUMENT $Files.Document.Path)
            try { $told.content = [Text.UTF8Encoding]::new($false, $true).GetString($Files.Document.Content) }
            catch { $told.damage = "is not UTF-8 text (octet $(Get-EstBadOctet $Files.Document.Content))" }
        }
    }
    if ($owned.Owner) { $told.owner = Get-EstAccountName $owned.Owner }
    if ($null -eq $Files.Key) { $told.key_damage = $Files.KeyDamage }
    else {
        $told.key_fingerprint = Get-EstFingerprint $Files.Key
        if ($null -ne $Pad -and $Pad.Length -eq $Files.Key.Length) { $told.masked_key = ConvertTo-EstHex (Get-EstMasked $Files.Key $Pad) }
        if ($Files.KeyFile.Exists -and -not $Files.KeyDamage) { $drift += @(Get-EstDrift $script:KEY $Files.KeyFile.Path) }
    }
    if ($Files.NextLeft) { $drift += "$($script:NEXT_KEY) was left by a run that ended while it made a new sealing key" }
    foreach ($name in $Files.Left) { $drift += "$name was left by a run that was killed while it wrote" }
    $told.drift = $drift
    $told.last_tests = Get-EstFileText (Read-EstStoreFile $Folder $script:LAST_TESTS)
    $kept = [IO.Directory]::GetFileSystemEntries($Folder, "$($script:DOCUMENT)$($script:KEPT)*")
    if ($kept.Length -gt 1) { [Array]::Sort($kept, [StringComparer]::Ordinal) }
    $told.kept_documents = $kept
    return $told
}

# ----------------------------------------------------------------------------------------------------------------------
# Writing

# Runs something in the folder of the store, under its lock and with its access list as it has to be.
#
# Make: make the folder where it is missing. What runs gets the path of the folder.
function Invoke-EstInStore([string]$StorePath, [ScriptBlock]$What, [switch]$Make) {
    $path = Get-EstPath $StorePath
    try {
        # Before anything is made on the way, and in the folder that is there then.
        Assert-EstWay $path 'store_path'
        if ($Make) { New-EstFolder $path }
        Assert-EstFolder $path 'store_path'
        $lock = Lock-EstFolder $path
        try {
            Assert-EstFolder $path 'store_path'
            foreach ($name in $script:NAMES) { Restore-EstFile $path $name }
            return & $What $path
        }
        finally { $lock.Dispose() }
    }
    catch { throw (New-EstStoreError 'write' $path $_) }
}

# Makes a new sealing key; see make_key() of the twin. Returns it masked, or an empty text where another key is in force.
function New-EstStoreKey([string]$StorePath, [byte[]]$Pad, [string]$ReplacedKey) {
    return Invoke-EstInStore $StorePath -Make -What {
        param($folder)
        $files = Read-EstStoreFiles $folder
        if ((Get-EstFingerprint $files.Key) -ne $ReplacedKey) { return '' }
        Complete-EstKeys $folder $files
        $key = if ($files.NextInForce -or $null -eq $files.NextKey) { Get-EstRandom $script:KEY_OCTETS } else { $files.NextKey }
        Write-EstNextKey $folder $key ''
        return ConvertTo-EstHex (Get-EstMasked $key $Pad)
    }
}

# Replaces the document if it is still the one that was read; see write_store() of the twin.
#
# Wanted: content, expected_sha256, expected_key, use_new_key, replaced_key and keep_old, as the options of the module.
function Write-EstStore([string]$StorePath, [hashtable]$Wanted) {
    return Invoke-EstInStore $StorePath -Make -What {
        param($folder)
        $files = Read-EstStoreFiles $folder
        $newKey = if ($Wanted.use_new_key -and -not $files.NextInForce) { $files.NextKey } else { $null }
        $sealing = if ($Wanted.use_new_key) { $newKey } else { $files.Key }
        $conflict = $files.Sha256 -cne $Wanted.expected_sha256 -or
            ($Wanted.use_new_key -and ($null -eq $newKey -or (Get-EstFingerprint $files.Key) -cne $Wanted.replaced_key)) -or
            ($Wanted.expected_key -and (Get-EstFingerprint $sealing) -cne $Wanted.expected_key)
        if ($conflict) { return @{ conflict = $true; kept = '' } }
        $content = [Text.UTF8Encoding]::new($false).GetBytes($Wanted.content)
        return @{ conflict = $false; kept = (Set-EstDocument $folder $content $files $newKey $Wanted.keep_old) }
    }
}

function Set-EstDocument([string]$Folder, [byte[]]$Content, [hashtable]$Files, [byte[]]$NewKey, [bool]$KeepOld) {
    if (@(Get-EstDrift '' $Folder -Folder).Count) { Set-EstAccess $Folder -Folder }
    # What an earlier writer left undone first: it goes by the document that is there now.
    Complete-EstKeys $Folder $Files
    foreach ($name in $Files.Left) { Remove-EstFile ([IO.Path]::Combine($Folder, $name)) }
    if ($null -ne $NewKey) { Write-EstNextKey $Folder $NewKey (Get-EstDigest $Content) }
    elseif ($Files.KeyFile.Exists -and -not $Files.KeyDamage) { Repair-EstFile ([IO.Path]::Combine($Folder, $script:KEY)) }
    $kept = ''
    $isFile = $null -ne $Files.Document.Content -or $Files.Document.Problem -like 'is larger*'
    if ($Files.Document.Exists -and ($KeepOld -or -not $isFile)) { $kept = Save-EstAside $Folder $script:DOCUMENT -Move:(-not $isFile) }
    # From this moment on the new document and key are in force.
    try { Write-EstFile $Folder $script:DOCUMENT $Content }
    catch {
        if ($kept) { Undo-EstAside $Folder $kept -Move:(-not $isFile) }
        throw
    }
    if ($null -ne $NewKey) {
        # Whatever goes wrong here, nothing is lost any more, and the next write finishes it.
        try { Set-EstKey $Folder $Files $NewKey } catch { Write-Debug 'the next write finishes it' }
    }
    if ($kept) { return [IO.Path]::Combine($Folder, $kept) }
    return ''
}

# Lets a new key wait: for any document, or for the one with this digest.
function Write-EstNextKey([string]$Folder, [byte[]]$Key, [string]$DocumentSha256) {
    $text = "$(ConvertTo-EstHex $Key) $DocumentSha256".Trim() + "`n"
    Write-EstFile $Folder $script:NEXT_KEY ([Text.Encoding]::ASCII.GetBytes($text))
}

# Finishes what a writer began: a next key in force becomes the key, one that is left goes.
function Complete-EstKeys([string]$Folder, [hashtable]$Files) {
    if ($Files.NextInForce) { Set-EstKey $Folder $Files $Files.NextKey }
    elseif ($Files.NextLeft -and $Files.NextFile.Problem -eq 'is a folder') { $null = Save-EstAside $Folder $script:NEXT_KEY -Move }
    elseif ($Files.NextLeft) { Remove-EstFile ([IO.Path]::Combine($Folder, $script:NEXT_KEY)) }
}

# Makes a key the only one. What was in its place and is not a key is kept.
function Set-EstKey([string]$Folder, [hashtable]$Files, [byte[]]$Key) {
    if ($Files.KeyFile.Exists -and $Files.KeyDamage) { $null = Save-EstAside $Folder $script:KEY -Move:($null -eq $Files.KeyFile.Content) }
    Write-EstFile $Folder $script:KEY ([Text.Encoding]::ASCII.GetBytes("$(ConvertTo-EstHex $Key)`n"))
    Remove-EstFile ([IO.Path]::Combine($Folder, $script:NEXT_KEY))
}

# Keeps what is in a place under another name as well, or moves it there, and returns that name.
function Save-EstAside([string]$Folder, [string]$Name, [switch]$Move) {
    $beginning = "$Name$($script:KEPT)$([DateTime]::UtcNow.ToString('yyyyMMdd\THHmmss\Z', [Globalization.CultureInfo]::InvariantCulture))"
    $kept, $number = $beginning, 1
    while ($null -ne (Get-EstAttributes ([IO.Path]::Combine($Folder, $kept)))) { $kept, $number = "$beginning-$number", ($number + 1) }
    $path = [IO.Path]::Combine($Folder, $Name)
    if (-not $Move) { Write-EstFile $Folder $kept ([IO.File]::ReadAllBytes($path)) -As $Name }
    else { Invoke-EstRetry { [IO.Directory]::Move($path, [IO.Path]::Combine($Folder, $kept)) } }
    return $kept
}

# Undoes that where nothing new took the place: each attempt would leave one more.
function Undo-EstAside([string]$Folder, [string]$Kept, [switch]$Move) {
    $aside, $path = [IO.Path]::Combine($Folder, $Kept), [IO.Path]::Combine($Folder, $script:DOCUMENT)
    try {
        if (-not $Move) { Remove-EstFile $aside }
        elseif ($null -eq (Get-EstAttributes $path)) { [IO.Directory]::Move($aside, $path) }
    }
    catch { Write-Debug 'what was kept stays under its new name' }
}

Export-ModuleMember -Function '*-Est*'
