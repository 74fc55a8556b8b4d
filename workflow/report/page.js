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
function csv(table) {
  const quote = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const line = (row, read) => [...row.cells].map(cell => quote(read(cell))).join(",");
  // A text that a spreadsheet would take for a formula is marked as a text.
  const text = value => isNaN(value) ? value.replace(/^[=+@\t\r\uff1d\uff0b\uff0d\uff20-]/, "'$&") : value;
  const clean = cell => cell.classList.contains("number") ? valueOf(cell).replaceAll(",", "") : text(valueOf(cell));
  const head = line(table.tHead.rows[0], th => th.textContent);
  return [head, ...[...table.tBodies[0].rows].map(row => line(row, clean))].join("\n") + "\n";
}
// Sorting by each column, and a button that saves the table.
function equip(table) {
  [...table.tHead.rows[0].cells].forEach((th, column) => {
    const button = document.createElement("button");
    button.append(...th.childNodes);
    button.onclick = () => sort(table, column, th);
    th.append(button);
  });
  const save = document.createElement("button");
  save.className = "csv";
  save.textContent = "Save as CSV";
  save.setAttribute("aria-label", `Save as CSV: ${table.parentNode.getAttribute("aria-label")}`);
  save.onclick = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
    link.download = `${table.dataset.name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  table.parentNode.after(save);
}
document.querySelectorAll("table").forEach(equip);
// What the first screen does not say folds open. Without this script, and on paper, all of it is there.
const parts = [...document.querySelectorAll("details.part")];
parts.slice(1).forEach(part => { part.open = false; });
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

// A stop for the tabulator key only where something scrolls, which may change whenever something folds or is made anew.
const scrolling = new ResizeObserver(entries => entries.forEach(({ target }) => {
  const box = target.closest(".scroll");
  if (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}));
function watchScrolling(root) {
  root.querySelectorAll(".scroll").forEach(box => { scrolling.observe(box); scrolling.observe(box.firstElementChild); });
}
watchScrolling(document);
