/*
Copyright (c) 2026, maas360.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
"use strict";
(() => {
  const report = JSON.parse(document.getElementById("data").textContent);
  const ROWS_AT_ONCE = 300;
  const MADE = Date.parse(report.made_at);
  const by = (id) => document.getElementById(id);

  // Of a template on a host and of a host: sign, words, look; the worst last. A sign alone or a colour alone says nothing.
  const STATES = {
    none: ["\u00b7", "not declared", "none"],
    in_order: ["\u2713", "as declared", "good"],
    corrected: ["\u21bb", "corrected", "info"],
    pending: ["\u2026", "certificate waits for approval", "mild"],
    not_run: ["\u2013", "not run", "mild"],
    unknown: ["?", "not known", "mild"],
    lost: ["\u25d1", "attributes dropped by the CA", "warn"],
    differs: ["\u2260", "not as declared", "warn"],
    test_failed: ["\u2717", "test failed", "bad"],
    unreachable: ["\u26a0", "unreachable", "bad"],
    failed: ["\u2716", "failed", "bad"],
  };
  const RANK = Object.fromEntries(Object.keys(STATES).map((name, rank) => [name, rank]));
  const ACTIONS = {
    created: ["created", "is missing"], updated: ["updated", "differs"], repaired: ["repaired", "was edited or damaged"],
    removed: ["removed", "is not declared, to be removed"],
  };

  // ---- making elements: only ever of text --------------------------------------------------------------------------

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
    element.append(...children.flat().filter((child) => child !== null && child !== ""));
    return element;
  }
  const named = (text) => make("bdi", {}, visible(text));
  const sign = (state) => make("span", { class: `sign ${STATES[state][2]}`, "aria-hidden": "true" }, STATES[state][0]);
  const unseen = (text) => make("span", { class: "unseen" }, text);
  const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  // ---- the hosts ---------------------------------------------------------------------------------------------------

  const hosts = report.hosts.map((row) => {
    const [name, state, message, address, mode, cluster, changed, drift, undeclared, cells, ends, tested] = row;
    const states = cells.map((number) => (number ? report.cells[number].state : "none"));
    let worst = state === "ok" ? (drift.length ? (mode === "enforce" ? "corrected" : "differs") : "in_order") : state;
    for (const each of states) if (RANK[each] > RANK[worst]) worst = each;
    const days = ends.filter(Boolean).map((minutes) => Math.floor((minutes * 60000 - MADE) / 86400000));
    return {
      name, state, address, mode, cluster, changed, cells, ends, tested, states, worst,
      message: report.texts[message], drift: drift.map((number) => report.texts[number]),
      undeclared: undeclared.map((number) => report.texts[number]),
      shown: visible(name).toLowerCase(), days: days.length ? days.reduce((a, b) => Math.min(a, b)) : null,
    };
  });
  const written = (host) => host.mode === "enforce";
  const count = (test) => hosts.filter(test).length;

  // ---- overview ----------------------------------------------------------------------------------------------------

  const local = (moment) => {
    const date = new Date(moment);
    return Number.isNaN(date.getTime()) ? visible(moment || "") : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  };

  function about() {
    const modes = new Set(report.runs.flatMap((run) => [run.check_mode ? "check mode, nothing written" : null, run.limit ? "limited to some hosts" : null]));
    modes.delete(null);
    const plays = [...new Set(report.runs.map((run) => run.play).filter(Boolean))];
    by("about").append(
      make("time", { datetime: report.made_at, title: report.made_at }, local(report.made_at)),
      plays.length ? " \u00b7 " : "", ...plays.slice(0, 2).map(named), ...[...modes].map((words) => ` \u00b7 ${words}`),
      report.runs.length > 1 ? ` \u00b7 ${report.runs.length} runs merged` : "");
  }

  function tiles() {
    const summary = report.summary;
    const cells = (state) => hosts.reduce((sum, host) => sum + host.states.filter((each) => each === state).length, 0);
    const shown = [
      [summary.hosts, `${summary.hosts === 1 ? "host" : "hosts"}, ${plural(summary.templates, "template")}`, null, "mild"],
      [count((host) => host.worst === "in_order"), "hosts as declared", "in_order", "good"],
      [count((host) => host.states.includes("corrected") || host.worst === "corrected"), "hosts corrected", "corrected", "info"],
      [count((host) => host.states.includes("differs") || host.worst === "differs"), "hosts not as declared", "differs", "warn"],
      [summary.unreachable, "hosts unreachable", "unreachable", "bad"],
      [summary.failed, "hosts failed", "failed", "bad"],
      [summary.not_run, "hosts not run", "not_run", "mild"],
      [cells("test_failed"), "tests failed", "test_failed", "bad"],
      [summary.lost, "with attributes dropped", "lost", "warn"],
      [cells("pending"), "waiting for approval", "pending", "mild"],
    ];
    for (const [number, words, state, look] of shown) {
      // What is always worth to know, and what is not as it should be.
      if (!number && !["in_order", "unreachable", "test_failed", "differs"].includes(state)) continue;
      const inside = [
        make("span", { class: "number" },
          state && number ? make("span", { class: `sign ${look}`, "aria-hidden": "true" }, STATES[state][0]) : "", String(number)),
        make("span", { class: "words" }, words),
      ];
      by("tiles").append(state && number
        ? make("button", { type: "button", class: "tile", "data-state": state, "aria-pressed": "false", onclick: () => choose(state) }, inside)
        : make("div", { class: "tile" }, inside));
    }
    if (report.shortened) {
      by("shortened").hidden = false;
      by("shortened").append("There is more to tell than fits into this page: some details are only in ", named(report.json_name || "the JSON file"), ".");
    }
  }

  function choose(state) {
    const select = by("filter-state");
    select.value = select.value === state ? "" : state;
    filter();
    by("hosts").scrollIntoView({ block: "start" });
  }

  // ---- what needs attention: equal problems of many hosts are one --------------------------------------------------

  function problems() {
    const found = new Map();
    const add = (state, words, host, more) => {
      const key = JSON.stringify([state, words, more]);
      if (!found.has(key)) found.set(key, { state, words, more, hosts: [] });
      const into = found.get(key).hosts;
      if (into[into.length - 1] !== host.name) into.push(host.name);
    };
    for (const host of hosts) {
      const ownWords = host.state !== "failed" || !host.cells.some((n) => n && (report.cells[n].test || {}).status === "failed");
      // What ssh says names the host: it is told in the table, or each would be a problem of its own.
      if (host.state === "unreachable") add(host.state, "could not be reached", host);
      else if (["failed", "not_run"].includes(host.state) && ownWords) add(host.state, host.message || STATES[host.state][1], host);
      if (host.cluster && report.texts[host.cluster[2]]) add("differs", report.texts[host.cluster[2]], host);
      for (const words of host.drift) add(written(host) ? "corrected" : "differs", words, host);
      host.cells.forEach((number, index) => {
        const cell = number ? report.cells[number] : null;
        if (!cell) return;
        const name = report.templates[index];
        const test = cell.test || {};
        if (test.status === "failed") {
          add("test_failed", `${name}: ${test.stage ? `failed at stage ${test.stage}: ` : ""}${test.reason || "see the JSON file"}`, host, test);
        }
        if (test.status === "pending") add("pending", `${name}: the certificate waits for approval`, host);
        if (test.lost) add("lost", `${name}: the CA left out ${test.lost.join(", ")}`, host);
        if (ACTIONS[cell.action]) {
          const told = ["created", "removed"].includes(cell.action) ? "" : cell.summary;
          add(written(host) ? "corrected" : "differs",
            `${name} ${ACTIONS[cell.action][written(host) ? 0 : 1]}${told ? `: ${told}` : ""}`, host);
        }
      });
    }
    return [...found.values()].sort((a, b) => RANK[b.state] - RANK[a.state] || b.hosts.length - a.hosts.length);
  }

  function attention() {
    const all = problems();
    const open = all.filter((problem) => problem.state !== "corrected");
    const corrected = all.filter((problem) => problem.state === "corrected");
    for (const note of [...report.notes].reverse()) open.unshift({ state: "unreachable", kind: "Note", words: note, hosts: [] });
    if (open.length) list(by("attention"), open);
    else by("attention").append(make("p", { class: "fine" }, sign("in_order"), " Nothing."));
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
    return make("details", { class: "problem" },
      make("summary", {}, sign(problem.state),
        make("span", { class: "words" }, unseen(`${problem.kind || STATES[problem.state][1]}: `), named(problem.words)),
        make("span", { class: "where" }, problem.hosts.length > 2 ? plural(problem.hosts.length, "host") : named(problem.hosts.join(", ")))),
      make("div", { class: "inside" },
        problem.more ? facts(testFacts(problem.more).filter(([key]) => key !== "Reason")) : "",
        problem.hosts.length ? make("div", {}, `${plural(problem.hosts.length, "host")}: `, named(problem.hosts.slice(0, 200).join(", ")),
          problem.hosts.length > 200 ? " and more: filter the table" : "") : ""));
  }

  const RECEIVED = { yes: "yes", no: "no", unknown: "not known" };

  function testFacts(test) {
    return [
      ["Test", { issued: "certificate issued", pending: "waits for approval", skipped: "check mode: nothing was issued", failed: "failed" }[test.status] || test.status],
      ["Stage", test.stage], ["Reason", test.reason],
      ["Request reached the server", test.status === "failed" ? RECEIVED[test.request_received] : null],
      ["HTTP status", test.http_status], ["The server says", test.server_message], ["What to do", test.hint],
      ["Dropped by the CA", (test.lost || []).join(", ")], ["Left out, no value given", (test.left_out || []).join(", ")],
      ["Issuer", test.issuer], ["Key", test.public_key],
      ["Exchange from", test.exchange], ["Tested", test.this_run ? null : "in an earlier run"],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  }
  const facts = (pairs) => make("dl", {}, pairs.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value instanceof Node ? value : named(value))]));

  // ---- the table ---------------------------------------------------------------------------------------------------

  const hasCertificates = hosts.some((host) => host.days !== null);
  const hasClusters = hosts.some((host) => host.cluster);
  const natural = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const COLUMNS = [
    { key: "name", words: "Host", first: 1, compare: (a, b) => natural.compare(a.name, b.name) },
    { key: "state", words: "State", first: -1, compare: (a, b) => RANK[a.worst] - RANK[b.worst] },
  ];
  if (hasClusters) COLUMNS.push({ key: "cluster", words: "Cluster", first: 1, compare: (a, b) => natural.compare((a.cluster || [""])[0], (b.cluster || [""])[0]) });
  if (hasCertificates) COLUMNS.push({ key: "days", words: "Days left", first: 1, compare: (a, b) => (a.days ?? 1e9) - (b.days ?? 1e9) });
  report.templates.forEach((name, index) => COLUMNS.push({
    key: `template-${index}`, words: name, index, first: -1, compare: (a, b) => RANK[a.states[index]] - RANK[b.states[index]],
  }));

  const bad = hosts.some((host) => host.worst !== "in_order");
  let sorted = bad ? { column: COLUMNS[1], direction: -1 } : { column: COLUMNS[0], direction: 1 };
  let rows = [];
  let limit = ROWS_AT_ONCE;
  const opened = new Set();

  function head() {
    const row = make("tr", {});
    for (const column of COLUMNS) {
      const label = make("span", { class: "words" }, named(column.words));
      column.button = make("button", { type: "button", class: "sort", title: column.index === undefined ? null : visible(column.words), onclick: () => {
        sorted = { column, direction: sorted.column === column ? -sorted.direction : column.first };
        order(true);
      } }, label, make("span", { class: "arrow", "aria-hidden": "true" }));
      column.header = make("th", { scope: "col", class: column.index === undefined ? column.key : "template" }, column.button);
      row.append(column.header);
    }
    row.append(make("td", { class: "fill" }));
    by("matrix").tHead.append(row);
  }

  function order(tell) {
    for (const column of COLUMNS) {
      const on = column === sorted.column;
      if (on) column.header.setAttribute("aria-sort", sorted.direction > 0 ? "ascending" : "descending");
      else column.header.removeAttribute("aria-sort");
      column.button.lastChild.textContent = on ? (sorted.direction > 0 ? "\u25b2" : "\u25bc") : "";
    }
    rows.sort((a, b) => sorted.direction * sorted.column.compare(a, b) || natural.compare(a.name, b.name));
    draw();
    if (tell) by("count").textContent = `${counted()}, sorted by ${visible(sorted.column.words)}, ${sorted.direction > 0 ? "ascending" : "descending"}`;
  }

  const counted = () => rows.length === hosts.length ? `${plural(hosts.length, "host")}` : `${rows.length} of ${plural(hosts.length, "host")}`;

  function filter() {
    const name = by("filter-host").value.trim().toLowerCase();
    const template = by("filter-template").value;
    const state = by("filter-state").value;
    rows = hosts.filter((host) => {
      if (!host.shown.includes(name)) return false;
      if (template === "") return !state || host.worst === state || host.state === state || host.states.includes(state);
      const at = host.states[Number(template)];
      return state ? at === state : at !== "none";
    });
    limit = ROWS_AT_ONCE;
    for (const column of COLUMNS) {
      const off = template !== "" && column.index !== undefined && String(column.index) !== template;
      column.header.hidden = off;
    }
    for (const tile of document.querySelectorAll("button.tile")) tile.setAttribute("aria-pressed", String(tile.dataset.state === state));
    order(false);
    by("count").textContent = rows.length ? counted() : "No host has this. Change or clear the filter.";
  }

  function draw() {
    const body = by("matrix").tBodies[0];
    const part = document.createDocumentFragment();
    for (const host of rows.slice(0, limit)) {
      const row = line(host);
      part.append(row);
      if (opened.has(host)) part.append(detail(host));
    }
    body.replaceChildren(part);
    by("more").replaceChildren();
    if (rows.length > limit) {
      by("more").append(make("button", { type: "button", class: "quiet", onclick: () => {
        const from = limit;
        limit += ROWS_AT_ONCE;
        draw();
        body.querySelectorAll(".open")[from].focus();
      } }, `Show ${Math.min(ROWS_AT_ONCE, rows.length - limit)} more of ${rows.length - limit}`));
    }
  }

  function line(host) {
    const button = make("button", { type: "button", class: "open", "aria-expanded": String(opened.has(host)), title: visible(host.name), onclick: () => toggle(host, row, button) }, named(host.name));
    const row = make("tr", {}, make("th", { scope: "row" }, button),
      make("td", { class: "state", title: STATES[host.worst][1] }, sign(host.worst), " ", make("span", { class: "words" }, STATES[host.worst][1])));
    if (hasClusters) row.append(make("td", { class: "days cluster" }, host.cluster ? named(host.cluster[0]) : "", host.cluster && host.cluster[1] === host.name ? " (written)" : ""));
    if (hasCertificates) row.append(make("td", { class: "days" }, host.days === null ? "" : host.days < 0 ? "expired" : String(host.days)));
    for (const column of COLUMNS) {
      if (column.index === undefined || column.header.hidden) continue;
      const number = host.cells[column.index];
      // A host that nobody could look at is not known; one that was looked at and has no such template does not have it.
      const state = number || host.state === "ok" ? host.states[column.index] : "unknown";
      const [mark, words, look] = STATES[state];
      const cell = make("td", { class: "cell", title: `${visible(column.words)}: ${words}` });
      cell.append(make("span", { class: look, "aria-hidden": "true" }, mark), unseen(words));
      row.append(cell);
    }
    row.append(make("td", { class: "fill" }));
    return row;
  }

  function toggle(host, row, button) {
    const open = !opened.has(host);
    button.setAttribute("aria-expanded", String(open));
    if (open) {
      opened.add(host);
      row.after(detail(host));
    } else {
      opened.delete(host);
      row.nextElementSibling.remove();
    }
  }

  function detail(host) {
    const inner = make("div", { class: "inner" });
    inner.append(facts([
      ["Host", host.name], ["Address", host.address],
      ["State", STATES[host.state === "ok" ? host.worst : host.state][1]], ["Why", host.message],
      ["Mode", written(host) ? "enforce: what differed was put right" : "report: nothing is written"],
      ["Cluster", host.cluster ? `${host.cluster[0]}, written on ${host.cluster[1]}` : ""],
      ["Cluster note", host.cluster ? report.texts[host.cluster[2]] : ""],
      ["Not declared, left alone", host.undeclared.join(", ")],
    ].filter(([, value]) => value)));
    if (host.drift.length) inner.append(make("h3", {}, "Found in the store"), make("ul", {}, host.drift.map((words) => make("li", {}, named(words)))));
    host.cells.forEach((number, index) => {
      if (!number) return;
      const cell = report.cells[number];
      const end = host.ends[index] ? new Date(host.ends[index] * 60000) : null;
      const tested = host.tested[index] ? local(host.tested[index] * 60000) : "";
      const acted = ACTIONS[cell.action] ? ACTIONS[cell.action][written(host) ? 0 : 1] : null;
      inner.append(
        make("h3", {}, sign(cell.state), named(report.templates[index]), make("span", { class: "soft" }, ` \u2014 ${acted || STATES[cell.state][1]}`)),
        cell.summary && !["created", "removed"].includes(cell.action) ? make("p", {}, named(cell.summary)) : "",
        cell.test ? facts([...testFacts(cell.test), ["Tested at", tested], ["Certificate ends", end ? `${local(end)} (${Math.floor((end - MADE) / 86400000)} days left)` : ""]].filter(([, value]) => value)) : "",
        cell.shortened ? make("p", { class: "soft" }, "More is in the JSON file.") : "");
    });
    return make("tr", { class: "detail" }, make("td", { colspan: String(COLUMNS.length + 1) }, inner));
  }

  function filters() {
    by("filter-template").append(make("option", { value: "" }, "all templates"),
      ...report.templates.map((name, index) => make("option", { value: String(index) }, visible(name))));
    const used = new Set(hosts.flatMap((host) => [host.worst, host.state === "ok" ? host.worst : host.state, ...new Set(host.states)]));
    by("filter-state").append(make("option", { value: "" }, "all states"),
      ...Object.keys(STATES).reverse().filter((state) => state !== "none" && used.has(state)).map((state) => make("option", { value: state }, `${STATES[state][0]} ${STATES[state][1]}`)));
    let waiting = 0;
    by("filter-host").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, 120);
    });
    by("filter-template").addEventListener("change", filter);
    by("filter-state").addEventListener("change", filter);
    by("filters").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
    by("filters").addEventListener("reset", () => setTimeout(filter, 0));
    for (const [mark, words, look] of Object.values(STATES)) {
      by("legend").append(make("li", {}, make("span", { class: `sign ${look}`, "aria-hidden": "true" }, mark), words));
    }
    // Paper has no button to show more with.
    addEventListener("beforeprint", () => { limit = Infinity; draw(); });
    addEventListener("afterprint", () => { limit = ROWS_AT_ONCE; draw(); });
  }

  // ---- certificates by days left -----------------------------------------------------------------------------------

  const BUCKETS = [
    ["expired", 0, "bad"], ["under 7 days", 7, "bad"], ["7 to 13 days", 14, "warn"], ["14 to 29 days", 30, "warn"],
    ["30 to 59 days", 60, "good"], ["60 to 89 days", 90, "good"], ["90 to 179 days", 180, "good"], ["180 to 364 days", 365, "good"],
    ["a year or more", Infinity, "good"],
  ];

  function certificates() {
    const numbers = BUCKETS.map(() => 0);
    const nearest = BUCKETS.map(() => null);
    for (const host of hosts) {
      host.ends.forEach((minutes, index) => {
        if (!minutes) return;
        const days = (minutes * 60000 - MADE) / 86400000;
        const at = BUCKETS.findIndex(([, below]) => days < below);
        numbers[at] += 1;
        if (!nearest[at] || days < nearest[at].days) nearest[at] = { days, host: host.name, template: report.templates[index] };
      });
    }
    const total = numbers.reduce((sum, number) => sum + number, 0);
    if (!total) {
      by("certificates").append(make("p", { class: "fine" }, "No test certificate is known. Tests are made with est_integration_test_policy, or by the playbook test_enroll."));
      return;
    }
    const SPACE = "http://www.w3.org/2000/svg";
    const draw = (name, attributes, text) => {
      const element = document.createElementNS(SPACE, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
      if (text !== undefined) element.textContent = text;
      return element;
    };
    // As wide as it is shown, so that a phone does not shrink the words.
    const width = Math.max(280, Math.min(760, by("certificates").clientWidth - 34));
    const [left, high, most] = [124, 28, Math.max(...numbers)];
    const svg = draw("svg", { viewBox: `0 0 ${width} ${BUCKETS.length * high + 8}`, role: "img",
      "aria-label": `Bar chart of ${total} test certificates: ${BUCKETS.map(([words], at) => `${words} ${numbers[at]}`).join(", ")}` });
    svg.append(draw("line", { x1: left, x2: left, y1: 0, y2: BUCKETS.length * high + 4, class: "axis" }));
    BUCKETS.forEach(([words, , look], at) => {
      const y = at * high + 6;
      const long = numbers[at] ? Math.max(3, (width - left - 64) * numbers[at] / most) : 0;
      svg.append(draw("text", { x: left - 10, y: y + 14, "text-anchor": "end", class: numbers[at] ? "" : "soft" }, words),
        draw("rect", { x: left + 1, y, width: long, height: 19, rx: 3, class: look }),
        draw("text", { x: left + long + 8, y: y + 14, class: numbers[at] ? "" : "soft" }, String(numbers[at])));
    });
    const first = nearest.find(Boolean);
    by("certificates").replaceChildren(make("figure", {}, svg, make("figcaption", {},
      `${plural(total, "certificate")}, counted from the time of the report. The first to end: `, named(first.template), " on ", named(first.host),
      first.days < 0 ? ", expired." : `, in ${plural(Math.floor(first.days), "day")}.`)));
  }

  // ---- runs, theme, start ------------------------------------------------------------------------------------------

  function runs() {
    const table = make("table", {}, make("thead", {}, make("tr", {}, ["Started", "Play", "Limited to", "Check mode", "ansible-core"].map((words) => make("th", { scope: "col" }, words)))),
      make("tbody", {}, report.runs.map((run) => make("tr", {}, make("td", {}, local(run.started_at)), make("td", {}, named(run.play || "")),
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
  tiles();
  attention();
  head();
  filters();
  filter();
  certificates();
  runs();
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(certificates, 150); });
})();
