# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs one module on many cases: the start costs seconds, a case milliseconds. tests/twins/twin.py starts it.
#
#   pwsh -NoProfile -File many_cases.ps1 FOLDER PORT TOKEN
#
# FOLDER has module.ps1, AddType.psm1 of ansible-core, in "utilities" the C# files that the module needs, and in "modules"
# those of PowerShell. Cases come
# from PORT of 127.0.0.1 and results go there, for Wine gives a program no standard input to talk by. The first line says
# TOKEN; then each case is a line of JSON, the arguments of the module as it would get them. The answer is a line,
# {"result": what the module said} or {"crash": why it said nothing}. A case {"command": SCRIPT, "lines": [...]} is a command
# that gets lines on its standard input, and what it said is its result.
param([string]$Folder, [int]$Port, [string]$Token)
$ErrorActionPreference = 'Stop'
$text = [IO.File]::ReadAllText((Join-Path $Folder 'AddType.psm1'))
. ([ScriptBlock]::Create($text.Replace('Export-ModuleMember -Function Add-CSharpType', '')))
Add-CSharpType -References @([IO.Directory]::GetFiles((Join-Path $Folder 'utilities')) | Sort-Object | ForEach-Object { [IO.File]::ReadAllText($_) })

foreach ($file in [IO.Directory]::GetFiles((Join-Path $Folder 'modules')) | Sort-Object) { Import-Module -Global -DisableNameChecking $file }

# A module ends its process where it has said its result. Here it throws instead, and what a module says after it caught
# that does not count.
$script:said = $null
[Ansible.Basic.AnsibleModule]::WriteLine = [Ansible.Basic.AnsibleModule+WriteLineHandler] { param($line) if ($null -eq $script:said) { $script:said = $line } }
[Ansible.Basic.AnsibleModule]::Exit = [Ansible.Basic.AnsibleModule+ExitHandler] { param($status) throw 'the module is done' }
$module = [ScriptBlock]::Create([IO.File]::ReadAllText((Join-Path $Folder 'module.ps1')))

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
    Set-Variable -Scope Global -Name complex_args -Value $case
    try {
        if (-not $case.ContainsKey('command')) { $null = & $module }
        else { $script:said = ConvertTo-Json -Compress "$($case.lines | & ([ScriptBlock]::Create($case.command)))" }
    }
    catch { $crash = "$_`n$($_.ScriptStackTrace)" }
    if ($null -ne $script:said) { $writer.WriteLine('{"result": ' + $script:said + '}') }
    else { $writer.WriteLine((ConvertTo-Json -Compress @{ crash = "$crash" })) }
    $writer.Flush()
}
