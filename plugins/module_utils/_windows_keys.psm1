# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A production certificate of a Windows host: its key in the key store of the machine, the certificate in a certificate
# store, and what is noted of both in the folder of the template store. What of it is whose is said by the mark, which is in
# the names of all of them.
#
# A key has a name of its own, which is noted before the key is made, and until a certificate is joined to it. So a run that
# is killed leaves nothing that nobody knows: the next one that makes a key removes the key that waits, unless a certificate
# has it.

#AnsibleRequires -CSharpUtil ._keys
#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store
#AnsibleRequires -PowerShell ._windows_notes

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:INTERMEDIATE = 'CA'
# SERVICE_WIN32_OWN_PROCESS and SERVICE_WIN32_SHARE_PROCESS.
$script:SERVICE = 0x30
# Seconds in which a key has to be made. A TPM takes half a minute for some.
$script:MAKE_SECONDS = 180

$script:NO_KEY = @(0x80090016, 0x8009000D, 0x80090011, 0x80070002)
$script:NO_PROVIDER = @(0x80090017, 0x80090019, 0x8009001E, 0x80090030)
$script:NOT_LET = @(0x80090010, 0x80070005, 0x80090022)
$script:RIGHTS = 'it needs an account that is an administrator of the host; where it is one, become: runas with its password helps, or CredSSP'

# Returns a class of _keys.cs.
function Get-EstType([string]$Name) {
    return [type]"ansible_collections.estfleet.cloud_extender.plugins.module_utils._keys.$Name"
}

# ----------------------------------------------------------------------------------------------------------------------
# Failures

# Returns an error that says what cannot be done with a key, or with a store, and what helps.
function New-EstKeyError([string]$What, [Management.Automation.ErrorRecord]$Record, [string]$Kind = '') {
    if (Test-EstError $Record) { return Get-EstCause $Record }
    $cause = Get-EstCause $Record
    $code = $cause.HResult
    $number = '0x{0:X8}' -f $code
    if ($cause -is [PlatformNotSupportedException]) { return New-EstError "${What}: this is no Windows" 'not_supported' }
    if ($code -in $script:NOT_LET -or $cause -is [UnauthorizedAccessException]) { return New-EstError "${What}: access is denied; $($script:RIGHTS)" 'key_failed' }
    if ($code -in $script:NO_KEY) { return New-EstError "${What}: it is not there ($number)" 'key_failed' }
    if ($Kind -eq 'tpm') { return New-EstError "${What}: the TPM does not do it ($number); look with Get-Tpm whether it is ready, choose an RSA key of 2048 bits, or set key_provider to software" 'key_failed' }
    if ($code -in $script:NO_PROVIDER) { return New-EstError "${What}: Windows has no such provider here ($number); set key_provider to another one" 'key_failed' }
    $words = ($cause.Message -replace '\(?0x[0-9A-Fa-f]{8}\)?', '').Trim(' ', '.')
    return New-EstError "${What}: $words ($number)" 'key_failed'
}

# Runs something, and turns what goes wrong into an error about a key.
function Invoke-EstWithKey([string]$What, [ScriptBlock]$Work, [string]$Kind = '') {
    try { return & $Work } catch { throw (New-EstKeyError $What $_ $Kind) }
}

# ----------------------------------------------------------------------------------------------------------------------
# Accounts

# Returns the identifiers of accounts, which can be given as names too.
function Get-EstAccounts([string[]]$Names) {
    foreach ($name in $Names) {
        try {
            if ($name -match '\AS-1-[0-9-]+\z') { (New-Object Security.Principal.SecurityIdentifier($name)).Value }
            else { (New-Object Security.Principal.NTAccount($name)).Translate([Security.Principal.SecurityIdentifier]).Value }
        }
        catch {
            throw (New-EstError ("key_readers has $name, and this host knows no such account; give it as DOMAIN\name, NT SERVICE\name, " +
                    'IIS AppPool\name or as an identifier (S-1-...), once it exists') 'unknown_account')
        }
    }
}

# ----------------------------------------------------------------------------------------------------------------------
# Certificate stores

function Open-EstCertificates([string]$Store, [switch]$Write) {
    try { return (Get-EstType 'CertificateStore')::new($Store, [bool]$Write) }
    catch {
        if ((Get-EstCause $_).HResult -eq 0x80070002) {
            throw (New-EstError "the host has no certificate store LocalMachine\$Store; name one that is there, such as My" 'key_failed')
        }
        throw (New-EstKeyError "the certificate store LocalMachine\$Store cannot be opened" $_)
    }
}

# Says whether the account may put certificates into a store.
function Test-EstWritable([string]$Store) {
    try { (Open-EstCertificates $Store -Write).Dispose(); return $true } catch { return $false }
}

function Get-EstPlace([Security.Cryptography.X509Certificates.X509Certificate2]$Certificate) {
    return (Get-EstType 'CertificateStore')::PlaceOf($Certificate)
}

# Says whether a certificate is one of ours: by its friendly name, which is the given one or has the mark.
function Test-EstOurs([Security.Cryptography.X509Certificates.X509Certificate2]$Certificate, [string]$Mark, [string]$Name) {
    return $Certificate.FriendlyName -ceq $Name -or (Test-EstMarked $Certificate.FriendlyName $Mark)
}

function Test-EstMarked([string]$FriendlyName, [string]$Mark) {
    return $FriendlyName -cmatch "-est-$Mark-[0-9a-f]{16}-[0-9]{1,9}\z"
}

# Says how it is about the key of a certificate: "there", "missing", "other" where it is that of another certificate, or
# "unusable" where Windows does not let this account have it. And which of some accounts may not use it.
function Get-EstKeyState([Security.Cryptography.X509Certificates.X509Certificate2]$Certificate, [string[]]$Readers) {
    $place = Get-EstPlace $Certificate
    if ($null -eq $place) { return @('missing', @()) }
    try {
        $key = Open-EstKey $place
        try {
            if ((ConvertTo-EstHex $key.PublicKeyBits()) -ne (ConvertTo-EstHex $Certificate.GetPublicKey())) { return @('other', @()) }
            # Not every provider tells who may use a key. Then nobody is known to, and granting it says what is the matter.
            try { $lacking = @($key.Lacking($Readers)) } catch { $lacking = $Readers }
            return @('there', $lacking)
        }
        finally { $key.Dispose() }
    }
    catch {
        if ((Get-EstCause $_).HResult -in $script:NO_KEY) { return @('missing', @()) }
        return @('unusable', @())
    }
}

# ----------------------------------------------------------------------------------------------------------------------
# Keys

function Open-EstKey($Place) {
    return (Get-EstType 'Key')::Open($Place)
}

# Says whether a key is there, though Windows may not let this account have it.
function Test-EstKey($Place) {
    try { (Open-EstKey $Place).Dispose(); return $true } catch { return (Get-EstCause $_).HResult -notin $script:NO_KEY }
}

function Get-EstPlaceOf([string]$Kind, [string]$Name) {
    return (Get-EstType 'KeyPlace')::Of($Kind, $Name)
}

# Removes a key of ours, unless a certificate of the store has it.
function Remove-EstKey($Place, [string]$Store) {
    $certificates = Open-EstCertificates $Store
    try { if ($certificates.Uses($Place, [string[]]@())) { return } } finally { $certificates.Dispose() }
    Remove-EstUnusedKey $Place
}

# Removes a key. One that is not there, or that nobody can open any more, such as after the TPM was cleared, is no failure.
function Remove-EstUnusedKey($Place) {
    try {
        $key = Open-EstKey $Place
        try { $key.Delete() } finally { $key.Dispose() }
    }
    catch {
        if ((Get-EstCause $_).HResult -in $script:NOT_LET) { throw (New-EstKeyError "the key $($Place.Name), which no certificate has, cannot be removed" $_) }
    }
}

# ----------------------------------------------------------------------------------------------------------------------
# The key that waits

# Returns the place of the key that waits for its certificate, or nothing.
function Get-EstWaitingPlace([string]$Folder, [hashtable]$Which) {
    $content = Read-EstNote $Folder $Which 'key'
    if ($null -eq $content -or [Text.Encoding]::ASCII.GetString($content) -cnotmatch "\A(software|tpm|csp) (est-$($Which.mark)-[0-9a-f]{32})\n\z") { return $null }
    return Get-EstPlaceOf $Matches[1] $Matches[2]
}

# Forgets, under the lock, the key that waits.
function Remove-EstWaiting([string]$Folder, [hashtable]$Which) {
    $place = Get-EstWaitingPlace $Folder $Which
    if ($null -ne $place) { Remove-EstKey $place $Which.store_name }
    Remove-EstFile (Join-Path $Folder (Get-EstNoteName $Which 'key'))
}

# ----------------------------------------------------------------------------------------------------------------------
# The operations of win_est_key; Which are its options

# Returns all that decides what is to be done: of each certificate that is asked about, and of the template store. What is
# wrong with one of them leaves the others alone, and is told in its place.
function Get-EstLooks([hashtable]$Which) {
    $pad, $seed, $opened, $document, $made = (ConvertFrom-EstKeyPad $Which.key_pad), [Convert]::FromBase64String($Which.pad), @{}, @{}, @{}
    try {
        $found = @(foreach ($asked in $Which.certificates) {
                Invoke-EstTold { Get-EstCertificateLook (@{ store_path = $Which.store_path } + [hashtable]$asked) $opened $seed }
            })
    }
    finally { foreach ($store in $opened.Values) { $store.Store.Dispose() } }
    if ($Which.with_document) { $document = Invoke-EstTold { Read-EstStore $Which.store_path $pad } }
    if ($Which.with_made) { $made = Invoke-EstTold { @{ notes = @(Read-EstMade $Which.store_path) } } }
    return @{ found = $found; document = $document; made = $made }
}

# Runs something, and returns what it does, or what an error of ours says.
function Invoke-EstTold([ScriptBlock]$What) {
    try { return & $What }
    catch {
        $failure = Get-EstFailure $_
        if ($null -eq $failure) { throw }
        return $failure
    }
}

# Looks at one certificate.
#
# Which: its options, and the folder of the template store. Opened: the stores that are open, by their names, with what is
# in them; the caller closes them. Seed: what the note of a pending request is masked with is made of it.
function Get-EstCertificateLook([hashtable]$Which, [hashtable]$Opened, [byte[]]$Seed) {
    $readers = @(Get-EstAccounts $Which.key_readers)
    foreach ($name in $Which.services) { Assert-EstService $name }
    if (-not $Opened.ContainsKey($Which.store_name)) {
        $store = Open-EstCertificates $Which.store_name
        $Opened[$Which.store_name] = @{ Store = $store; Certificates = @($store.Certificates()); Writable = (Test-EstWritable $Which.store_name) }
    }
    $there = $Opened[$Which.store_name]
    $found = @(foreach ($certificate in $there.Certificates) {
            if (-not $Which.every -and -not (Test-EstOurs $certificate $Which.mark $Which.name)) { continue }
            $state, $lacking = Get-EstKeyState $certificate $readers
            @{
                certificate = [Convert]::ToBase64String($certificate.RawData); friendly_name = "$($certificate.FriendlyName)"
                key = $state; lacking_readers = @($lacking | Where-Object { $_ } | ForEach-Object { Get-EstAccountName $_ })
            }
        })
    return @{ certificates = $found; writable = $there.Writable } + (Get-EstNotes $Which $Seed)
}

function Get-EstNotes([hashtable]$Which, [byte[]]$Seed) {
    $notes = @{ waiting_key = ''; masked_pending = ''; refused = ''; owed = @() }
    $folder = Get-EstPath $Which.store_path
    Assert-EstWay $folder 'store_path'
    if ($null -eq (Get-EstAttributes $folder)) { return $notes }
    # What others could have written says nothing.
    Assert-EstFolder $folder 'store_path'
    $refused, $pending = (Read-EstNote $folder $Which 'refused'), (Read-EstNote $folder $Which 'pending')
    if ($null -ne $refused) { $notes.refused = [Convert]::ToBase64String($refused) }
    $notes.owed = @(Read-EstNames $folder (Get-EstNoteName $Which 'reload'))
    $place = Get-EstWaitingPlace $folder $Which
    if ($null -ne $place) {
        try {
            $key = Open-EstKey $place
            try { $notes.waiting_key = [Convert]::ToBase64String($key.PublicKeyInfo()) } finally { $key.Dispose() }
        }
        catch {
            if ((Get-EstCause $_).HResult -in $script:NOT_LET) { throw (New-EstKeyError 'the key that waits for its certificate cannot be opened' $_) }
        }
    }
    # The request can have an enrolment code in it. What nobody can read back is as nothing.
    if ($null -ne $pending -and $Seed.Length) {
        $pad = Get-EstPad $Seed "$($Which.store_name)-$($Which.mark)" $pending.Length
        $notes.masked_pending = [Convert]::ToBase64String((Get-EstMasked $pending $pad))
    }
    return $notes
}

# Throws where the host has no such service: a driver, which is in the same place, is none.
function Assert-EstService([string]$Name) {
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey("SYSTEM\CurrentControlSet\Services\$Name")
    try { if ($null -ne $key -and ([int]$key.GetValue('Type', 0) -band $script:SERVICE)) { return } }
    finally { if ($null -ne $key) { $key.Dispose() } }
    throw (New-EstError "reload has $Name, and this host has no such service; give the name that Get-Service shows, once the service exists" 'unknown_service')
}

# Makes a key, in place of one that waits; returns its public key.
function New-EstKey([hashtable]$Which) {
    $name = "est-$($Which.mark)-$(ConvertTo-EstHex (Get-EstRandom 16))"
    $null = Invoke-EstWithNotes $Which {
        param($folder)
        Remove-EstWaiting $folder $Which
        Remove-EstFile (Join-Path $folder (Get-EstNoteName $Which 'pending'))
        Save-EstMade $folder $Which
        Write-EstFile $folder (Get-EstNoteName $Which 'key') ([Text.Encoding]::ASCII.GetBytes("$($Which.key_provider) $name`n"))
    }
    $place = Get-EstPlaceOf $Which.key_provider $name
    $key = Invoke-EstWithKey "no key of type $($Which.key_type) can be made by $($place.Provider)" -Kind $Which.key_provider -Work {
        (Get-EstType 'Bounded')::Make($script:MAKE_SECONDS, $place, $Which.key_type, $Which.key_size, "$($Which.key_curve)", $Which.key_exportable)
    }
    if ($null -eq $key) { throw (New-EstError "$($place.Provider) has not made a key of type $($Which.key_type) in $($script:MAKE_SECONDS) seconds" 'key_failed') }
    try { return [Convert]::ToBase64String($key.PublicKeyInfo()) } finally { $key.Dispose() }
}

# Returns the place of the key that is meant: of a certificate that is named, else the one that waits.
function Get-EstMeantPlace([hashtable]$Which) {
    if ($Which.thumbprint) {
        $store = Open-EstCertificates $Which.store_name
        try {
            $certificate = $store.Find($Which.thumbprint)
            if ($null -ne $certificate -and (Test-EstOurs $certificate $Which.mark $Which.name)) {
                $place = Get-EstPlace $certificate
                if ($null -ne $place) { return $place }
            }
        }
        finally { $store.Dispose() }
        throw (New-EstError "LocalMachine\$($Which.store_name) has no certificate $($Which.thumbprint) of this name with a key" 'key_failed')
    }
    $folder = Get-EstPath $Which.store_path
    Assert-EstFolder $folder 'store_path'
    $place = Get-EstWaitingPlace $folder $Which
    if ($null -eq $place) { throw (New-EstError 'no key waits for a certificate of this name; another run has removed it' 'key_failed') }
    return $place
}

function Get-EstSignature([hashtable]$Which) {
    $place = Get-EstMeantPlace $Which
    return Invoke-EstWithKey "the key $($place.Name) does not sign" {
        $key = Open-EstKey $place
        try { return [Convert]::ToBase64String($key.Sign([Convert]::FromBase64String($Which.data), $Which.hash)) } finally { $key.Dispose() }
    }
}

# Joins an issued certificate to its key, and puts it into its store; what waits for it is over then.
function Join-EstCertificate([hashtable]$Which) {
    $readers = @(Get-EstAccounts $Which.key_readers)
    $place = Get-EstMeantPlace $Which
    $der = [Convert]::FromBase64String($Which.certificate)
    $issued = Invoke-EstWithKey 'the certificate cannot be read' { New-Object Security.Cryptography.X509Certificates.X509Certificate2(, $der) }
    Invoke-EstWithKey "the key $($place.Name) cannot be given to its certificate" {
        $key = Open-EstKey $place
        try {
            if ((ConvertTo-EstHex $key.PublicKeyBits()) -ne (ConvertTo-EstHex $issued.GetPublicKey())) {
                throw (New-EstError "the certificate is not for the key $($place.Name); another run has made that meanwhile" 'wrong_key')
            }
            $key.Grant($readers)
        }
        finally { $key.Dispose() }
    }
    if (@($Which.intermediates | Where-Object { $_ }).Count) {
        $authorities = Open-EstCertificates $script:INTERMEDIATE -Write
        try {
            foreach ($text in $Which.intermediates) { Invoke-EstWithKey 'an intermediate certificate cannot be put into LocalMachine\CA' { $authorities.Add([Convert]::FromBase64String($text), $null, '') } }
        }
        finally { $authorities.Dispose() }
    }
    Save-EstOwed $Which
    if ($Which.made) { $null = Invoke-EstWithNotes $Which { param($folder) Save-EstMade $folder $Which } }
    $store = Open-EstCertificates $Which.store_name -Write
    try { Invoke-EstWithKey "the certificate cannot be put into LocalMachine\$($Which.store_name)" { $store.Add($der, $place, $Which.friendly_name) } }
    finally { $store.Dispose() }
    $store = Open-EstCertificates $Which.store_name
    try {
        $there = $store.Find($issued.Thumbprint)
        $state = if ($null -eq $there) { 'nothing' } else { (Get-EstKeyState $there @())[0] }
    }
    finally { $store.Dispose() }
    if ($state -ne 'there') { throw (New-EstError "the certificate was put into LocalMachine\$($Which.store_name), and is not there with its key afterwards ($state)" 'key_failed') }
    $null = Invoke-EstWithNotes $Which {
        param($folder)
        foreach ($kind in 'key', 'pending', 'refused') { Remove-EstFile (Join-Path $folder (Get-EstNoteName $Which $kind)) }
    }
}

# Removes certificates that were replaced, each with its key where that was made here and no other certificate has it; and
# what waits for approval, with its key. Returns the thumbprints of what was removed.
function Remove-EstCertificates([hashtable]$Which) {
    $removed = @()
    foreach ($thumbprint in @($Which.thumbprints | Where-Object { $_ })) {
        $store = Open-EstCertificates $Which.store_name -Write
        try {
            $certificate = $store.Find($thumbprint)
            if ($null -eq $certificate -or -not (Test-EstMarked $certificate.FriendlyName $Which.mark)) { continue }
            $place = Get-EstPlace $certificate
            Invoke-EstWithKey "the certificate $thumbprint cannot be removed" { $store.Remove($certificate) }
        }
        finally { $store.Dispose() }
        $removed += $thumbprint
        if ($null -ne $place -and $place.Name -cmatch "\Aest-$($Which.mark)-[0-9a-f]{32}\z") { Remove-EstKey $place $Which.store_name }
    }
    if ($Which.waiting) {
        $null = Invoke-EstWithNotes $Which {
            param($folder)
            Remove-EstWaiting $folder $Which
            Remove-EstFile (Join-Path $folder (Get-EstNoteName $Which 'pending'))
        }
    }
    return , $removed
}

# Writes a note; returns its path.
function Save-EstNote([hashtable]$Which) {
    return Invoke-EstWithNotes $Which {
        param($folder)
        $name = Get-EstNoteName $Which $Which.note
        Write-EstFile $folder $name ([Convert]::FromBase64String($Which.content))
        return Join-Path $folder $name
    }
}

# Lets accounts use the key of a certificate.
function Grant-EstKey([hashtable]$Which) {
    $readers = @(Get-EstAccounts $Which.key_readers)
    $place = Get-EstMeantPlace $Which
    Save-EstOwed $Which
    Invoke-EstWithKey "the access list of the key $($place.Name) cannot be changed" {
        $key = Open-EstKey $place
        try { $key.Grant($readers) } finally { $key.Dispose() }
    }
}

Export-ModuleMember -Function '*-Est*'
