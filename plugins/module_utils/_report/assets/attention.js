/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// What needs attention: one row for each cause, with the hosts and templates that it hit folded in it.

const nameAt = { host: (number) => hosts[number].name, template: (number) => report.templates[number] };

// The causes that the report found, and whatever else is not in order, equal words of many hosts and templates put together.
function problems() {
  const found = new Map();
  const add = (state, words, host, template, more, place, certificate) => {
    const key = JSON.stringify([state, words]);
    if (!found.has(key)) found.set(key, { state, words, more, place, hosts: new Set(), templates: new Set(), certificates: new Set() });
    found.get(key).hosts.add(host.name);
    if (template !== undefined) found.get(key).templates.add(template);
    if (certificate !== undefined) found.get(key).certificates.add(certificate);
  };
  const caused = new Set(report.causes.flatMap((cause) => cause.hosts[1]));
  hosts.forEach((host, at) => {
    // What is in no cause is told all the same.
    if (["failed", "unreachable", "not_run"].includes(host.state) && !caused.has(at) && !report.shortened) {
      add(host.state, host.state === "unreachable" ? "could not be reached" : host.message || STATES[host.state][1], host);
    }
    if (host.cluster && report.texts[host.cluster[2]]) add("differs", report.texts[host.cluster[2]], host);
    for (const words of host.drift) add(written(host) ? "corrected" : "differs", words, host);
    host.cells.forEach((cell, index) => {
      if (cell) ofCell(cell, (state, words, more, place) => add(state, words, host, report.templates[index], more, place));
      const action = cell && ACTIONS[cell.action];
      if (!action) return;
      const told = ["created", "removed"].includes(cell.action) || !cell.summary ? "" : `: ${cell.summary}`;
      add(written(host) ? "corrected" : "differs", `template ${action[written(host) ? 0 : 1]}${told}`, host, report.templates[index]);
    });
  });
  for (const each of production) ofProduction(each, add);
  const rest = [...found.values()].map((each) => ({ ...each, hosts: [...each.hosts], templates: [...each.templates], certificates: [...each.certificates] }));
  return rest.sort((a, b) => RANK[b.state] - RANK[a.state] || b.hosts.length - a.hosts.length);
}

// A production certificate that is not in order; a failure of this run is in a cause.
function ofProduction({ state, told, host, name, caused }, add) {
  const shown = state === "issued" ? "corrected" : OPEN[state];
  if (shown && !caused) add(shown, `production certificate ${PRODUCTION[state][1]}${told ? `: ${told}` : ""}`, { name: host }, undefined, undefined, undefined, name);
}

// What no cause tells: causes are of this run, and of what stopped a test.
function ofCell(cell, add) {
  const test = testOf(cell);
  if (test.status === "failed" && !test.this_run) {
    add("test_failed", `the last test, in an earlier run, failed${test.stage ? ` at stage ${test.stage}` : ""}: ${test.reason || "see the JSON file"}`, test);
  }
  if (test.status === "pending") add("pending", "the test certificate waits for approval");
  // By their names: with the values, which hosts have of their own, each host would be a row.
  const lost = [...new Set(lostOf(test).map((words) => words.replace(/[=:].*$/s, "")))];
  if (lost.length) add("lost", `the CA left out ${lost.join(", ")}`, null, `such as ${lostOf(test).join(", ")}`);
  for (const words of test.differs || []) add("lost", words);
  if (owesTest(cell) && !nowTested(cell, "not_tried")) add("unproved", "no test has proved the present content");
}

function causes() {
  return report.causes.map((cause) => {
    const text = (key) => report.texts[cause[key]];
    const first = cause.hosts[1].length ? hosts[cause.hosts[1][0]] : null;
    const state = { test: "test_failed", certificate: "certificate_failed" }[cause.kind] || (first && first.state !== "ok" ? first.state : "failed");
    const left = cause.not_tried ? `${plural(cause.not_tried, cause.kind)} not tried` : "";
    return {
      state, words: text("reason") || STATES[state][1], hosts: cause.hosts[1].map(nameAt.host), templates: cause.templates[1].map(nameAt.template),
      certificates: cause.certificates[1].map((number) => report.texts[number]),
      allHosts: cause.hosts[0], allTemplates: cause.templates[0], allCertificates: cause.certificates[0], more: exampleOf(cause, text("reason")),
      place: [
        text("stage") ? `stage ${text("stage")}` : "", text("account"), text("server"),
        text("label") ? `label ${text("label")}` : "", left ? `${left} after that` : "",
      ].filter(Boolean).join(" \u00b7 "),
      about: [["Server", text("server")], ["Account", text("account")], ["Label", text("label")], ["Stage", text("stage")], ["Not tried after that", cause.not_tried ? plural(cause.not_tried, cause.kind) : ""], ["What to do", text("hint")]],
    };
  });
}

// What one of the failed tests says beside the reason: whether it reached the server, and the server's own words.
function exampleOf(cause, reason) {
  for (const at of cause.kind === "test" ? cause.hosts[1] : []) {
    const cell = hosts[at].cells.find((each) => testOf(each).status === "failed" && (!testOf(each).reason || testOf(each).reason === reason));
    if (cell) return cell.test;
  }
  return null;
}

function attention() {
  const rest = problems();
  const open = [...causes(), ...rest.filter((problem) => problem.state !== "corrected")];
  const corrected = rest.filter((problem) => problem.state === "corrected");
  for (const note of [...report.notes].reverse()) open.unshift({ state: "unreachable", kind: "Note", words: note, hosts: [], templates: [] });
  if (open.length) list(by("attention"), open);
  else by("attention").append(make("p", { class: "fine" }, sign("in_order"), " Nothing."));
  if (report.causes_missing) by("attention").append(make("p", { class: "note" }, `${plural(report.causes_missing, "more cause")}: see the JSON file.`));
  by("corrected-section").hidden = !corrected.length;
  list(by("corrected"), corrected);
}

function list(into, all) {
  const FIRST = 8;
  const MOST = 500;
  into.append(...all.slice(0, FIRST).map(shownProblem));
  if (all.length <= FIRST) return;
  const button = make("button", { type: "button", class: "quiet", onclick: () => {
    button.replaceWith(...all.slice(FIRST, MOST).map(shownProblem));
    into.children[FIRST].firstChild.focus();
  } }, `Show ${Math.min(all.length, MOST) - FIRST} more`);
  into.append(button);
}

function shownProblem(problem) {
  const { hosts: on = [], templates = [], certificates: places = [] } = problem;
  const { allHosts = on.length, allTemplates = templates.length, allCertificates = places.length } = problem;
  const MOST = 30;
  const told = (all, shown, word) => (all === 1 && shown.length && shown[0].length <= MOST ? named(shown[0]) : all ? plural(all, word) : "");
  const where = [told(allHosts, on, "host"), told(allTemplates, templates, "template"), told(allCertificates, places, "certificate")].filter(Boolean);
  return make("details", { class: "problem" },
    make("summary", {}, sign(problem.state),
      make("span", { class: "words" }, unseen(`${problem.kind || STATES[problem.state][1]}: `), named(problem.words),
        problem.place ? make("span", { class: "place" }, named(problem.place)) : ""),
      make("span", { class: "where" }, where.length > 1 ? [where[0], ", ", where[1]] : where)),
    make("div", { class: "inside" },
      problem.about ? facts(problem.about) : "",
      problem.more ? facts([
        ["Request reached the server", RECEIVED[problem.more.request_received]], ["HTTP status", problem.more.http_status],
        ["The server says", problem.more.server_message], ["What to do", problem.about ? "" : problem.more.hint],
      ]) : "",
      names("host", on, allHosts), names("template", templates, allTemplates), names("certificate", places, allCertificates)));
}

function names(kind, shown, all) {
  if (!all) return "";
  const MOST = 200;
  const kept = kind === "host" ? new Map(hosts.filter((host) => host.kept).map((host) => [host.name, host])) : new Map();
  return make("p", { class: "names" }, `${plural(all, kind)}: `,
    shown.slice(0, MOST).flatMap((name, at) => [at ? ", " : "", named(name), kept.has(name) ? ` (${asOf(kept.get(name)).join("")})` : ""]),
    all > Math.min(shown.length, MOST) ? " and more: filter the table" : "");
}

const RECEIVED = { received: "yes", not_received: "no", unknown: "not known" };
const TOLD = {
  issued: "test certificate issued", pending: "waits for approval", not_asked: "check mode: nothing was issued", failed: "failed", not_tried: "not tried in this run",
};

const keyOf = (test) => [test.public_key_type, test.public_key_curve || test.public_key_size].filter(Boolean).join(" ");

function testFacts(cell) {
  const test = testOf(cell);
  const values = (test.made_up || []).join(", ");
  return [
    ["Test", `${TOLD[test.status] || test.status}${values && test.status === "issued" ? ", for made-up values" : ""}`],
    ["Made-up values", values ? `${values} (Test or blank stood for what is known of a device only)` : ""],
    ["Present content", { true: "proved by a test", false: "not proved by a test" }[cell.proved]],
    ["Stage", test.stage], ["Reason", test.reason], ["Account", test.account],
    ["Request reached the server", test.status === "failed" ? RECEIVED[test.request_received] : null],
    ["HTTP status", test.http_status], ["The server says", test.server_message], ["What to do", test.hint],
    ["Dropped by the CA", lostOf(test).join(", ")], ["Dropped by the CA, and accepted", acceptedOf(test).join(", ")],
    ["Other than asked for", (test.differs || []).join("; ")], ["Left out, no value given", (test.omitted_attributes || []).join(", ")],
    ["Issuer", test.issuer], ["Key", keyOf(test)],
    ["Exchange from", test.exchange], ["Tested", test.this_run ? null : "in an earlier run"],
  ];
}
