# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic

# What a module costs that does nothing; ansible.windows.win_ping is one like it.
$module = [Ansible.Basic.AnsibleModule]::Create($args, @{ supports_check_mode = $true })
$module.ExitJson()
