// Adds and removes renditions. Without this there are spare rows, and boxes to remove.

// In the order in which they help most: the lowest ones cost least.
const USUAL = [[480, 1000, ""], [240, 400, 48], [720, 2500, ""], [360, 700, 64], [1080, 4500, ""]];

function setUp(ladder) {
  const body = ladder.querySelector("tbody");
  const add = ladder.querySelector("[data-add]");
  const rows = ladder.querySelector("[data-rows]");
  const field = (row, part) => row.querySelector(`[name$="-${part}"]`);

  function show() {
    add.hidden = body.rows.length >= Number(ladder.dataset.most);
    ladder.classList.toggle("empty", body.rows.length === 0);
    [...body.rows].forEach((row, index) => {
      row.querySelector("[data-remove]").setAttribute(
        "aria-label", `Remove rendition ${index + 1}`);
    });
  }

  function addRemove(row) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.dataset.remove = "";
    button.textContent = "Remove";
    button.addEventListener("click", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      show();
      (next?.querySelector("[data-remove]") ?? add).focus();
    });
    row.querySelector(".ladder-remove").append(button);
  }

  ladder.classList.add("with-script");
  for (const row of [...body.rows]) {
    const isBlank = ["height", "video", "audio"].every((part) => !field(row, part).value);
    if (isBlank) row.remove();
    else addRemove(row);
  }
  add.addEventListener("click", () => {
    const row = ladder.querySelector("template").content.firstElementChild.cloneNode(true);
    for (const input of row.querySelectorAll("[name]")) {
      input.name = input.name.replace("__row__", rows.value);
    }
    rows.value = String(Number(rows.value) + 1);
    const taken = [...body.rows].map((other) => Number(field(other, "height").value));
    const [height = "", video = "", audio = ""] =
      USUAL.find(([usual]) => !taken.includes(usual)) ?? [];
    Object.entries({ height, video, audio }).forEach(([part, value]) => {
      field(row, part).value = value;
    });
    addRemove(row);
    body.append(row);
    show();
    field(row, "height").focus();
  });
  show();
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".ladder").forEach(setUp);
});
