/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// The runs, the theme, and the start of it all.

function runs() {
  const table = make("table", {}, make("thead", {}, make("tr", {}, ["Started", "Play", "Limited to", "Check mode", "ansible-core"].map((words) => make("th", { scope: "col" }, words)))),
    make("tbody", {}, report.runs.map((run) => make("tr", {}, make("td", {}, moments(run.started_at)), make("td", {}, named(run.play || "")),
      make("td", {}, named(run.limit || "all")), make("td", {}, run.check_mode ? "yes" : "no"), make("td", {}, named(run.ansible_version || ""))))));
  by("runs").append(table);
  if (report.json_name) by("runs").append(make("p", { class: "note" }, "The same as data, with paths, serial numbers and fingerprints: ", named(report.json_name)));
}

function theme() {
  const root = document.documentElement;
  const button = by("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const tell = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  // A page from a file may not be allowed to keep anything.
  try { root.dataset.theme = localStorage.getItem("est-fleet-report-theme") || ""; } catch { /* the system's choice then */ }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("est-fleet-report-theme", root.dataset.theme); } catch { /* for this time only */ }
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  tell();
}

by("page").hidden = false;
theme();
about();
overview();
attention();
head();
filters();
filter();
certificates();
runs();
let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(plots, 150);
});
