/*
Copyright (c) 2026, estfleet.cloud_extender contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
// Certificates by days left: how many end when, and which, the first to end first.

const BUCKETS = [
  ["expired", 0, "bad"], ["under 7 days", 7, "bad"], ["7 to 13 days", 14, "warn"], ["14 to 29 days", 30, "warn"],
  ["30 to 59 days", 60, "good"], ["60 to 89 days", 90, "good"], ["90 to 179 days", 180, "good"], ["180 to 364 days", 365, "good"],
  ["a year or more", Infinity, "good"],
];

const testCertificates = hosts.flatMap((host) => host.ends.flatMap((minutes, index) => (minutes ? [{ end: minutes * 60000, name: report.templates[index], host: host.name }] : [])))
  .sort((a, b) => a.end - b.end);
// Those of services, where the report has them: what is not in order first.
const production = report.production.map(([name, host, state, minutes, renewed, told, caused]) => ({
  end: minutes * 60000, renewed: renewed * 60000, name: report.texts[name], host: hosts[host].name, state, told: report.texts[told], caused: Boolean(caused),
})).sort((a, b) => PRODUCTION_RANK[b.state] - PRODUCTION_RANK[a.state] || a.end - b.end);

// As wide as the page is now.
function plots() {
  const known = production.filter((each) => each.end).sort((a, b) => a.end - b.end);
  if (known.length) plot(by("production-plot"), known, "production certificate");
  if (testCertificates.length) plot(by("plot"), testCertificates, "test certificate");
}

function certificates() {
  by("production-section").hidden = !production.length;
  plots();
  if (production.length) ends(by("production"), production, "Certificate", "Production certificates");
  if (!testCertificates.length) {
    by("certificates").append(make("p", { class: "fine" }, "No test certificate is known. Tests are made with est_integration_test_policy, or by the playbook test_enroll."));
    return;
  }
  ends(by("certificates"), testCertificates, "Template", "Test certificates");
}

function ends(into, all, title, label) {
  const FIRST = 15;
  const body = make("tbody", {});
  const show = (from, to) => body.append(...all.slice(from, to).map(({ end, name, host, state, renewed, told }) => {
    const [mark, words, look] = end ? ending(end, renewed) : ["?", "end not known", "mild"];
    const [sign, what, color] = PRODUCTION[state] || [];
    return make("tr", {}, state ? make("td", { class: "state" }, glyph(sign, color), ` ${what}`) : "",
      make("td", { class: "left" }, glyph(mark, look), ` ${words} `, end ? moment(end) : "", renewed ? make("span", { class: "place" }, "renewed from ", moment(renewed), " on") : ""),
      make("td", {}, named(name), " on ", named(host), told ? make("span", { class: "place" }, named(told)) : ""));
  }));
  show(0, FIRST);
  into.append(make("div", { class: "ends", tabindex: "0", role: "region", "aria-label": `${label}, can be scrolled` }, make("table", {},
    make("thead", {}, make("tr", {}, [...(all[0].state ? ["State"] : []), "Days left, and the end", `${title} and host`].map((words) => make("th", { scope: "col" }, words)))), body)));
  if (all.length <= FIRST) return;
  const more = make("button", { type: "button", class: "quiet", onclick: () => {
    show(body.rows.length, body.rows.length + 200);
    tell();
  } });
  const tell = () => {
    const left = all.length - body.rows.length;
    if (left) more.textContent = `Show ${Math.min(200, left)} more of ${left}`;
    else more.remove();
  };
  tell();
  into.append(more);
}

// All of them with an end, the first to end first.
function plot(into, all, word) {
  const numbers = BUCKETS.map(() => 0);
  for (const { end } of all) numbers[BUCKETS.findIndex(([, below]) => (end - MADE) / 86400000 < below)] += 1;
  const total = all.length;
  const SPACE = "http://www.w3.org/2000/svg";
  const shape = (name, attributes, text) => {
    const element = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // As wide as it is shown, so that a phone does not shrink the words.
  const width = Math.max(280, Math.min(760, into.clientWidth - 34));
  const [left, high, most] = [124, 28, Math.max(...numbers)];
  const svg = shape("svg", { viewBox: `0 0 ${width} ${BUCKETS.length * high + 8}`, role: "img",
    "aria-label": `Bar chart of ${plural(total, word)}: ${BUCKETS.map(([words], at) => `${words} ${numbers[at]}`).join(", ")}` });
  svg.append(shape("line", { x1: left, x2: left, y1: 0, y2: BUCKETS.length * high + 4, class: "axis" }));
  BUCKETS.forEach(([words, , look], at) => {
    const y = at * high + 6;
    const long = numbers[at] ? Math.max(3, (width - left - 64) * numbers[at] / most) : 0;
    svg.append(shape("text", { x: left - 10, y: y + 14, "text-anchor": "end", class: numbers[at] ? "" : "soft" }, words),
      shape("rect", { x: left + 1, y, width: long, height: 19, rx: 3, class: look }),
      shape("text", { x: left + long + 8, y: y + 14, class: numbers[at] ? "" : "soft" }, String(numbers[at])));
  });
  const first = all[0];
  into.replaceChildren(make("figure", {}, svg, make("figcaption", {},
    `${plural(total, word)}, counted from the time of the report. The first to end: `, named(first.name), " on ", named(first.host),
    first.end < MADE ? ", expired." : `, in ${plural(wholeDays(first.end), "day")}.`)));
}
