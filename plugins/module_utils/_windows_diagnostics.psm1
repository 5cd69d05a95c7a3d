# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# All that is collected on a Windows host for est_diagnostics: the twin of module_utils/_diagnostics/collect.py,
# log_files.py and stored.py, which say what is collected and why. It reads, and changes nothing.
#
# Each section runs in a runspace of its own, for nothing can end a call of the system that hangs; where one does, the
# process is ended some seconds after the answer. So the functions of a section use no variable of this module, and no
# function of its neighbours.

#AnsibleRequires -PowerShell ._windows_files

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# What is left out of the time, so that it is a log that is told, and not the section.
$script:SHARE = 0.9
# In which the answer goes out, on a slow host too.
$script:ENDING_SECONDS = 30
$script:CARRIED = @(
    'Expand-EstPath', 'Get-EstGzip', 'Get-EstLogCandidates', 'Get-EstLogEnd', 'Get-EstLogs', 'Get-EstMatches', 'Get-EstOctets'
    'Get-EstProduct', 'Get-EstProxyVariables', 'Get-EstSeconds', 'Get-EstSystem', 'Get-EstTests', 'Get-EstValues'
    'Get-EstWindowsProxy', 'Measure-EstSection', 'Test-EstBinary', 'Test-EstLink'
)
$script:DEFECT = 'This is a defect of the collection: please report it.'

# Collects everything; see collect() of the twin.
#
# Order: the options of the module, with relays as a list of dictionaries. The others are types of the C# utilities.
function Get-EstDiagnostics([hashtable]$Order, [type]$Relay, [type]$WinHttp, [type]$Ending) {
    $started, $watch = (Get-EstSeconds ([DateTime]::UtcNow)), [Diagnostics.Stopwatch]::StartNew()
    $logs = @{}
    foreach ($name in 'Found', 'Skipped') { $logs[$name] = [Collections.ArrayList]::Synchronized((New-Object Collections.ArrayList)) }
    $reading = @{
        Logs = $logs; Patterns = $Order.log_paths; Most = $Order.max_log_size; Seconds = $Order.time_limit * $script:SHARE
        Never = @($Order.store_path, $Order.output_path)
    }
    $tasks = @{
        system = Start-EstSection 'Get-EstSystem' @{ Paths = @($Order.store_path) + $Order.log_paths }
        services = Start-EstSection 'Get-EstProduct' @{}
        proxy = Start-EstSection 'Get-EstProxyVariables' @{}
        windows_proxy = Start-EstSection 'Get-EstWindowsProxy' @{ WinHttp = $WinHttp }
        tests = Start-EstSection 'Get-EstTests' @{ OutputPath = $Order.output_path }
        logs = Start-EstSection 'Get-EstLogs' $reading
    }
    $relays = @(Invoke-EstRelays $Order.relays $Relay)
    $sections = @{}
    foreach ($name in $tasks.Keys) { $sections[$name] = Complete-EstSection $tasks[$name] $Order.time_limit $watch }
    if (@($tasks.Values | Where-Object { -not $_.IsCompleted }).Count) { $Ending::In($script:ENDING_SECONDS) }
    # As far as they could be read in time.
    $sections.logs.data = @{ files = $logs.Found.ToArray(); skipped_files = $logs.Skipped.ToArray() }
    return @{ started = $started; ended = (Get-EstSeconds ([DateTime]::UtcNow)); sections = $sections; relays = $relays }
}

# Starts a section: a function of this module with its arguments.
function Start-EstSection([string]$Name, [hashtable]$Arguments) {
    $library = @('Set-StrictMode -Version 2.0', '$ErrorActionPreference = "Stop"')
    foreach ($carried in $script:CARRIED) { $library += "function $carried {`n$((Get-Command $carried).Definition)`n}" }
    $runspace = [RunspaceFactory]::CreateRunspace()
    # Else the runspace would make a thread of its own, which is waited for.
    $runspace.ThreadOptions = 'UseCurrentThread'
    $runspace.Open()
    $shell = [PowerShell]::Create()
    $shell.Runspace = $runspace
    # One statement, for what a second one throws is no failure of the whole.
    $script = "param([string]`$Name, [hashtable]`$Arguments)`n$($library -join "`n")`nMeasure-EstSection `$Name `$Arguments"
    $null = $shell.AddScript($script).AddArgument($Name).AddArgument($Arguments)
    $run = [Delegate]::CreateDelegate([Func[Collections.ObjectModel.Collection[psobject]]], $shell, 'Invoke')
    $task = New-Object 'Threading.Tasks.Task[Collections.ObjectModel.Collection[psobject]]' $run, ([Threading.Tasks.TaskCreationOptions]::LongRunning)
    $task.Start()
    return $task
}

# Runs a section. Returns what it found, and how long it took.
function Measure-EstSection([string]$Name, [hashtable]$Arguments) {
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $data = & $Name @Arguments
    if ($null -eq $data) { $data = @{} }
    return @{ ok = $true; data = $data; seconds = [Math]::Round($watch.Elapsed.TotalSeconds, 3) }
}

# Returns what a section came to, once it has ended or its time is over.
function Complete-EstSection($Task, [int]$Seconds, [Diagnostics.Stopwatch]$Watch) {
    $left = [Math]::Max(0, 1000 * $Seconds - $Watch.ElapsedMilliseconds)
    try {
        if (-not $Task.Wait([int]$left)) {
            return New-EstFailedSection "had not ended after $Seconds seconds" 'Raise time_limit where the host is only slow.'
        }
        return $Task.Result[0].PSObject.BaseObject
    }
    catch {
        $cause = Get-EstCause $_
        if ($cause -isnot [IO.IOException] -and $cause -isnot [UnauthorizedAccessException] -and $cause -isnot [Security.SecurityException]) {
            return New-EstFailedSection "$($cause.GetType().Name): $($cause.Message)" $script:DEFECT
        }
        $words, $hint = Get-EstReason $cause ''
        return New-EstFailedSection $words $hint
    }
}

function New-EstFailedSection([string]$Reason, [string]$Hint) {
    return @{ ok = $false; error_code = 'not_collected'; reason = ($Reason -replace '\s+', ' '); hint = $Hint }
}

# Carries all requests side by side, and returns a section for each relay.
function Invoke-EstRelays($Orders, [type]$Relay) {
    $all = @(foreach ($order in $Orders) {
            $options = @{}
            foreach ($name in $order.Keys) {
                $options[$name] = $order[$name]
                if ($options[$name] -is [long]) { $options[$name] = [int]$options[$name] }
                elseif ($options[$name] -is [Collections.IList]) { $options[$name] = [string[]]$options[$name].ToArray() }
            }
            if ($options.anchors_path) { $options.anchors = [string[]](Get-EstAnchors $options.anchors_path) }
            $options
        })
    $readable, $results = (New-Object 'Collections.Generic.List[Collections.IDictionary]'), (New-Object Collections.Queue)
    foreach ($options in $all) { if ($null -ne $options.anchors) { $readable.Add($options) } }
    if ($readable.Count) { foreach ($result in $Relay::RunAll($readable)) { $results.Enqueue($result) } }
    foreach ($options in $all) {
        if ($null -ne $options.anchors) {
            $result = $results.Dequeue()
            if ($result -is [Exception]) { New-EstFailedSection "$($result.GetType().Name): $($result.Message)" $script:DEFECT; continue }
        }
        else {
            $now, $failure = (Get-EstSeconds ([DateTime]::UtcNow)), @{ stage = 'input'; kind = 'unreadable_file'; detail = ''; alert = '' }
            $result = @{ started = $now; ended = $now; answers = @(); connections = @(); failure = $failure }
        }
        $result['anchors'] = @($options.anchors | Where-Object { $_ })
        @{ ok = $true; data = $result; seconds = [Math]::Round($result['ended'] - $result['started'], 3) }
    }
}

# Returns the certificates of a PEM file, as DER in base64, or nothing where it cannot be read.
function Get-EstAnchors([string]$Path) {
    try {
        $full = Expand-EstPath $Path
        $file = Read-EstFile ([IO.Path]::GetDirectoryName($full)) ([IO.Path]::GetFileName($full)) 1MB
    }
    catch { return $null }
    if ($null -eq $file.Content) { return $null }
    $text = [Text.Encoding]::ASCII.GetString($file.Content)
    $found = [regex]::Matches($text, '-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----')
    return , @($found | ForEach-Object { $_.Groups[1].Value -replace '\s', '' })
}

# ----------------------------------------------------------------------------------------------------------------------
# The host

function Get-EstSeconds([DateTime]$Time) {
    return ($Time - (New-Object DateTime 1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc))).TotalSeconds
}

# Puts in the values of variables. A path that still has one is none.
function Expand-EstPath([string]$Path) {
    $full = [Environment]::ExpandEnvironmentVariables($Path)
    if ($full -match '%([^%\\/]+)%') {
        throw (New-Object IO.DirectoryNotFoundException "the environment of the host has no variable $($Matches[1]), or does not tell it")
    }
    return $full
}

# Returns values of a key of the registry as texts, by name; nothing where there is no such key.
function Get-EstValues([string]$Hive, [string]$Path) {
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey($Hive, 'Registry64')
    try {
        $key = $base.OpenSubKey($Path)
        if ($null -eq $key) { return $null }
        try {
            $found = @{ '' = @($key.GetSubKeyNames()) }
            foreach ($name in $key.GetValueNames()) { if ($name) { $found[$name] = "$($key.GetValue($name))" } }
            return $found
        }
        finally { $key.Dispose() }
    }
    finally { $base.Dispose() }
}

function Get-EstSystem([string[]]$Paths) {
    $windows = [IO.Path]::DirectorySeparatorChar -eq '\'
    $system, $dotnet = "$([Environment]::OSVersion)", ".NET $([Environment]::Version)"
    if ($windows) {
        $version = Get-EstValues LocalMachine 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
        $update = if ($version['UBR']) { ".$($version['UBR'])" }
        $system = "$($version['ProductName']) $([Environment]::OSVersion.Version.ToString(3))$update".Trim()
        if ($PSVersionTable.PSVersion.Major -lt 6) {
            $dotnet = ".NET Framework $((Get-EstValues LocalMachine 'SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full')['Version'])"
        }
    }
    $servers = @()
    try {
        foreach ($card in [Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
            if ($card.OperationalStatus -eq 'Up') { $servers += @($card.GetIPProperties().DnsAddresses | ForEach-Object { "$_" }) }
        }
    }
    catch { Write-Debug 'the system does not tell its network' }
    $space = @(foreach ($path in $Paths) {
            $free = $null
            try { $free = (New-Object IO.DriveInfo ([IO.Path]::GetPathRoot((Expand-EstPath $path)))).AvailableFreeSpace } catch { Write-Debug 'it is told below' }
            if ($null -eq $free) { @{ path = $path; problem = 'is on no drive that tells it' } } else { @{ path = $path; free_bytes = $free } }
        })
    return @{
        host_name = [Environment]::MachineName
        operating_system = $system
        user = if ($windows) { "$([Environment]::UserDomainName)\$([Environment]::UserName)" } else { [Environment]::UserName }
        time_zone = [TimeZoneInfo]::Local.Id
        versions = @{ powershell = "$($PSVersionTable.PSVersion)"; dotnet = $dotnet }
        name_servers = @($servers | Select-Object -Unique)
        disk_space = $space
    }
}

function Get-EstProxyVariables {
    $found, $all = @{}, [Environment]::GetEnvironmentVariables()
    foreach ($name in $all.Keys) { if ($name -match '\A([a-z]+_proxy|no_proxy)\z') { $found[$name] = "$($all[$name])" } }
    return $found
}

# Returns the services of the product, found by name or path as their names are not documented, and what is installed.
function Get-EstProduct {
    $found, $product = @{ services = @(); products = @() }, 'maas360|cloud ?extender'
    if ([IO.Path]::DirectorySeparatorChar -ne '\') { return $found }
    $services = 'SYSTEM\CurrentControlSet\Services'
    foreach ($name in (Get-EstValues LocalMachine $services)['']) {
        try { $values = Get-EstValues LocalMachine "$services\$name" } catch { continue }
        if ($null -eq $values -or "$name $($values['DisplayName']) $($values['ImagePath'])" -notmatch $product) { continue }
        $state = 'unknown'
        try { $state = "$((Get-Service -Name $name).Status)".ToLowerInvariant().Replace('running', 'started') } catch { Write-Debug 'not told' }
        $mode = @{ '0' = 'boot'; '1' = 'system'; '2' = 'auto'; '3' = 'manual'; '4' = 'disabled' }["$($values['Start'])"]
        if ($mode -eq 'auto' -and $values['DelayedAutostart'] -eq '1') { $mode = 'delayed' }
        $shown = if ($values['DisplayName']) { $values['DisplayName'] } else { $name }
        $found.services += @{ name = $name; display_name = $shown; state = $state; start_mode = "$mode"; username = "$($values['ObjectName'])"; path = "$($values['ImagePath'])" }
    }
    foreach ($software in 'SOFTWARE', 'SOFTWARE\WOW6432Node') {
        $path = "$software\Microsoft\Windows\CurrentVersion\Uninstall"
        $installed = Get-EstValues LocalMachine $path
        foreach ($name in $(if ($null -ne $installed) { $installed[''] })) {
            try { $values = Get-EstValues LocalMachine "$path\$name" } catch { continue }
            if ($null -eq $values -or "$name $($values['DisplayName'])" -notmatch $product) { continue }
            $shown = if ($values['DisplayName']) { $values['DisplayName'] } else { $name }
            $found.products += @{ name = $shown; version = "$($values['DisplayVersion'])" }
        }
    }
    return $found
}

# Returns the proxy of WinHTTP, and that of SYSTEM, as which services run.
function Get-EstWindowsProxy([type]$WinHttp) {
    if ([IO.Path]::DirectorySeparatorChar -ne '\') { return @{} }
    $ofSystem = 'Internet settings of SYSTEM'
    $found = @{ WinHTTP = @{ problem = 'Windows does not tell it' }; $ofSystem = @{ proxy = ''; bypass = ''; script = '' } }
    try {
        $proxy, $bypass = $WinHttp::Read()
        $found.WinHTTP = @{ proxy = $proxy; bypass = $bypass }
    }
    catch { Write-Debug 'the problem is told' }
    $values = Get-EstValues Users 'S-1-5-18\Software\Microsoft\Windows\CurrentVersion\Internet Settings'
    if ($null -ne $values) {
        $found[$ofSystem].script = "$($values['AutoConfigURL'])"
        if ($values['ProxyEnable'] -eq '1') { $found[$ofSystem].proxy, $found[$ofSystem].bypass = "$($values['ProxyServer'])", "$($values['ProxyOverride'])" }
    }
    return $found
}

# ----------------------------------------------------------------------------------------------------------------------
# Files

# Says whether something is a link or a junction. Deduplication makes reparse points of files that are none.
function Test-EstLink([IO.FileSystemInfo]$Item) {
    if (-not ($Item.Attributes -band [IO.FileAttributes]::ReparsePoint)) { return $false }
    return [bool](($Item.Attributes -band [IO.FileAttributes]::Directory) -or (Get-Item -LiteralPath $Item.FullName -Force).LinkType)
}

# Opens a file beside whoever writes, renames or removes it. Returns Head, its first octets, and Data, the last; Cut, whether
# there are others before those. The size that a folder tells is not trusted: it is read until there is no more.
function Get-EstOctets([string]$Path, [long]$Limit, [DateTime]$Deadline) {
    $stream = New-Object IO.FileStream($Path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]'ReadWrite, Delete')
    try {
        $buffer, $kept = (New-Object byte[] 262144), (New-Object IO.MemoryStream)
        $count = $stream.Read($buffer, 0, $buffer.Length)
        $found = @{ Head = (New-Object byte[] ([Math]::Min($count, 4096))); Data = $null; Cut = $false; Trouble = '' }
        [Array]::Copy($buffer, $found.Head, $found.Head.Length)
        if ($count -eq $buffer.Length -and $stream.Length -gt $Limit + $buffer.Length) {
            $null = $stream.Seek($stream.Length - $Limit, 'Begin')
            $found.Cut = $true
        }
        else { $kept.Write($buffer, 0, $count) }
        while ($count -gt 0 -and ($count = $stream.Read($buffer, 0, $buffer.Length)) -gt 0) {
            $kept.Write($buffer, 0, $count)
            # One that grows as fast as it is read has no end.
            if ($kept.Length -gt $Limit + 16MB -or [DateTime]::UtcNow -gt $Deadline) {
                $found.Trouble = "has no end that could be reached: it was read for $($kept.Length) octets"
                break
            }
        }
        $before = [Math]::Max(0, $kept.Length - $Limit)
        $found.Data = New-Object byte[] ($kept.Length - $before)
        [Array]::Copy($kept.GetBuffer(), $before, $found.Data, 0, $found.Data.Length)
        if ($before) { $found.Cut = $true }
        return $found
    }
    finally { $stream.Dispose() }
}

# Returns what the tests left in their folder; see read_tests() of the twin. Never a private key.
function Get-EstTests([string]$OutputPath) {
    $collected = @('certificate.pem', 'chain.pem', 'root_certificate.pem', 'request.pem', 'state.json')
    $found = @{ output_path = [IO.Path]::GetFullPath((Expand-EstPath $OutputPath)); tests = @(); skipped_files = @() }
    $output = New-Object IO.DirectoryInfo $found.output_path
    $folders = @(if ($output.Exists) { $output.GetDirectories() | Where-Object { -not (Test-EstLink $_) } | ForEach-Object { $_.GetDirectories() } })
    foreach ($test in $folders) {
        if ($test.Name.StartsWith('.') -or (Test-EstLink $test)) { continue }
        if ($found.tests.Count -ge 500) { $found.skipped_files += , @($found.output_path, 'there are more than 500 tests'); break }
        $files, $key = @{}, $false
        foreach ($file in $test.GetFiles()) {
            if ($file.Name -eq 'private_key.pem') { $key = $true }
            if ($file.Name -notin $collected) { continue }
            $problem = ''
            try {
                if (Test-EstLink $file) { $problem = 'is a symbolic link' }
                else { $octets = Get-EstOctets $file.FullName 256KB ([DateTime]::MaxValue) }
            }
            catch { $problem = $_.Exception.GetBaseException().Message }
            if (-not $problem -and $octets.Cut) { $problem = 'is larger than 262144 octets' }
            if (-not $problem -and [Text.Encoding]::ASCII.GetString($octets.Data).Contains('PRIVATE KEY')) { $problem = 'holds a private key' }
            if ($problem) { $found.skipped_files += , @($file.FullName, $problem) }
            else { $files[$file.Name.ToLowerInvariant()] = [Convert]::ToBase64String($octets.Data) }
        }
        if (-not $files.Count -and -not $key) { continue }
        $modified = [long][Math]::Floor((Get-EstSeconds $test.LastWriteTimeUtc))
        $found.tests += @{ name = "$($test.Parent.Name)/$($test.Name)"; modified = $modified; has_private_key = $key; files = $files }
    }
    $found.tests = @($found.tests | Sort-Object { - $_.modified }, { $_.name })
    return $found
}

# Collects logs, newest first; see collect_logs() of the twin. Logs: Found and Skipped, which get what is found one by one.
function Get-EstLogs([hashtable]$Logs, [string[]]$Patterns, [long]$Most, [double]$Seconds, [string[]]$Never) {
    $deadline, $left = [DateTime]::UtcNow.AddSeconds($Seconds), $Most
    foreach ($candidate in @(Get-EstLogCandidates $Logs $Patterns $Never $deadline)) {
        $path = $candidate.Item.FullName
        if ($left -le 0) { $null = $Logs.Skipped.Add(@($path, "the limit of $Most octets is reached (max_log_size)")); continue }
        if ([DateTime]::UtcNow -gt $deadline) { $null = $Logs.Skipped.Add(@($path, 'the time for logs is over (time_limit)')); continue }
        try { $end = Get-EstLogEnd $path $left $deadline }
        catch { $null = $Logs.Skipped.Add(@($path, $_.Exception.GetBaseException().Message)); continue }
        $left -= $end.Data.Length
        $null = $Logs.Found.Add(@{
                path = $path
                name = $candidate.Name
                size = $candidate.Item.Length
                modified = [long][Math]::Floor((Get-EstSeconds $candidate.Item.LastWriteTimeUtc))
                cut = $end.Cut
                head = if ($end.Cut) { [Convert]::ToBase64String($end.Head) } else { '' }
                content = [Convert]::ToBase64String((Get-EstGzip $end.Data))
            })
        if ($end.Trouble) { $null = $Logs.Skipped.Add(@($path, $end.Trouble)) }
    }
}

function Get-EstLogEnd([string]$Path, [long]$Left, [DateTime]$Deadline) {
    # With octets before the part that is kept, so that no secret is cut in two by the cut.
    $end = Get-EstOctets $Path ($Left + 8192) $Deadline
    if ($end.Head.Length -gt 1 -and $end.Head[0] -eq 0x1F -and $end.Head[1] -eq 0x8B) {
        if ($end.Cut) { throw (New-Object IO.IOException "is compressed, and larger than the $Left octets that are left of max_log_size") }
    }
    elseif (Test-EstBinary $end.Head) { throw (New-Object IO.IOException 'is not text, and nobody could look for secrets in it') }
    return $end
}

# Says whether octets are text in no encoding; see _is_binary() of the twin.
function Test-EstBinary([byte[]]$Head) {
    $text = [Text.Encoding]::GetEncoding(28591).GetString($Head)
    if ($text -match '\A(\u00EF\u00BB\u00BF|\u00FF\u00FE|\u00FE\u00FF)') { return $false }
    return [regex]::IsMatch(($text -replace '\x00{8,}', ''), '\A(?s:..)*?\x00')
}

function Get-EstGzip([byte[]]$Octets) {
    $packed = New-Object IO.MemoryStream
    $packing = New-Object IO.Compression.GZipStream($packed, [IO.Compression.CompressionMode]::Compress)
    $packing.Write($Octets, 0, $Octets.Length)
    $packing.Dispose()
    return , $packed.ToArray()
}

# Returns what a path or a glob means: a file, a folder, or those in one folder whose names match.
function Get-EstMatches([string]$Path) {
    if ([IO.Directory]::Exists($Path)) { return New-Object IO.DirectoryInfo $Path }
    if ([IO.File]::Exists($Path)) { return New-Object IO.FileInfo $Path }
    $name, $folder = [IO.Path]::GetFileName($Path), (New-Object IO.DirectoryInfo ([IO.Path]::GetDirectoryName($Path)))
    if ($name -notmatch '[*?]' -or -not $folder.Exists) { return }
    $regex = '\A' + [regex]::Escape($name).Replace('\*', '.*').Replace('\?', '.') + '\z'
    $options = if ([IO.Path]::DirectorySeparatorChar -eq '\') { 'IgnoreCase, CultureInvariant' } else { 'None' }
    $folder.GetFileSystemInfos() | Where-Object { [regex]::IsMatch($_.Name, $regex, $options) } | Sort-Object Name
}

# Returns the files that are logs, newest first, each with its Name below the folder that was given.
function Get-EstLogCandidates([hashtable]$Logs, [string[]]$Patterns, [string[]]$Never, [DateTime]$Deadline) {
    $separator = [IO.Path]::DirectorySeparatorChar
    $windows = $separator -eq '\'
    $comparing = if ($windows) { [StringComparison]::OrdinalIgnoreCase } else { [StringComparison]::Ordinal }
    $forbidden = @(foreach ($path in $Never) { try { [IO.Path]::GetFullPath((Expand-EstPath $path)).TrimEnd($separator) + $separator } catch { continue } })
    $found, $waiting = @{}, (New-Object Collections.Queue)
    foreach ($pattern in $Patterns) {
        $nothing = if ([IO.Path]::GetFileName($pattern) -match '[*?]') { 'there is nothing that matches' } else { 'does not exist' }
        try {
            foreach ($item in @(Get-EstMatches ([IO.Path]::GetFullPath((Expand-EstPath $pattern))))) {
                $name = if ($item -is [IO.DirectoryInfo]) { '' } else { $item.Name }
                $waiting.Enqueue(@{ Item = $item; Name = $name; Depth = 0; Real = $item.FullName })
            }
        }
        catch { $nothing = $_.Exception.GetBaseException().Message }
        if (-not $waiting.Count) { $null = $Logs.Skipped.Add(@($pattern, $nothing)) }
        while ($waiting.Count -and [DateTime]::UtcNow -lt $Deadline) {
            $one = $waiting.Dequeue()
            $item, $reason = $one.Item, ''
            try {
                $folder, $link = ($item -is [IO.DirectoryInfo]), (Test-EstLink $item)
                # The folder that was given may be a link, as a product's folder of logs often is. What is in it may not.
                if ($link -and ($one.Depth -gt 0 -or -not $folder)) { $reason = 'is a symbolic link, and those are not followed' }
                elseif ($link) { $one.Real = [IO.Path]::GetFullPath("$(@((Get-Item -LiteralPath $item.FullName -Force).Target)[0])") }
                if (@($forbidden | Where-Object { "$($one.Real)$separator".StartsWith($_, $comparing) }).Count) { $reason = 'is not a log: it is of the template store or a test' }
                elseif ($folder -and $one.Depth -ge 4) { $reason = 'is a folder that was not entered: not permitted, or too deep' }
                if (-not $reason -and -not $folder) { $found[$item.FullName] = @{ Item = $item; Name = $one.Name } }
                elseif (-not $reason) {
                    $inside = @($item.GetFileSystemInfos())
                    if (-not $inside.Count -and $one.Depth -eq 0) { $reason = 'is an empty folder' }
                    foreach ($child in $inside) {
                        $name = if ($one.Name) { "$($one.Name)/$($child.Name)" } else { $child.Name }
                        $waiting.Enqueue(@{ Item = $child; Name = $name; Depth = $one.Depth + 1; Real = "$($one.Real.TrimEnd($separator))$separator$($child.Name)" })
                    }
                }
            }
            catch { $reason = $_.Exception.GetBaseException().Message }
            if ($reason) { $null = $Logs.Skipped.Add(@($item.FullName, $reason)) }
        }
        $waiting.Clear()
    }
    # On Windows the time of a file that is open is as old as its size, which is 0 for a new one, and it is written to.
    $newest = @($found.Values | Sort-Object { $windows -and $_.Item.Length -ne 0 }, { - $_.Item.LastWriteTimeUtc.Ticks }, { $_.Item.FullName })
    if ($newest.Count -gt 2000) { $null = $Logs.Skipped.Add(@($newest[2000].Item.FullName, 'this and what is older: there are more than 2000 files')) }
    return @($newest | Select-Object -First 2000)
}

Export-ModuleMember -Function '*-Est*'
