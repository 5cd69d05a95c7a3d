# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What came of the last test of each template, noted on a Windows host: the twin of with_test() and record_test() in
# module_utils/_store/last_tests.py. The text is the same to the octet, and so is what is left out of it.

#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:FORMAT = 'estfleet.cloud_extender.last_tests'
$script:UTC = '\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\z'
$script:STAGE = '\A[a-z_]{1,32}\z'
$script:DIGEST = '\A[0-9a-f]{64}\z'
$script:MOST_REMARKS = 32
$script:LONGEST_REMARK = 300

# ----------------------------------------------------------------------------------------------------------------------
# JSON. ConvertFrom-Json makes dates of texts in PowerShell 7, and refuses names that differ in case alone in 5.1.

if ($PSVersionTable.PSVersion.Major -ge 6) {
    function ConvertFrom-EstJson([string]$Text) {
        $document = [Text.Json.JsonDocument]::Parse($Text)
        try { return ConvertFrom-EstElement $document.RootElement } finally { $document.Dispose() }
    }

    function ConvertFrom-EstElement($Element) {
        switch ("$($Element.ValueKind)") {
            'Object' {
                $found = New-Object 'Collections.Generic.Dictionary[string,object]'
                foreach ($property in $Element.EnumerateObject()) { $found[$property.Name] = ConvertFrom-EstElement $property.Value }
                return $found
            }
            'Array' {
                $found = New-Object Collections.ArrayList
                foreach ($entry in $Element.EnumerateArray()) { $null = $found.Add((ConvertFrom-EstElement $entry)) }
                return , $found
            }
            'String' { return $Element.GetString() }
            'Number' {
                $number = [long]0
                if ($Element.TryGetInt64([ref]$number)) { return $number }
                return $Element.GetDouble()
            }
            'True' { return $true }
            'False' { return $false }
            default { return $null }
        }
    }
}
else {
    # On the .NET Framework this makes dictionaries and lists, and leaves texts alone.
    function ConvertFrom-EstJson([string]$Text) { return [Ansible.Basic.AnsibleModule]::FromJson($Text) }
}

# Returns a value as json.dumps() of Python does with indent=2 and ensure_ascii=False.
function ConvertTo-EstJson($Value, [string]$Indent = '') {
    $inner = "$Indent  "
    if ($null -eq $Value) { return 'null' }
    if ($Value -is [Collections.IDictionary]) {
        $entries = @(foreach ($name in $Value.Keys) { "$inner$(ConvertTo-EstJson $name): $(ConvertTo-EstJson $Value[$name] $inner)" })
        if (-not $entries.Count) { return '{}' }
        return "{`n$($entries -join ",`n")`n$Indent}"
    }
    if ($Value -is [Collections.IList]) {
        $entries = @(foreach ($entry in $Value) { "$inner$(ConvertTo-EstJson $entry $inner)" })
        if (-not $entries.Count) { return '[]' }
        return "[`n$($entries -join ",`n")`n$Indent]"
    }
    if ($Value -isnot [string]) { return $Value.ToString([Globalization.CultureInfo]::InvariantCulture) }
    $text = New-Object Text.StringBuilder('"')
    $known = @{ 8 = '\b'; 9 = '\t'; 10 = '\n'; 12 = '\f'; 13 = '\r'; 34 = '\"'; 92 = '\\' }
    foreach ($character in $Value.ToCharArray()) {
        if ($known.ContainsKey([int]$character)) { $null = $text.Append($known[[int]$character]) }
        elseif ([int]$character -lt 32) { $null = $text.Append('\u').Append(([int]$character).ToString('x4')) }
        else { $null = $text.Append($character) }
    }
    return $text.Append('"').ToString()
}

# ----------------------------------------------------------------------------------------------------------------------
# Entries

# Returns what an entry has under a name in this very case, or nothing.
function Get-EstField($Entry, [string]$Name) {
    foreach ($key in $Entry.Keys) {
        if ($key -ceq $Name) { return , $Entry[$key] }
    }
}

# Returns an entry as the file holds it, or nothing where it is none.
function Get-EstTest($Entry) {
    if ($Entry -isnot [Collections.IDictionary]) { return $null }
    $status, $stage = (Get-EstField $Entry 'status'), (Get-EstField $Entry 'stage')
    $at, $notAfter = (Get-EstField $Entry 'at'), (Get-EstField $Entry 'not_after')
    if ($status -cnotin 'issued', 'pending', 'failed' -or $at -isnot [string] -or $at -cnotmatch $script:UTC) { return $null }
    if ($null -ne $stage -and ($stage -isnot [string] -or $stage -cnotmatch $script:STAGE)) { return $null }
    if ($null -ne $notAfter -and ($status -cne 'issued' -or $notAfter -isnot [string] -or $notAfter -cnotmatch $script:UTC)) { return $null }
    $http = Get-EstField $Entry 'http_status'
    if (($http -isnot [int] -and $http -isnot [long]) -or $http -lt 100 -or $http -gt 999) { $http = $null }
    return [ordered]@{
        status = $status
        stage = $stage
        at = $at
        not_after = $notAfter
        content = Get-EstMatching $Entry 'content' $script:DIGEST
        exchange = Get-EstMatching $Entry 'exchange' $script:STAGE
        lost = Get-EstRemarks $Entry 'lost'
        differs = Get-EstRemarks $Entry 'differs'
        made_up = Get-EstRemarks $Entry 'made_up'
        http_status = $http
        error_code = Get-EstMatching $Entry 'error_code' $script:STAGE
    }
}

function Get-EstMatching($Entry, [string]$Name, [string]$Pattern) {
    $value = Get-EstField $Entry $Name
    if ($value -is [string] -and $value -cmatch $Pattern) { return $value }
}

function Get-EstRemarks($Entry, [string]$Name) {
    $found = Get-EstField $Entry $Name
    $remarks = New-Object Collections.ArrayList
    if ($found -is [Collections.IList]) {
        foreach ($words in @($found | Select-Object -First $script:MOST_REMARKS)) {
            # Counted in characters, of which one can be two units.
            if ($words -is [string]) { $null = $remarks.Add([regex]::Match($words, "\A(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[\s\S]){0,$($script:LONGEST_REMARK)}").Value) }
        }
    }
    return , $remarks
}

# Returns the text of the file with a test of this moment in it.
function Get-EstTestsWith([string]$Text, [string]$Template, $Came) {
    $tests = New-Object 'Collections.Generic.SortedDictionary[string,object]'([StringComparer]::Ordinal)
    # A file that is damaged counts as empty.
    try { $data = ConvertFrom-EstJson $Text } catch { $data = $null }
    if ($data -is [Collections.IDictionary] -and (Get-EstField $data 'format') -ceq $script:FORMAT -and (Get-EstField $data 'format_version') -eq 1) {
        $stored = Get-EstField $data 'tests'
        if ($stored -is [Collections.IDictionary]) {
            foreach ($name in $stored.Keys) {
                $test = Get-EstTest $stored[$name]
                if ($null -ne $test) { $tests[$name] = $test }
            }
        }
    }
    $now = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
    $entry = @{ at = $now }
    foreach ($name in $Came.Keys) { if ($name -cne 'at') { $entry[$name] = $Came[$name] } }
    $test = Get-EstTest $entry
    if ($null -ne $test) { $tests[$Template] = $test }
    return "$(ConvertTo-EstJson ([ordered]@{ format = $script:FORMAT; format_version = 1; tests = $tests }))`n"
}

# Notes in the store, which is there, what came of a test of a template.
function Save-EstTest([string]$StorePath, [string]$Template, $Came) {
    $null = Invoke-EstInStore $StorePath {
        param($folder)
        $text = Get-EstTestsWith (Get-EstFileText (Read-EstStoreFile $folder 'last_tests.json')) $Template $Came
        Write-EstFile $folder 'last_tests.json' ((New-Object Text.UTF8Encoding($false)).GetBytes($text))
    }
}

Export-ModuleMember -Function '*-Est*'
