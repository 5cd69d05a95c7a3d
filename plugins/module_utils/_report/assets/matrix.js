/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// The table of hosts and templates: filters, sorting, and what is known of one host.

const ROWS_AT_ONCE = 300;
const hasCertificates = hosts.some((host) => host.end !== null);
const hasClusters = hosts.some((host) => host.cluster);
const natural = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const COLUMNS = [
  { key: "name", words: "Host", first: 1, compare: (a, b) => natural.compare(a.name, b.name) },
  { key: "state", words: "State", first: -1, compare: (a, b) => RANK[a.worst] - RANK[b.worst] },
];
if (hasClusters) COLUMNS.push({ key: "cluster", words: "Cluster", first: 1, compare: (a, b) => natural.compare((a.cluster || [""])[0], (b.cluster || [""])[0]) });
if (hasCertificates) COLUMNS.push({ key: "days", words: "Days left", first: 1, compare: (a, b) => (a.end ?? 1e15) - (b.end ?? 1e15) });
report.templates.forEach((name, index) => COLUMNS.push({
  key: `template-${index}`, words: name, index, first: -1, compare: (a, b) => RANK[a.states[index]] - RANK[b.states[index]],
}));

const bad = hosts.some((host) => host.worst !== "in_order");
let sorted = bad ? { column: COLUMNS[1], direction: -1 } : { column: COLUMNS[0], direction: 1 };
let rows = [];
let limit = ROWS_AT_ONCE;
// Hosts whose details are open, each with the number of the template that is told first, or null.
const opened = new Map();

function head() {
  const row = make("tr", {});
  for (const column of COLUMNS) {
    const label = make("span", { class: "words" }, named(column.words));
    column.button = make("button", { type: "button", class: "sort", onclick: () => {
      sorted = { column, direction: sorted.column === column ? -sorted.direction : column.first };
      order(true);
    } }, label, make("span", { class: "arrow", "aria-hidden": "true" }));
    column.header = make("th", { scope: "col", class: column.index === undefined ? column.key : "template" }, column.button);
    row.append(column.header);
  }
  row.append(make("td", { class: "fill" }));
  by("matrix").tHead.append(row);
  by("matrix").tBodies[0].addEventListener("click", tapped);
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
  const chosen = by("filter-state").value;
  const wanted = FILTERS[chosen] || {};
  rows = hosts.filter((host) => {
    if (!host.shown.includes(name) || (wanted.host && !wanted.host(host))) return false;
    const cells = (template === "" ? host.cells : [host.cells[Number(template)]]).filter(Boolean);
    return wanted.cell ? cells.some(wanted.cell) : template === "" || cells.length > 0;
  });
  limit = ROWS_AT_ONCE;
  for (const column of COLUMNS) {
    const off = template !== "" && column.index !== undefined && String(column.index) !== template;
    column.header.hidden = off;
  }
  for (const tile of document.querySelectorAll("[data-filter]")) tile.setAttribute("aria-pressed", String(tile.dataset.filter === chosen));
  order(false);
  by("count").textContent = rows.length ? counted() : "No host has this. Change or clear the filter.";
}

function draw() {
  const body = by("matrix").tBodies[0];
  const part = document.createDocumentFragment();
  for (const host of rows.slice(0, limit)) {
    part.append(line(host));
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
  const [age, at] = host.kept ? asOf(host) : [];
  const button = make("button", { type: "button", class: "open", "aria-expanded": String(opened.has(host)), onclick: () => toggle(host, null) }, named(host.name));
  const row = make("tr", { class: host.kept ? "kept" : null }, make("th", { scope: "row" }, button, host.kept ? make("span", { class: "as-of" }, age.replace(/, $/, at ? "," : ""), " ", make("span", { class: "at" }, at)) : ""),
    make("td", { class: "state", title: STATES[host.worst][1] }, sign(host.worst), " ", make("span", { class: "words" }, STATES[host.worst][1])));
  host.row = row;
  if (hasClusters) row.append(make("td", { class: "cluster" }, host.cluster ? named(host.cluster[0]) : "", host.cluster && host.cluster[1] === host.name ? " (written)" : ""));
  if (hasCertificates) {
    const [mark, words, look] = host.end === null ? [] : ending(host.end);
    row.append(make("td", { class: "days" }, mark && look === "bad" ? [glyph(mark, look), " expired"] : mark ? make("span", { title: words }, String(wholeDays(host.end))) : ""));
  }
  for (const column of COLUMNS) {
    if (column.index !== undefined && !column.header.hidden) row.append(square(host, column));
  }
  row.append(make("td", { class: "fill" }));
  return row;
}

function square(host, column) {
  const cell = host.cells[column.index];
  const [mark, words, look] = STATES[host.states[column.index]];
  const marks = marksOf(cell);
  const told = [words, cell && cell.proved && cell.state === "in_order" ? "proved by a test" : "", ...marks.map((each) => MARKS[each][1])].filter(Boolean).join(", ");
  return make("td", { class: cell ? "cell known" : "cell", title: `${visible(column.words)}: ${told}`, "data-template": String(column.index) },
    make("span", { class: look, "aria-hidden": "true" }, mark, marks.length ? make("sup", {}, marks.map((each) => MARKS[each][0]).join("")) : ""), unseen(told));
}

// A finger on a cell opens the host at this template; by the keyboard, the name of the host opens all of them.
function tapped(event) {
  const cell = event.target.closest("td.known");
  if (!cell) return;
  const host = rows.find((each) => each.row === cell.parentElement);
  if (host) toggle(host, Number(cell.dataset.template));
}

function toggle(host, template) {
  const was = opened.get(host);
  const open = was === undefined || (template !== null && was !== template);
  if (was !== undefined) host.row.nextElementSibling.remove();
  opened.delete(host);
  if (open) {
    opened.set(host, template);
    host.row.after(detail(host));
  }
  host.row.querySelector(".open").setAttribute("aria-expanded", String(open));
}

function detail(host) {
  const inner = make("div", { class: "inner" });
  const first = opened.get(host);
  if (first !== null) inner.append(make("div", { class: "first" }, aboutTemplate(host, first)));
  inner.append(facts([
    ["Host", host.name], ["Address", host.address], ["Known", host.kept ? `${asOf(host).join("")}, by an earlier run` : ""],
    ["State", STATES[host.state === "ok" ? host.worst : host.state][1]], ["Why", host.message],
    ["Mode", written(host) ? "enforce: what differed was put right" : "report: nothing is written"],
    ["Cluster", host.cluster ? `${host.cluster[0]}, written on ${host.cluster[1]}` : ""],
    ["Cluster note", host.cluster ? report.texts[host.cluster[2]] : ""],
    ["Not declared, left alone", host.undeclared.join(", ")],
  ]));
  if (host.drift.length) inner.append(make("h3", {}, "Found in the store"), make("ul", {}, host.drift.map((words) => make("li", {}, named(words)))));
  host.cells.forEach((cell, index) => { if (cell && index !== first) inner.append(...aboutTemplate(host, index)); });
  return make("tr", { class: "detail" }, make("td", { colspan: String(COLUMNS.length + 1) }, inner));
}

function aboutTemplate(host, index) {
  const cell = host.cells[index];
  const end = host.ends[index] ? host.ends[index] * 60000 : null;
  const acted = ACTIONS[cell.action] ? ACTIONS[cell.action][written(host) ? 0 : 1] : null;
  const state = host.states[index];
  return [
    make("h3", {}, sign(state), named(report.templates[index]), make("span", { class: "soft" }, ` \u2014 ${acted || STATES[state][1]}`)),
    cell.summary && !["created", "removed"].includes(cell.action) ? make("p", {}, named(cell.summary)) : "",
    cell.test ? facts([...testFacts(cell), [testOf(cell).status === "not_tried" ? "Left out at" : "Tested at", host.tested[index] ? moment(host.tested[index] * 60000) : ""],
      ["Test certificate ends", end ? make("span", {}, moment(end), ` (${ending(end).slice(0, 2).join(" ")})`) : ""]])
      : cell.proved === false ? make("p", { class: "soft" }, "No test has proved the present content.") : "",
    cell.off ? make("p", { class: "soft" }, "Its tests are switched off: no proof is owed.") : "",
    cell.shortened ? make("p", { class: "soft" }, "More is in the JSON file.") : "",
  ].filter(Boolean);
}

function filters() {
  by("filter-template").append(make("option", { value: "" }, "all templates"),
    ...report.templates.map((name, index) => make("option", { value: String(index) }, visible(name))));
  by("filter-state").append(make("option", { value: "" }, "all states"));
  for (const title of new Set(Object.values(FILTERS).map((each) => each.group))) {
    const used = Object.entries(FILTERS).filter(([, each]) => each.group === title && (each.host ? hosts.some(each.host) : cellsWith(each.cell) > 0));
    if (used.length) by("filter-state").append(make("optgroup", { label: title }, used.map(([key, each]) => make("option", { value: key }, `${each.sign[0]} ${each.words}`))));
  }
  let waiting = 0;
  by("filter-host").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  by("filter-template").addEventListener("change", filter);
  by("filter-state").addEventListener("change", filter);
  by("filters").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  by("filters").addEventListener("reset", () => setTimeout(filter, 0));
  for (const [mark, words, look] of [...Object.values(STATES), ...Object.values(MARKS)]) {
    by("legend").append(make("li", {}, make("span", { class: `sign ${look || "letter"}`, "aria-hidden": "true" }, mark), words));
  }
  // Paper has no button to show more with.
  addEventListener("beforeprint", () => { limit = Infinity; draw(); });
  addEventListener("afterprint", () => { limit = ROWS_AT_ONCE; draw(); });
}
