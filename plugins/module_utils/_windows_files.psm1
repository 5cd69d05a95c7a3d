# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The one way in which this collection changes files of a Windows host: in a folder that SYSTEM and Administrators have to
# themselves, made so in one step and looked at with every use, under a lock, each file replaced by a whole one.
#
# Whoever holds the lock has a file open in the folder, and Windows gives no folder another name while that is so: what was
# verified under the lock is what is used. What stands on the way to it must be no link, which its owner could turn.
#
# It runs under Windows PowerShell 5.1 and PowerShell 7; under Linux, for tests, without access lists.

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:SYSTEM = 'S-1-5-18'
$script:ADMINISTRATORS = 'S-1-5-32-544'
# Entries for these give nothing to anybody who could not make files in the folder: CREATOR OWNER, OWNER RIGHTS.
$script:OWNERS = @('S-1-3-0', 'S-1-3-4')
# FILE_GENERIC_READ, FILE_GENERIC_EXECUTE, GENERIC_READ and GENERIC_EXECUTE.
$script:READING = 0xA01200A9
# Seconds to wait for another run, and for another program that has a file open.
$script:LOCK_SECONDS = 30
$script:OPEN_SECONDS = 10
# Seconds in which access can be denied because a file is about to go.
$script:DENIED_SECONDS = 2
$script:LOCK_NAME = '.est.lock'
# With the longest name that a file of ours has, a path stays within the 260 characters that Windows takes.
$script:LONGEST_FOLDER = 200
$script:HAS_ACCESS_LISTS = [IO.Path]::DirectorySeparatorChar -eq '\'

$script:SHARING = 0x80070020
$script:LOCKED = 0x80070021
$script:DENIED = 0x80070005
$script:WORDS = @{
    $script:DENIED = 'access is denied', 'it needs an account that is an administrator of the host'
    $script:SHARING = 'another program has the file open', 'close it there and try again'
    $script:LOCKED = 'another program has the file open', 'close it there and try again'
    0x80070003 = 'the drive or a folder on the way is not there', ''
    0x80070013 = 'the disk is write-protected', ''
    0x80070015 = 'the drive is not ready', ''
    0x80070027 = 'there is no space left on the disk', 'free some space there'
    0x80070070 = 'there is no space left on the disk', 'free some space there'
    0x80070035 = 'the computer that has the share is not found', ''
    0x80070040 = 'the computer that has the share does not answer any more', ''
    0x80070043 = 'there is no such share', ''
    0x8007007B = 'it is not a name that Windows can have', ''
    0x800700CE = 'the path is too long', ''
    0x8007051B = 'the account may not give it to Administrators', 'it needs an account that is an administrator of the host'
    0x80070522 = 'the account lacks a right for it', 'it needs an account that is an administrator of the host'
    # As .NET tells them under Linux.
    11 = 'another program has the file open', 'close it there and try again'
    28 = 'there is no space left on the disk', 'free some space there'
    30 = 'the disk is write-protected', ''
}
# Of a share: no permission, no such logon session, logon failure, and what else says that no credentials came along.
$script:NOT_PASSED_ON = @($script:DENIED, 0x80070520, 0x8007052E, 0x8009030E)

# ----------------------------------------------------------------------------------------------------------------------
# Failures

# Returns an error that is shown as it is; throw it.
function New-EstError([string]$Message, [string]$Code = 'store_failed') {
    $failure = [InvalidOperationException]::new($Message)
    $failure.Data['est_code'] = $Code
    return $failure
}

# Returns the innermost of an error: PowerShell wraps what a method throws.
function Get-EstCause([Management.Automation.ErrorRecord]$Record) {
    return $Record.Exception.GetBaseException()
}

# Says whether an error is one of New-EstError, and needs no more words.
function Test-EstError([Management.Automation.ErrorRecord]$Record) {
    return (Get-EstCause $Record).Data.Contains('est_code')
}

# Says in words that hold in every language of Windows what the system says of a path; returns them, and what helps.
function Get-EstReason([Exception]$Cause, [string]$Path) {
    if ($Cause.Data.Contains('est_words')) { return @($Cause.Message, '') }
    $code = $Cause.HResult
    if ($Path.StartsWith('\\') -and $code -in $script:NOT_PASSED_ON) {
        return @('the share lets nobody in without credentials, and the connection passes none on to a second computer',
            'use a folder of the host itself, or become: runas with the password of an account that the share knows')
    }
    if ($Cause -is [UnauthorizedAccessException]) { $code = $script:DENIED }
    if ($Cause -is [IO.PathTooLongException]) { $code = 0x800700CE }
    if ($script:WORDS.ContainsKey($code)) { return $script:WORDS[$code] }
    return @(('{0} (0x{1:X8})' -f $Cause.Message.TrimEnd('.'), $Cause.HResult), '')
}

# Returns the failed result for an error that a module caught, as module_utils/_failure.py makes it.
function Get-EstFailure([Management.Automation.ErrorRecord]$Record) {
    $cause = Get-EstCause $Record
    if (-not $cause.Data.Contains('est_code')) { return $null }
    return @{ msg = $cause.Message; error_code = $cause.Data['est_code']; reason = $cause.Message.TrimEnd('.'); hint = $null }
}

# Ends a module with the result of its work, or with the failure that the work ended in.
function Exit-EstModule($Module, [scriptblock]$Work) {
    $failure = $null
    try { $result = & $Work }
    catch {
        $failure = Get-EstFailure $_
        if ($null -eq $failure) { throw }
    }
    $told = if ($failure) { $failure } else { $result }
    foreach ($name in $told.Keys) { if ($name -ne 'msg') { $Module.Result[$name] = $told[$name] } }
    if ($failure) { $Module.FailJson($failure.msg) }
    $Module.ExitJson()
}

# ----------------------------------------------------------------------------------------------------------------------
# Octets

function ConvertTo-EstHex([byte[]]$Octets) {
    return [BitConverter]::ToString($Octets).Replace('-', '').ToLowerInvariant()
}

# Returns the octets, or nothing where the text is no such number of pairs of hexadecimal digits.
function ConvertFrom-EstHex([string]$Text, [int]$Count) {
    if ($Text.Length -ne 2 * $Count -or $Text -notmatch '\A[0-9A-Fa-f]+\z') { return $null }
    $octets = [byte[]]::new($Count)
    for ($i = 0; $i -lt $Count; $i++) { $octets[$i] = [Convert]::ToByte($Text.Substring(2 * $i, 2), 16) }
    return , $octets
}

function Get-EstDigest([byte[]]$Octets) {
    # Of the classes for it, one that a system with the FIPS policy allows as well.
    $algorithm = [Security.Cryptography.SHA256CryptoServiceProvider]::new()
    try { return ConvertTo-EstHex $algorithm.ComputeHash($Octets) } finally { $algorithm.Dispose() }
}

function Get-EstRandom([int]$Count) {
    $octets = [byte[]]::new($Count)
    $source = [Security.Cryptography.RandomNumberGenerator]::Create()
    try { $source.GetBytes($octets) } finally { $source.Dispose() }
    return , $octets
}

# See module_utils/_masking.py.
function Get-EstMasked([byte[]]$Octets, [byte[]]$Pad) {
    if ($Pad.Length -lt $Octets.Length) { throw (New-EstError 'the pad is shorter than what it is to mask') }
    $masked = [byte[]]::new($Octets.Length)
    for ($i = 0; $i -lt $Octets.Length; $i++) { $masked[$i] = $Octets[$i] -bxor $Pad[$i] }
    return , $masked
}

# ----------------------------------------------------------------------------------------------------------------------
# Paths

# Returns a path with the values of the variables of the environment.
function Get-EstPath([string]$Path) {
    return [IO.Path]::GetFullPath([Environment]::ExpandEnvironmentVariables($Path)).TrimEnd('\', '/')
}

# Returns what attributes the name in a folder has, a link not followed, or nothing where nothing has it.
function Get-EstAttributes([string]$Path) {
    try { return [IO.File]::GetAttributes($Path) }
    catch [IO.FileNotFoundException] { return $null }
    catch [IO.DirectoryNotFoundException] { return $null }
}

# Says whether something in a folder has this name, a link not followed. Where nothing has, it costs less than
# Get-EstAttributes: PowerShell is slow with errors.
function Test-EstName([string]$Folder, [string]$Name) {
    try { return [IO.Directory]::GetFileSystemEntries($Folder, $Name).Length -gt 0 } catch [IO.DirectoryNotFoundException] { return $false }
}

# Says what something is that is not a file; an empty text for a file.
function Get-EstKind([string]$Path, [IO.FileAttributes]$Attributes) {
    if ($Attributes -band [IO.FileAttributes]::ReparsePoint) {
        # A file can be a reparse point without being a link: deduplication makes such.
        if (($Attributes -band [IO.FileAttributes]::Directory) -or (Get-Item -LiteralPath $Path -Force).LinkType) { return 'is a symbolic link' }
    }
    if ($Attributes -band [IO.FileAttributes]::Directory) { return 'is a folder' }
    return ''
}

# Throws where a folder on the way to a path is a link or a junction, or something else than a folder.
function Assert-EstWay([string]$Path, [string]$Option) {
    if ($script:HAS_ACCESS_LISTS -and $Path.Length -gt $script:LONGEST_FOLDER) {
        throw (New-EstError "$Option $Path is longer than $($script:LONGEST_FOLDER) characters, which leaves no room for the names of files")
    }
    for ($at = $Path; $at; $at = [IO.Path]::GetDirectoryName($at)) {
        $attributes = Get-EstAttributes $at
        if ($null -eq $attributes) { continue }
        $kind = Get-EstKind $at $attributes
        if ($kind -eq 'is a folder') { continue }
        if ($at -eq $Path) {
            $what = if ($kind) { 'is a symbolic link or junction' } else { 'is not a folder' }
            throw (New-EstError "$Option $Path $what; name a folder, or a path that does not exist yet")
        }
        $what = if ($kind) { 'a symbolic link or junction and is not followed; give the path that it leads to' } else { 'not a folder' }
        throw (New-EstError "$Option $Path cannot be used: $at is $what")
    }
}

# ----------------------------------------------------------------------------------------------------------------------
# Access lists

# Returns the access list that everything of ours has.
function Get-EstSecurity([switch]$Folder) {
    $for = if ($Folder) { 'OICI' } else { '' }
    $security = if ($Folder) { [Security.AccessControl.DirectorySecurity]::new() } else { [Security.AccessControl.FileSecurity]::new() }
    $security.SetSecurityDescriptorSddlForm("O:BAD:P(A;$for;FA;;;SY)(A;$for;FA;;;BA)")
    return $security
}

function Get-EstCurrentUser {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    try { return $identity.User.Value } finally { $identity.Dispose() }
}

# Returns the name of an account, or its identifier where it has none.
function Get-EstAccountName([string]$Identifier) {
    $sid = [Security.Principal.SecurityIdentifier]::new($Identifier)
    try { return $sid.Translate([Security.Principal.NTAccount]).Value } catch { return $Identifier }
}

# Returns the names of several accounts, each once; an empty identifier is none.
function Get-EstAccountNames([string[]]$Identifiers) {
    $seen = @{ '' = $true }
    foreach ($identifier in $Identifiers) {
        if (-not $seen.ContainsKey($identifier)) { Get-EstAccountName $identifier }
        $seen[$identifier] = $true
    }
}

# Looks at the owner and the entries of a folder or a file.
#
# Returns Owner, the identifier of an account; OtherOwner, the same where it is not SYSTEM, Administrators or the account
# that runs this; Writers and Readers, the others that entries give a right to, to change something or not; and Inherited,
# whether the folder above gave it entries.
function Get-EstAccess([string]$Path, [switch]$Folder) {
    $found = @{ Owner = ''; OtherOwner = ''; Writers = @(); Readers = @(); Inherited = $false }
    if (-not $script:HAS_ACCESS_LISTS) { return $found }
    $sections = [Security.AccessControl.AccessControlSections]'Owner, Access'
    $security = if ($Folder) { [Security.AccessControl.DirectorySecurity]::new($Path, $sections) } else { [Security.AccessControl.FileSecurity]::new($Path, $sections) }
    $ours = @($script:SYSTEM, $script:ADMINISTRATORS, (Get-EstCurrentUser))
    $found.Owner = $security.GetOwner([Security.Principal.SecurityIdentifier]).Value
    if ($found.Owner -notin $ours) { $found.OtherOwner = $found.Owner }
    foreach ($rule in $security.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
        if ($rule.IsInherited) { $found.Inherited = $true }
        $who = $rule.IdentityReference.Value
        if ($rule.AccessControlType -ne 'Allow' -or $who -in $ours -or $who -in $script:OWNERS) { continue }
        if ([int]$rule.FileSystemRights -band (-bnot $script:READING)) { $found.Writers += $who } else { $found.Readers += $who }
    }
    return $found
}

# Gives a folder or a file to SYSTEM and Administrators alone.
function Set-EstAccess([string]$Path, [switch]$Folder) {
    if (-not $script:HAS_ACCESS_LISTS) { return }
    $security = Get-EstSecurity -Folder:$Folder
    $item = if ($Folder) { [IO.DirectoryInfo]::new($Path) } else { [IO.FileInfo]::new($Path) }
    if ($PSVersionTable.PSVersion.Major -ge 6) { [IO.FileSystemAclExtensions]::SetAccessControl($item, $security) }
    else { $item.SetAccessControl($security) }
}

# Says in words what is wrong with the access list of a file or a folder; writing puts it right.
function Get-EstDrift([string]$What, [string]$Path, [switch]$Folder) {
    $access = Get-EstAccess $Path -Folder:$Folder
    if ($access.OtherOwner) { "$What belongs to $(Get-EstAccountName $access.OtherOwner), not $(Get-EstAccountName $script:ADMINISTRATORS)" }
    $others = $access.Writers + $access.Readers
    if ($others.Count) { "$What gives access to $(@(Get-EstAccountNames $others) -join ', ')" }
    if ($Folder -and $access.Inherited) { "$What inherits permissions from the folder above it" }
}

# Throws where other accounts than SYSTEM, Administrators and the one that runs this can change what is in a folder.
function Assert-EstFolder([string]$Path, [string]$Option) {
    Assert-EstWay $Path $Option
    $access = Get-EstAccess $Path -Folder
    if (-not $access.OtherOwner -and -not $access.Writers.Count) { return }
    $others = @(Get-EstAccountNames (@($access.OtherOwner) + $access.Writers))
    $take = "takeown /F `"$Path`" /A /R, icacls `"$Path`" /reset /T, icacls `"$Path`" /inheritance:r /grant:r *$($script:SYSTEM):(OI)(CI)F *$($script:ADMINISTRATORS):(OI)(CI)F"
    throw (New-EstError ("$($others -join ', ') can write to the folder $Path, so nothing in it can be trusted; remove it, or look " +
            "through it and give it to SYSTEM and Administrators alone, in this order: $take"))
}

# Makes a folder with its access list in one step, and those above it where they are missing; one that is there stays.
function New-EstFolder([string]$Path) {
    if ($null -ne (Get-EstAttributes $Path)) { return }
    if (-not $script:HAS_ACCESS_LISTS) { $null = [IO.Directory]::CreateDirectory($Path) }
    elseif ($PSVersionTable.PSVersion.Major -ge 6) { $null = [IO.FileSystemAclExtensions]::CreateDirectory((Get-EstSecurity -Folder), $Path) }
    else { $null = [IO.Directory]::CreateDirectory($Path, (Get-EstSecurity -Folder)) }
}

# ----------------------------------------------------------------------------------------------------------------------
# Files. What another program holds is tried again, for a time.

# Runs something again while another program has a file open, or is about to let go of one that is removed.
function Invoke-EstRetry([ScriptBlock]$What, [int]$Seconds = $script:OPEN_SECONDS) {
    # Sharing violation, a region that is locked, access denied, and the three that are of ReplaceFile alone.
    $passing = @($script:SHARING, $script:LOCKED, $script:DENIED, 0x80070497, 0x80070498, 0x80070499, 11)
    $watch = [Diagnostics.Stopwatch]::StartNew()
    while ($true) {
        try { return & $What }
        catch {
            $code, $elapsed = (Get-EstCause $_).HResult, $watch.Elapsed.TotalSeconds
            if ($code -notin $passing -or $elapsed -ge $Seconds -or ($code -eq $script:DENIED -and $elapsed -ge $script:DENIED_SECONDS)) { throw }
        }
        Start-Sleep -Milliseconds 50
    }
}

# Opens a file to write it, which nobody else can open then. Where it makes it, it does so with its access list.
function Open-EstFile([string]$Path, [IO.FileMode]$Mode) {
    $options, $share = [IO.FileOptions]::None, [IO.FileShare]::None
    $rights = [Security.AccessControl.FileSystemRights]'Read, Write'
    if (-not $script:HAS_ACCESS_LISTS) {
        return [IO.FileStream]::new($Path, $Mode, [IO.FileAccess]::ReadWrite, $share, 4096, $options)
    }
    if ($PSVersionTable.PSVersion.Major -ge 6) {
        return [IO.FileSystemAclExtensions]::Create([IO.FileInfo]::new($Path), $Mode, $rights, $share, 4096, $options, (Get-EstSecurity))
    }
    return [IO.FileStream]::new($Path, $Mode, $rights, $share, 4096, $options, (Get-EstSecurity))
}

# Holds the lock of a folder until what it returns is disposed of. The file stays, so that no two can hold two of them.
#
# Looking: for reading alone, beside others that read. Nothing is made then; it returns nothing where nobody ever wrote.
function Lock-EstFolder([string]$Folder, [switch]$Looking) {
    $path = [IO.Path]::Combine($Folder, $script:LOCK_NAME)
    try {
        return Invoke-EstRetry -Seconds $script:LOCK_SECONDS -What {
            if (-not $Looking) { return Open-EstFile $path OpenOrCreate }
            if (-not (Test-EstName $Folder $script:LOCK_NAME)) { return $null }
            return [IO.FileStream]::new($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]::Read)
        }
    }
    catch {
        if ((Get-EstCause $_).HResult -notin @($script:SHARING, $script:LOCKED, 11)) { throw }
        $failure = [TimeoutException]::new(("another process has held the lock on it for $($script:LOCK_SECONDS) seconds; " +
                'try again when it has ended, or end it'))
        $failure.Data['est_words'] = $true
        throw $failure
    }
}

# Reads what has a name in a folder. Returns Exists; Content, the octets of a file that is not too large; Problem, why there
# are none though something is there; Written, when it was, in UTC; and Path.
function Read-EstFile([string]$Folder, [string]$Name, [long]$Limit) {
    $found = @{ Exists = $false; Content = $null; Problem = ''; Written = [DateTime]::MinValue; Path = '' }
    return Invoke-EstRetry {
        $attributes = $null
        foreach ($path in [IO.Path]::Combine($Folder, $Name), (Get-EstWholePath $Folder $Name)) {
            if (Test-EstName $Folder ([IO.Path]::GetFileName($path))) { $attributes = Get-EstAttributes $path }
            if ($null -ne $attributes) { break }
        }
        if ($null -eq $attributes) { return $found }
        $found.Exists, $found.Problem, $found.Path = $true, (Get-EstKind $path $attributes), $path
        $found.Written = [IO.File]::GetLastWriteTimeUtc($path)
        if ($found.Problem) { return $found }
        $stream = [IO.FileStream]::new($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]'ReadWrite, Delete')
        try {
            if ($stream.Length -gt $Limit) {
                $size = if ($Limit -ge 1MB) { "$($Limit / 1MB) MiB" } else { "$Limit octets" }
                $found.Problem = "is larger than $size"
                return $found
            }
            $found.Content = [IO.BinaryReader]::new($stream).ReadBytes($stream.Length)
            return $found
        }
        finally { $stream.Dispose() }
    }
}

# Returns where a new file is once it is whole, until it has replaced the old one. File.Replace is two steps for Windows:
# the old file gets a name of the system's own, then the new one gets its name. A host that dies between them leaves this.
function Get-EstWholePath([string]$Folder, [string]$Name) {
    return [IO.Path]::Combine($Folder, ".$Name.whole")
}

# Finishes, under the lock, what such a host left.
function Restore-EstFile([string]$Folder, [string]$Name) {
    $whole, $path = (Get-EstWholePath $Folder $Name), [IO.Path]::Combine($Folder, $Name)
    if ($null -eq (Get-EstAttributes $whole)) { return }
    if ($null -eq (Get-EstAttributes $path)) { Move-EstFile $whole $path } else { Remove-EstFile $whole }
}

# Replaces a file, or makes it, under the lock. Where this fails, the old one is there and nothing else is left.
#
# As: it is called ".As.new" while it is written.
function Write-EstFile([string]$Folder, [string]$Name, [byte[]]$Content, [string]$As = $Name) {
    $part, $whole, $path = [IO.Path]::Combine($Folder, ".$As.new"), (Get-EstWholePath $Folder $Name), [IO.Path]::Combine($Folder, $Name)
    Remove-EstFile $part
    try {
        $stream = Open-EstFile $part CreateNew
        try {
            $stream.Write($Content, 0, $Content.Length)
            $stream.Flush($true)
        }
        finally { $stream.Dispose() }
        if ($null -ne (Get-EstAttributes $path)) {
            # The new one takes over the access list of the one that it replaces.
            Repair-EstFile $path
            Move-EstFile $part $whole
            $part = $whole
        }
        Move-EstFile $part $path
    }
    catch {
        # Where the old one is gone, the new one is all there is.
        try { if ($part -ne $whole -or $null -ne (Get-EstAttributes $path)) { Remove-EstFile $part } }
        catch { Write-Debug 'the new file stays beside the old one' }
        throw
    }
}

# Gives a file its access list back, and takes away what would keep it from being replaced.
function Repair-EstFile([string]$Path) {
    $attributes = [IO.File]::GetAttributes($Path)
    $kept = $attributes -band (-bnot [int][IO.FileAttributes]'ReadOnly, Hidden, System')
    if ([int]$kept -ne [int]$attributes) { [IO.File]::SetAttributes($Path, [IO.FileAttributes]$kept) }
    if (@(Get-EstDrift '' $Path).Count) { Set-EstAccess $Path }
}

# Gives a file another name, in place of the file that has it.
function Move-EstFile([string]$From, [string]$To) {
    Invoke-EstRetry {
        if ($null -eq (Get-EstAttributes $To)) { [IO.File]::Move($From, $To) }
        else { [IO.File]::Replace($From, $To, [NullString]::Value, $true) }
    }
}

# Removes a file, a link, or a folder with all that is in it, where it is there. Of a link, what it leads to stays.
function Remove-EstFile([string]$Path) {
    Invoke-EstRetry {
        $attributes = Get-EstAttributes $Path
        if ($null -eq $attributes) { return }
        if ($attributes -band [IO.FileAttributes]::ReadOnly) { [IO.File]::SetAttributes($Path, [IO.FileAttributes]::Normal) }
        if (-not ($attributes -band [IO.FileAttributes]::Directory)) { [IO.File]::Delete($Path) }
        elseif ($attributes -band [IO.FileAttributes]::ReparsePoint) { [IO.Directory]::Delete($Path, $false) }
        else { [IO.Directory]::Delete($Path, $true) }
    }
}

Export-ModuleMember -Function '*-Est*'
