// Tables: rows that open, search, "flagged only", sorting. A row is a <tbody>: its line, and below it what it opens to.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

for (const widget of document.querySelectorAll(".table")) {
  const table = widget.querySelector("table");
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies].map((body) => {
    const [line, detail] = body.rows;
    const name = line.querySelector("bdi");
    return { body, line, detail, name: (name.title || name.textContent).toLowerCase() };
  });
  const search = widget.querySelector("input[type=search]");
  const flaggedOnly = widget.querySelector("input[type=checkbox]");
  const order = widget.querySelector("select");

  function narrow() {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const { body, name } of rows) {
      body.hidden = !name.includes(wanted) || (flaggedOnly?.checked && !("flagged" in body.dataset));
      shown += !body.hidden;
    }
    const all = shown === rows.length;
    widget.querySelector("output").textContent = `${all ? "" : `${shown} of `}${rows.length} ${widget.dataset.noun}`;
    widget.querySelector(".nothing").hidden = shown > 0;
  }

  function sort(index) {
    const direction = heads[index].getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[index].setAttribute("aria-sort", direction);
    if (order) order.value = index;
    const sign = direction === "ascending" ? 1 : -1;
    const cell = ({ line }) => line.cells[index];
    const numeric = rows.some((row) => "sort" in cell(row).dataset);
    const value = (row) => (numeric ? cell(row).dataset.sort : cell(row).textContent.trim());
    const compare = numeric ? (a, b) => a - b : collator.compare;
    rows.sort((a, b) => {
      const [one, other] = [value(a), value(b)];
      return !one - !other || sign * compare(one, other); // what has no value comes last, in both directions
    });
    table.append(...rows.map(({ body }) => body));
  }

  function open({ line, detail }, opened) {
    detail.hidden = !opened;
    line.querySelector("button").setAttribute("aria-expanded", opened);
  }

  heads.forEach((head, index) => {
    head.querySelector("button")?.addEventListener("click", () => sort(index));
  });
  for (const row of rows.filter(({ detail }) => detail)) {
    row.line.addEventListener("click", () => {
      if (getSelection().isCollapsed) open(row, row.detail.hidden); // selecting a number is not a click
    });
    if (location.hash === "#open-all") open(row, true);
  }
  for (const button of table.querySelectorAll("button")) button.disabled = false;
  if (search) {
    search.addEventListener("input", narrow);
    flaggedOnly?.addEventListener("change", narrow);
    order.addEventListener("change", () => sort(Number(order.value)));
    narrow(); // the browser may have kept the search over a reload
  }
}
