(() => {
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".statements tbody tr")];
  const output = form.querySelector("output");
  const fields = [...form.querySelectorAll("select")];
  const words = form.elements.words;
  const shown = (row) =>
    fields.every((field) => !field.value || row.dataset[field.name] === field.value) &&
    row.textContent.toLowerCase().includes(words.value.trim().toLowerCase());
  const apply = () => {
    rows.forEach((row) => { row.hidden = !shown(row); });
    output.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
