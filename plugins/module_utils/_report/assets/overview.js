/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// The head of the page and the numbers at the top, each with the parts that add up to it.

function about() {
  const limits = [...new Set(report.runs.map((run) => run.limit).filter(Boolean))];
  const plays = [...new Set(report.runs.map((run) => run.play).filter(Boolean))];
  const kept = count((host) => host.kept);
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone === "UTC" ? "" : ` (${here(MADE)})`;
  by("about").append(
    moments(report.made_at), local, plays.length ? " \u00b7 " : "", ...plays.slice(0, 2).map(named),
    report.runs.some((run) => run.check_mode) ? " \u00b7 check mode, nothing written" : "",
    report.runs.length > 1 ? ` \u00b7 ${report.runs.length} runs merged` : "");
  if (!limits.length && !kept) return;
  by("limit").hidden = false;
  by("limit").append(...[
    limits.length ? make("span", {}, "The run was limited to ", named(limits.join(" and ")), ".") : "",
    kept ? ` ${plural(kept, "host")} of ${hosts.length}: not in this run, told as an earlier one saw ${kept === 1 ? "it" : "them"}.` : "",
  ].filter(Boolean));
}

function overview() {
  const counts = report.counts;
  const keys = (group, names) => names.map((name) => [`${group}:${name}`, name]);
  const parts = ([key, number, always]) => ({ ...FILTERS[key], key, number: number || 0, always });
  const calm = count((host) => host.standing === "as_declared" && host.worst !== "in_order");

  group(counts.hosts, `${counts.hosts === 1 ? "host" : "hosts"}, ${plural(counts.templates, "template")}`, [
    ["host:as_declared", counts.hosts_as_declared, true], ["host:corrected", counts.hosts_corrected],
    ["host:differing", counts.hosts_differing, true], ["host:not_compared", counts.hosts_not_compared],
    ["host:not_looked_at", counts.hosts_not_looked_at, true],
  ].map(parts).map((part) => ({ ...part, more: part.key === "host:as_declared" && calm ? `${calm} of them need attention` : "" })),
  [...keys("run", ["failed", "unreachable", "not_run", "kept"]).map(([key]) => [key, count(FILTERS[key].host)])].map(parts));

  const states = keys("cell", ["in_order", "corrected", "unproved", "pending", "unknown", "lost", "differs", "test_failed"]);
  // A template is in one state, the worst: what others have as well is told where it is more.
  const beyond = (state, name) => [`also:${state}`, counts[name] > counts[`state_${state}`] ? counts[name] : 0];
  group(counts.templates_on_hosts, counts.templates_on_hosts === 1 ? "template on a host" : "templates on hosts",
    states.map(([key, name]) => [key, counts[`state_${name}`]]).map(parts),
    [beyond("unproved", "templates_unproved"), beyond("lost", "last_tests_with_losses"), ["also:accepted", counts.last_tests_with_accepted_losses]].map(parts));

  group(counts.tests, `${counts.tests === 1 ? "test" : "tests"} of this run`, [
    ["test:issued", counts.tests_issued], ["test:pending", counts.tests_pending], ["test:failed", counts.tests_failed],
    ["test:not_tried", counts.tests_not_tried], ["test:not_asked", counts.tests_not_asked],
  ].map(parts), [["test:made_up", counts.tests_made_up]].map(parts));

  const { test_certificates: certificates, test_certificates_expired: expired, test_certificates_ending_soon: soon } = counts;
  if (certificates) {
    group(certificates, certificates === 1 ? "test certificate" : "test certificates", [
      { number: expired, words: "expired", sign: ["\u2716", "", "bad"] }, { number: soon, words: "end within 30 days", sign: ["\u26a0", "", "warn"] },
      { number: certificates - expired - soon, words: "end later", sign: ["\u2713", "", "good"] },
    ], []);
  }
  if (counts.certificates_on_hosts) {
    group(counts.certificates_on_hosts, counts.certificates_on_hosts === 1 ? "production certificate" : "production certificates",
      Object.entries(PRODUCTION).map(([state, sign]) => ({ number: counts[`certificates_${state}`], words: sign[1], sign })),
      [{ number: counts.certificates_expired, words: "expired", sign: ["\u2716", "", "bad"] },
        { number: counts.certificates_overdue, words: "overdue", sign: ["\u26a0", "", "warn"] },
        { number: counts.certificates_with_accepted_losses, words: "with accepted losses", sign: ["a", "", "mild"] }]);
  }
  if (report.shortened) {
    by("shortened").hidden = false;
    by("shortened").append("There is more to tell than fits into this page: some details are only in ", named(report.json_name || "the JSON file"), ".");
  }
}

const cellsWith = (test) => hosts.reduce((sum, host) => sum + host.cells.filter((cell) => cell && test(cell)).length, 0);

// A number with the parts that add up to it, and then what is to be known beside them.
function group(number, words, parts, beside) {
  const shown = parts.filter((part) => part.number || part.always);
  const others = beside.filter((part) => part.number);
  by("tiles").append(make("div", { class: "group" },
    make("h3", {}, make("span", { class: "number" }, String(number || 0)), " ", make("span", { class: "words" }, words)),
    make("div", { class: "parts" }, shown.map((part) => chooser(part, "tile", words))),
    others.length ? make("div", { class: "beside" }, others.map((part) => chooser(part, "beside-part", words))) : ""));
}

function chooser(part, look, of) {
  const words = part.words.replace(/^hosts /, "");
  const inside = [
    make("span", { class: "number" }, part.number ? glyph(part.sign[0], part.sign[2]) : "", String(part.number)), " ",
    make("span", { class: "words" }, words, part.more ? make("span", { class: "more" }, part.more) : ""),
  ];
  if (!part.number || !part.key) return make("div", { class: look }, inside);
  return make("button", { type: "button", class: look, "data-filter": part.key, "aria-pressed": "false", onclick: () => choose(part.key) },
    unseen(`${of}: `), inside);
}

function choose(key) {
  const select = by("filter-state");
  select.value = select.value === key ? "" : key;
  filter();
  by("hosts").scrollIntoView({ block: "start" });
}
