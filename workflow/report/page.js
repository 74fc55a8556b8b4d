// A cell's value as it was measured, not as it is rounded for the eye.
const valueOf = cell => cell.dataset.value ?? cell.textContent;
const empty = (a, number) => a === "" || number && isNaN(a);
// Empty cells come last, whichever way round.
const compare = (a, b, number, sign) => empty(a, number) - empty(b, number)
  || sign * (number ? a - b : a.localeCompare(b, undefined, { numeric: true }));
function sort(table, column, header) {
  const down = header.getAttribute("aria-sort") === "ascending";
  const number = header.classList.contains("number");
  const clean = row => number ? valueOf(row.cells[column]).replaceAll(",", "") : valueOf(row.cells[column]);
  const rows = [...table.tBodies[0].rows].map(row => [clean(row), row]);
  rows.sort((x, y) => compare(x[0], y[0], number, down ? -1 : 1));
  table.querySelectorAll("th").forEach(th => th.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...rows.map(pair => pair[1]));
}
// Of two rows of headings, the second has one for each column.
const headings = table => table.tHead.rows[table.tHead.rows.length - 1];
function csv(table) {
  const quote = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const line = (row, read) => [...row.cells].map(cell => quote(read(cell))).join(",");
  // A text that a spreadsheet would take for a formula is marked as a text.
  const text = value => isNaN(value) ? value.replace(/^[=+@\t\r\uff1d\uff0b\uff0d\uff20-]/, "'$&") : value;
  const clean = cell => "value" in cell.dataset || cell.classList.contains("number") ? valueOf(cell).replaceAll(",", "") : text(valueOf(cell));
  const head = line(headings(table), th => th.dataset.name ?? th.textContent);
  return [head, ...[...table.tBodies[0].rows].map(row => line(row, clean))].join("\n") + "\n";
}
// Sorting by each column, and a button that saves the table.
function equip(table) {
  [...headings(table).cells].forEach((th, column) => {
    const button = document.createElement("button");
    button.append(...th.childNodes);
    button.onclick = () => sort(table, column, th);
    th.append(button);
  });
  const save = document.createElement("button");
  save.className = "csv";
  save.textContent = "Save as CSV";
  save.setAttribute("aria-label", `Save as CSV: ${table.getAttribute("aria-label")}`);
  save.onclick = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
    link.download = `${table.dataset.name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  table.parentNode.after(save);
  if (table.tBodies[0].rows.length > 12) table.parentNode.before(filter(table));
}
// A field that leaves the rows that have every word of it.
function filter(table) {
  const field = document.createElement("input");
  const found = document.createElement("output");
  field.type = "search";
  field.placeholder = "Filter the rows";
  field.setAttribute("aria-label", `Filter: ${table.getAttribute("aria-label")}`);
  field.oninput = () => {
    const plain = text => text.toLowerCase().replaceAll(",", ""), rows = [...table.tBodies[0].rows];
    const words = plain(field.value).split(/\s+/);
    for (const row of rows) {
      const texts = [...row.cells].map(cell => plain(cell.textContent));
      row.hidden = !words.every(word => texts.some(text => text.includes(word)));
    }
    found.textContent = field.value ? ` ${rows.filter(row => !row.hidden).length} of ${rows.length}` : "";
  };
  const box = document.createElement("p");
  box.className = "filter";
  box.append(field, found);
  return box;
}
document.querySelectorAll("table").forEach(equip);
// Only what scrolls is a stop for the Tab key, which its arrow keys then scroll.
const stops = new ResizeObserver(entries => entries.forEach(({ target }) => {
  const box = target.closest(".scroll");
  box.dataset.label ??= box.getAttribute("aria-label") ?? box.querySelector("[aria-label]")?.getAttribute("aria-label") ?? "";
  const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  const wanted = { tabindex: "0", role: "group", "aria-label": box.dataset.label };
  for (const [name, value] of Object.entries(wanted)) scrolls ? box.setAttribute(name, value) : box.removeAttribute(name);
}));
function watchScrolling(root) {
  root.querySelectorAll(".scroll").forEach(box => { stops.observe(box); stops.observe(box.firstElementChild); });
}
watchScrolling(document);
// What the first screen does not say folds open. Without this script, and on paper, all of it is there.
const parts = [...document.querySelectorAll("details.part")];
parts.slice(1).forEach(part => { part.open = "open" in part.dataset; });
document.querySelectorAll("details.folded").forEach(part => { part.open = false; });
function reveal() {
  const wanted = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = wanted && wanted.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
  if (wanted) wanted.scrollIntoView();
}
addEventListener("hashchange", reveal);
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) reveal();
});
reveal();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(d => { d.open = true; }));

// Each heading has a link; a part that is unfolded stands in the address, unless a choice stands there.
document.querySelectorAll("main h3[id]").forEach(heading => {
  const link = document.createElement("a");
  link.href = `#${heading.id}`;
  link.className = "link";
  link.textContent = "#";
  link.setAttribute("aria-label", `Link to: ${heading.textContent}`);
  heading.append(" ", link);
});
parts.forEach(part => part.querySelector("summary").addEventListener("click", () => {
  const id = part.querySelector("h2").id;
  if (!part.open && !location.hash.startsWith("#choose")) history.replaceState(null, "", `#${id}`);
}));
// The contents mark the part that is on the screen.
document.querySelector("a.top").hidden = true;
const entries = new Map([...document.querySelectorAll("nav a")].map(link => [link.hash.slice(1), link]));
addEventListener("scroll", () => {
  document.querySelector("a.top").hidden = scrollY < innerHeight;
  const above = parts.filter(part => part.getBoundingClientRect().top < innerHeight / 3);
  entries.forEach(link => link.removeAttribute("aria-current"));
  if (above.length) entries.get(above.at(-1).querySelector("h2").id)?.setAttribute("aria-current", "true");
}, { passive: true });
