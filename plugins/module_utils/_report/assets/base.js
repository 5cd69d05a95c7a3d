/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// What all parts of the page use: the data, the words and signs of states, elements, moments, the hosts.

const report = JSON.parse(document.getElementById("data").textContent);
const MADE = Date.parse(report.made_at);
const by = (id) => document.getElementById(id);

// ---- words -----------------------------------------------------------------------------------------------------------

// Of a template on a host and of a host: sign, words, look; the worst last. A sign alone or a colour alone says nothing.
const STATES = {
  none: ["\u00b7", "not declared", "none"],
  in_order: ["\u2713", "as declared", "good"],
  only_tested: ["\u25c7", "tested, not compared", "info"],
  not_compared: ["\u25cb", "nothing compared", "mild"],
  corrected: ["\u21bb", "corrected", "info"],
  unproved: ["\u25cc", "not proved by a test", "mild"],
  pending: ["\u2026", "test certificate waits for approval", "mild"],
  not_looked_at: ["\u2013", "not looked at", "mild"],
  not_run: ["\u2298", "not run", "mild"],
  unknown: ["?", "not known", "mild"],
  lost: ["\u25d1", "test certificate is not what was asked for", "warn"],
  differs: ["\u2260", "not as declared", "warn"],
  certificate_open: ["\u25d2", "certificate not in order", "warn"],
  test_failed: ["\u2717", "test failed", "bad"],
  certificate_failed: ["\u2715", "certificate could not be had", "bad"],
  unreachable: ["\u26a0", "unreachable", "bad"],
  failed: ["\u2716", "failed", "bad"],
};
// Of a production certificate, the worst last.
const PRODUCTION = {
  in_order: ["\u2713", "in order", "good"],
  issued: ["\u21bb", "issued, renewed or put right", "info"],
  pending: ["\u2026", "waits for approval", "mild"],
  unknown: ["?", "not looked at", "mild"],
  with_losses: ["\u25d1", "not what was asked for", "warn"],
  due: ["\u2260", "to be issued or renewed", "warn"],
  failed: ["\u2717", "could not be had", "bad"],
};
const PRODUCTION_RANK = Object.fromEntries(Object.keys(PRODUCTION).map((name, rank) => [name, rank]));
const RANK = Object.fromEntries(Object.keys(STATES).map((name, rank) => [name, rank]));

// What is known beside the state of a template: a small letter in its cell.
const MARKS = {
  not_tried: ["n", "not tried in this run"],
  made_up: ["m", "tested with made-up values"],
  accepted: ["a", "loss accepted"],
};
const ACTIONS = {
  created: ["created", "is missing"], updated: ["updated", "differs"], repaired: ["repaired", "was edited or damaged"],
  removed: ["removed", "is not declared, to be removed"],
};

// ---- making elements: only ever of text ------------------------------------------------------------------------------

// Control and direction characters are shown by their number, so that no name can pass for another.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const visible = (text) =>
  String(text).replace(HIDDEN, (found) => `<U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}
const named = (text) => make("bdi", {}, visible(text));
const glyph = (mark, look) => make("span", { class: `sign ${look}`, "aria-hidden": "true" }, mark);
const sign = (state) => glyph(STATES[state][0], STATES[state][2]);
const unseen = (text) => make("span", { class: "unseen" }, text);
const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
const facts = (pairs) => make("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value instanceof Node ? value : named(value))]));

// ---- moments: always with their zone ---------------------------------------------------------------------------------

const stamp = (milliseconds) => `${new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ")} UTC`;
const here = (milliseconds) => new Date(milliseconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });

// A moment in UTC; the time of whoever reads it, with its zone, is told of it by the pointer.
function moment(milliseconds) {
  return make("time", { datetime: new Date(milliseconds).toISOString(), title: here(milliseconds) }, stamp(milliseconds));
}
const moments = (text) => (Number.isNaN(Date.parse(text)) ? named(text || "") : moment(Date.parse(text)));

function span(milliseconds) {
  const minutes = Math.max(0, Math.floor(milliseconds / 60000));
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return plural(minutes, "minute");
  return minutes < 2880 ? plural(Math.floor(minutes / 60), "hour") : plural(Math.floor(minutes / 1440), "day");
}
const wholeDays = (milliseconds) => Math.floor((milliseconds - MADE) / 86400000);

// Of the end of a certificate: sign, words, look. One that is renewed before its end does not end soon until then.
function ending(milliseconds, renewed) {
  const days = wholeDays(milliseconds);
  if (renewed > MADE) return ["\u2713", plural(days, "day"), "good"];
  if (milliseconds < MADE) return ["\u2716", `expired ${span(MADE - milliseconds)} ago`, "bad"];
  if (days < 30) return ["\u26a0", `${days ? plural(days, "day") : "less than a day"}, ends soon`, "warn"];
  return ["\u2713", plural(days, "day"), "good"];
}

// ---- the hosts -------------------------------------------------------------------------------------------------------

const hosts = report.hosts.map((row) => {
  const [name, state, message, address, mode, cluster, changed, drift, undeclared, numbers, ends, tested, standing, kept] = row;
  const cells = numbers.map((number) => (number ? report.cells[number] : null));
  const states = cells.map((cell) => shownState(cell, standing));
  let worst = state;
  if (state === "ok") worst = { corrected: "corrected", differing: "differs" }[standing] || "in_order";
  // "As declared" is not a word for what nobody compared.
  if (state === "ok" && standing === "not_compared") worst = cells.some(Boolean) ? "only_tested" : "not_compared";
  for (const each of states) if (each !== "not_looked_at" && RANK[each] > RANK[worst]) worst = each;
  const known = ends.filter(Boolean).map((minutes) => minutes * 60000);
  return {
    name, state, address, mode, cluster, changed, cells, ends, tested, states, worst, standing,
    message: report.texts[message], drift: drift.map((number) => report.texts[number]),
    undeclared: undeclared.map((number) => report.texts[number]), shown: visible(name).toLowerCase(),
    kept: kept !== 0, seen: kept > 0 ? kept * 60000 : null, end: known.length ? known.reduce((a, b) => Math.min(a, b)) : null,
  };
});

// The state of a host and of a problem, for that of a certificate which is not in order.
const OPEN = { failed: "certificate_failed", due: "certificate_open", with_losses: "certificate_open", pending: "certificate_open" };
for (const [, at, state] of report.production) {
  if (RANK[OPEN[state]] > RANK[hosts[at].worst]) hosts[at].worst = OPEN[state];
}

function shownState(cell, standing) {
  if (!cell) return standing === "not_looked_at" ? "not_looked_at" : "none";
  return cell.state === "in_order" && cell.action === "not_compared" ? "only_tested" : cell.state;
}
const written = (host) => host.mode === "enforce";
const count = (test) => hosts.filter(test).length;

// "as of 2 days ago, 2026-11-26 10:00 UTC", of a host that this run did not see.
function asOf(host) {
  if (host.seen === null) return ["as of an earlier run", ""];
  return [`as of ${span(MADE - host.seen)} ago, `, stamp(host.seen)];
}

// ---- what is known of a template on a host ---------------------------------------------------------------------------

const testOf = (cell) => (cell && cell.test) || {};
const acceptedOf = (test) => test.accepted_lost || [];
const lostOf = (test) => (test.lost || []).filter((words) => !acceptedOf(test).includes(words));
const remarked = (test) => lostOf(test).length > 0 || (test.differs || []).length > 0;
// A test that failed or waits is told as that.
const owesTest = (cell) => cell.proved === false && !["failed", "pending"].includes(testOf(cell).status);
const nowTested = (cell, status) => Boolean(testOf(cell).this_run) && testOf(cell).status === status;

function marksOf(cell) {
  const test = testOf(cell);
  return [["not_tried", nowTested(cell, "not_tried")], ["made_up", (test.made_up || []).length], ["accepted", acceptedOf(test).length]]
    .filter(([, on]) => on).map(([mark]) => mark);
}

// What the table can be limited to, and what the numbers at the top count: words, sign, look, and which hosts or cells.
const FILTERS = {};
for (const [key, words, state] of [
  ["as_declared", "hosts as declared", "in_order"], ["corrected", "hosts corrected", "corrected"],
  ["differing", "hosts not as declared", "differs"], ["not_compared", "hosts only tested, or nothing declared", "only_tested"],
  ["not_looked_at", "hosts not looked at", "not_looked_at"],
]) FILTERS[`host:${key}`] = { group: "Hosts", words, sign: STATES[state], host: (host) => host.standing === key };
for (const state of ["failed", "unreachable", "not_run"]) {
  FILTERS[`run:${state}`] = { group: "Hosts", words: `hosts ${STATES[state][1]}`, sign: STATES[state], host: (host) => host.state === state && !host.kept };
}
FILTERS["run:kept"] = { group: "Hosts", words: "hosts as an earlier run saw them", sign: ["\u25f7", "", "mild"], host: (host) => host.kept };
for (const state of ["in_order", "corrected", "unproved", "pending", "unknown", "lost", "differs", "test_failed"]) {
  FILTERS[`cell:${state}`] = {
    group: "Templates on hosts", words: { in_order: "in order", lost: "test certificate not as asked for" }[state] || STATES[state][1], sign: STATES[state], cell: (cell) => cell.state === state,
  };
}
Object.assign(FILTERS, {
  "also:unproved": { group: "Templates on hosts", words: "without a proof of the present content", sign: STATES.unproved, cell: owesTest },
  "also:lost": { group: "Templates on hosts", words: "with a test certificate not as asked for", sign: STATES.lost, cell: (cell) => remarked(testOf(cell)) },
  "also:accepted": { group: "Templates on hosts", words: "with no loss but accepted ones", sign: ["a", "", "mild"], cell: (cell) => acceptedOf(testOf(cell)).length > 0 && !remarked(testOf(cell)) },
});
for (const [status, words, state] of [
  ["issued", "test certificate issued", "in_order"], ["pending", "wait for approval", "pending"], ["failed", "failed", "test_failed"],
  ["not_tried", "not tried", "unproved"], ["not_asked", "left out by check mode", "not_looked_at"],
]) FILTERS[`test:${status}`] = { group: "Tests of this run", words, sign: STATES[state], cell: (cell) => nowTested(cell, status) };
FILTERS["test:made_up"] = {
  group: "Tests of this run", words: "issued for made-up values", sign: ["m", "", "mild"],
  cell: (cell) => nowTested(cell, "issued") && (testOf(cell).made_up || []).length > 0,
};
