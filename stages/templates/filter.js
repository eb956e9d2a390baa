(() => {
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".statements tbody tr")];
  const output = form.querySelector("output");
  const fields = [...form.querySelectorAll("select")];
  const words = form.elements.words;
  const texts = new Map(rows.map((row) => [row, `${row.textContent} ${row.dataset.claim}`.toLowerCase()]));
  const shown = (row, wanted) =>
    fields.every((field) => !field.value || row.dataset[field.name] === field.value) &&
    wanted.every((word) => texts.get(row).includes(word));
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    rows.forEach((row) => { row.hidden = !shown(row, wanted); });
    output.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
