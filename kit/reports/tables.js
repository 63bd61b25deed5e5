// A table sorts by the header that is pressed; a long one shows the rows with a word; what scrolls takes the keyboard.
const MANY = 8;
for (const table of document.querySelectorAll(".card table")) {
  const rows = [...table.rows], head = rows.shift();
  const plain = !table.querySelector("[colspan], [rowspan]") && rows.every(row => !row.querySelector("th"));
  if (!head || rows.length < 2 || !plain || head.querySelector("td")) continue;
  const body = rows[0].parentNode;
  [...head.cells].forEach((cell, column) => {
    if (!cell.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => sort(head, body, column));
  });
  if (rows.length >= MANY) table.parentNode.before(filter(rows));
}
for (const box of document.querySelectorAll(".card, pre, .jp-RenderedHTMLCommon, .jp-OutputArea-output")) {
  if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
}

function sort(head, body, column) {
  const cell = head.cells[column], down = cell.ariaSort === "ascending";
  for (const other of head.cells) other.removeAttribute("aria-sort");
  cell.ariaSort = down ? "descending" : "ascending";
  const rows = [...body.rows].filter(row => row !== head);
  const texts = new Map(rows.map(row => [row, row.cells[column].innerText.trim().replace(/(\d),(?=\d{3})/g, "$1")]));
  const isEmpty = text => ["", "–"].includes(text);
  const isNumber = [...texts.values()].every(text => isEmpty(text) || /^[-+−.\d]*\d/.test(text));
  const number = text => parseFloat(text.replace("−", "-"));
  rows.sort((one, two) => {
    const [a, b] = [texts.get(one), texts.get(two)];
    if (isEmpty(a) || isEmpty(b)) return isEmpty(a) - isEmpty(b);
    const order = isNumber ? number(a) - number(b) : a.localeCompare(b, "en", {numeric: true});
    return down ? -order : order;
  });
  body.append(...rows);
}

function filter(rows) {
  const label = document.createElement("label"), input = document.createElement("input");
  label.className = "filter";
  input.type = "search";
  label.append("Rows with ", input);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
  });
  return label;
}
