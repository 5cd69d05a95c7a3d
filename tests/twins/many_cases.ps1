# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs modules on many cases in one process: the start costs seconds, a case milliseconds. tests/twins/twin.py starts it.
#
#   pwsh -NoProfile -File many_cases.ps1 FOLDER PORT TOKEN
#
# FOLDER has AddType.psm1 of ansible-core, the modules in "scripts", in "utilities" the C# files that they need, and in
# "modules" those of PowerShell. Cases come from PORT of 127.0.0.1 and results go there, for Wine gives a program no standard
# input to talk by. The first line says TOKEN; then each case is a line of JSON, {"module": NAME, "arguments": {...}} with the
# arguments as the module would get them. The answer is a line, {"result": what the module said} or {"crash": why it said
# nothing}. A case {"command": SCRIPT, "lines": [...]} is a command that gets lines on its standard input, and what it said
# is its result.
param([string]$Folder, [int]$Port, [string]$Token)
$ErrorActionPreference = 'Stop'
$text = [IO.File]::ReadAllText((Join-Path $Folder 'AddType.psm1'))
. ([ScriptBlock]::Create($text.Replace('Export-ModuleMember -Function Add-CSharpType', '')))
# Each by itself: together they may not ask twice for the same warning to be left out.
foreach ($file in [IO.Directory]::GetFiles((Join-Path $Folder 'utilities'))) { Add-CSharpType -References ([IO.File]::ReadAllText($file)) }

foreach ($file in [IO.Directory]::GetFiles((Join-Path $Folder 'modules')) | Sort-Object) { Import-Module -Global -DisableNameChecking $file }

# A diagnosis in which something hangs would end the process, which has other cases to take.
if (Get-Module _windows_diagnostics) { & (Get-Module _windows_diagnostics) { $script:ENDING_SECONDS = 1000000 } }

# A module ends its process where it has said its result. Here it throws instead, and what a module says after it caught
# that does not count.
$script:said = $null
[Ansible.Basic.AnsibleModule]::WriteLine = [Ansible.Basic.AnsibleModule+WriteLineHandler] { param($line) if ($null -eq $script:said) { $script:said = $line } }
[Ansible.Basic.AnsibleModule]::Exit = [Ansible.Basic.AnsibleModule+ExitHandler] { param($status) throw 'the module is done' }
$modules = @{}
foreach ($file in [IO.Directory]::GetFiles((Join-Path $Folder 'scripts'))) {
    $modules[[IO.Path]::GetFileNameWithoutExtension($file)] = [ScriptBlock]::Create([IO.File]::ReadAllText($file))
}

$client = [Net.Sockets.TcpClient]::new('127.0.0.1', $Port)
$stream = $client.GetStream()
$reader = [IO.StreamReader]::new($stream, [Text.UTF8Encoding]::new($false))
$writer = [IO.StreamWriter]::new($stream, [Text.UTF8Encoding]::new($false))
$writer.NewLine = "`n"
$writer.WriteLine($Token)
$writer.Flush()
while ($null -ne ($line = $reader.ReadLine())) {
    $script:said = $crash = $null
    # Ansible's wrapper gives a module its arguments as this variable, nested as hash tables, with dates as text.
    $case = ConvertFrom-Json -InputObject $line -AsHashtable -DateKind String
    try {
        if (-not $case.ContainsKey('command')) {
            Set-Variable -Scope Global -Name complex_args -Value $case.arguments
            $null = & $modules[$case.module]
        }
        else { $script:said = ConvertTo-Json -Compress "$($case.lines | & ([ScriptBlock]::Create($case.command)))" }
    }
    catch { $crash = "$_`n$($_.ScriptStackTrace)" }
    if ($null -ne $script:said) { $writer.WriteLine('{"result": ' + $script:said + '}') }
    else { $writer.WriteLine((ConvertTo-Json -Compress @{ crash = "$crash" })) }
    $writer.Flush()
}
