# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Services of a Windows host that are to read their certificates anew: the twin of module_utils/_certificate/services.py.
# Windows knows no reload, so they are restarted, with those of their dependents that run.
#
# What runs is noted before anything is stopped. So a run that dies in between leaves no service stopped for good: the next
# one starts what is noted. Of services that were stopped before, nothing is noted, and they stay so.

#AnsibleRequires -CSharpUtil ._services
#AnsibleRequires -PowerShell ._windows_files
#AnsibleRequires -PowerShell ._windows_store
#AnsibleRequires -PowerShell ._windows_notes

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Seconds after which a service has not answered.
$script:SERVICE_SECONDS = 90
$script:STOPPED = 1
$script:RUNNING = 4

# Opens a service; returns nothing where there is none.
function Open-EstService([string]$Name) {
    return ([type]'ansible_collections.estfleet.cloud_extender.plugins.module_utils._services.Service')::Open($Name)
}

# Runs something with a service; returns what it returns, or why that failed.
function Invoke-EstWithService([string]$Name, [ScriptBlock]$Work) {
    try {
        $service = Open-EstService $Name
        if ($null -eq $service) { return "${Name}: there is no such service" }
        try { return & $Work $service } finally { $service.Dispose() }
    }
    catch {
        $cause = Get-EstCause $_
        if ($cause -isnot [ComponentModel.Win32Exception]) { throw }
        if ($cause.NativeErrorCode -eq 5) { return "${Name}: access is denied" }
        return "${Name}: $($cause.Message.TrimEnd('.')) ($($cause.NativeErrorCode))"
    }
}

# Stops services one after the other. Returns why one was not, and leaves the others then; an empty text where all were.
function Stop-EstServices([string[]]$Names) {
    foreach ($name in $Names) {
        $problem = Invoke-EstWithService $name { param($service) if (-not $service.Stop($script:SERVICE_SECONDS)) { "${name}: it has not stopped after $($script:SERVICE_SECONDS) seconds" } }
        if ($problem) { return $problem }
    }
    return ''
}

# Starts services one after the other, each whatever becomes of another. Returns why some were not, or an empty text.
function Start-EstServices([string[]]$Names) {
    $problems = @(foreach ($name in $Names) {
            Invoke-EstWithService $name { param($service) if (-not $service.Start($script:SERVICE_SECONDS)) { "${name}: it does not run $($script:SERVICE_SECONDS) seconds after it was started" } }
        })
    return $problems -join '; '
}

# Says what there is to stop for a restart of a service, itself last: nothing where it does not run. What would not come
# back is not stopped: a text says why.
function Get-EstToStop([string]$Name) {
    return Invoke-EstWithService $Name {
        param($service)
        $state = $service.Settled($script:SERVICE_SECONDS)
        if ($state -eq $script:STOPPED) { return @{ Names = @() } }
        if ($state -ne $script:RUNNING) { return "${Name}: it is paused, or has neither started nor stopped after $($script:SERVICE_SECONDS) seconds" }
        if (-not $service.CanStop) { return "${Name}: it cannot be stopped while Windows runs" }
        # Inside, Name is the one that is opened there.
        $names, $restarted = (@($service.Dependents()) + @($Name)), $Name
        foreach ($one in $names) {
            $problem = Invoke-EstWithService $one { param($other) if ($other.IsDisabled) { "${restarted}: $one is disabled, and would not start again" } }
            if ($problem) { return $problem }
        }
        return @{ Names = $names }
    }
}

# Says whether a service that is noted is still to be started: nobody starts one that was removed or disabled since.
function Test-EstToStart([string]$Name) {
    try {
        $service = Open-EstService $Name
        if ($null -eq $service) { return $false }
        try { return -not $service.IsDisabled } finally { $service.Dispose() }
    }
    catch { return $true }  # to start it tells what is wrong
}

# Restarts a service that runs, or starts it where a run has stopped it that did not live to start it again. Returns why
# that failed, or an empty text.
function Restart-EstService([string]$StorePath, [string]$Name) {
    $file = "restarting-$((Get-EstDigest ([Text.Encoding]::UTF8.GetBytes($Name.ToLowerInvariant()))).Substring(0, 16))"
    $noted = @(Invoke-EstInStore $StorePath -Make -What {
            param($folder)
            Restore-EstFile $folder $file
            $names = @(Read-EstNames $folder $file)
            $left = @($names | Where-Object { Test-EstToStart $_ })
            if ($left.Count -ne $names.Count) { Write-EstNames $folder $file $left }
            $left
        })
    $found = Get-EstToStop $Name
    if ($found -is [string] -and -not $noted.Count) { return $found }
    $problem, $stopping = if ($found -is [string]) { $found, @() } else { '', $found.Names }
    $all = @($stopping) + @($noted | Where-Object { $_ -notin $stopping })
    if (-not $all.Count) { return '' }
    if (-not $problem -and $stopping.Count) {
        $null = Invoke-EstInStore $StorePath -What { param($folder) Write-EstNames $folder $file $all }
        $problem = Stop-EstServices $stopping
    }
    $starting = @($all)
    [Array]::Reverse($starting)
    $trouble = Start-EstServices $starting
    if (-not $trouble) { $null = Invoke-EstInStore $StorePath -What { param($folder) Write-EstNames $folder $file @() } }
    return (@($problem, $trouble) | Where-Object { $_ }) -join '; '
}

# The operation of win_est_services: restarts services, and forgets where all that was owed to a certificate is done.
# Returns why services were not, by their names.
function Restart-EstOwed([hashtable]$Which) {
    $problems = @{}
    foreach ($name in $Which.services) {
        if ($problems.ContainsKey($name)) { continue }
        $problems[$name] = Restart-EstService $Which.store_path $name
    }
    foreach ($certificate in $Which.certificates) {
        $of = @{ store_path = $Which.store_path } + [hashtable]$certificate
        $null = Invoke-EstWithNotes $of {
            param($folder)
            $name = Get-EstNoteName $of 'reload'
            $left = @(Read-EstNames $folder $name | Where-Object { $problems[$_] })
            Write-EstNames $folder $name $left
        }
    }
    return $problems
}

Export-ModuleMember -Function '*-Est*'
