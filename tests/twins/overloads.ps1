# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Tells which calls in scripts give a method or a constructor another number of arguments than it takes in .NET Framework
# 4.6.2. A later .NET may have one for that number: then only a host with Windows PowerShell 5.1 would show that it lacks it.
#
#   pwsh -NoProfile -File overloads.ps1 FOLDER FILE ...
#
# FOLDER has the reference assemblies. Looked at are static methods, constructors, and methods of what is made in the same
# breath. The last line tells how many calls that were.
param([string]$Folder, [Parameter(ValueFromRemainingArguments)][string[]]$Files)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
Add-Type -IgnoreWarnings -WarningAction SilentlyContinue -ReferencedAssemblies @(
    "$PSHOME/Microsoft.CodeAnalysis.dll", "$PSHOME/Microsoft.CodeAnalysis.CSharp.dll", 'System.Collections', 'System.Collections.Immutable', 'System.Linq',
    'System.Runtime', 'netstandard') -TypeDefinition @'
using System; using System.IO; using System.Linq;
using Microsoft.CodeAnalysis; using Microsoft.CodeAnalysis.CSharp;
public class Framework {
    readonly CSharpCompilation all;
    public Framework(string folder) { all = CSharpCompilation.Create("all", null, Directory.GetFiles(folder, "*.dll").Select(file => MetadataReference.CreateFromFile(file))); }
    public bool Has(string type) { return all.GetTypeByMetadataName(type) != null; }
    // Says whether a method of a type takes as many arguments, or a constructor, where the name is "new".
    public bool Takes(string type, string name, int number) {
        for (var at = all.GetTypeByMetadataName(type); at != null; at = at.BaseType) {
            var found = name == "new" ? at.Constructors : at.GetMembers().OfType<IMethodSymbol>().Where(method => String.Equals(method.Name, name, StringComparison.OrdinalIgnoreCase));
            if (found.Any(method => number >= method.Parameters.Count(given => !given.IsOptional && !given.IsParams)
                && (number <= method.Parameters.Length || method.Parameters.Any(given => given.IsParams)))) return true;
        }
        return false;
    }
}
'@
$framework = [Framework]::new($Folder)

# Returns the name of the type of an expression; nothing where that is not to be seen, or the Framework lacks the type, which
# check-5.1.ps1 tells.
function Get-TypeOf($Expression) {
    if ($Expression -is [Management.Automation.Language.InvokeMemberExpressionAst] -and $Expression.Static -and "$($Expression.Member)" -eq 'new') { return Get-TypeOf $Expression.Expression }
    if ($Expression -isnot [Management.Automation.Language.TypeExpressionAst]) { return }
    $type = $Expression.TypeName.GetReflectionType()
    if ($null -ne $type -and $type.FullName -and $framework.Has($type.FullName)) { return $type.FullName }
}

$seen = 0
foreach ($file in $Files) {
    $tree = [Management.Automation.Language.Parser]::ParseFile($file, [ref]$null, [ref]$null)
    foreach ($call in $tree.FindAll({ $args[0] -is [Management.Automation.Language.InvokeMemberExpressionAst] }, $true)) {
        $type = Get-TypeOf $call.Expression
        if ($null -eq $type) { continue }
        $seen++
        $number = @($call.Arguments | Where-Object { $null -ne $_ }).Count
        if (-not $framework.Takes($type, "$($call.Member)", $number)) { "${file}:$($call.Extent.StartLineNumber): not with $number arguments: $($call.Extent.Text)" }
    }
}
"looked at $seen calls"
