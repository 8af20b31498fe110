// Copy buttons. A path is copied as the full address that others can open.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const { copy } = button.dataset;
  const text = copy.startsWith("/") ? new URL(copy, location.href).href : copy;
  const label = button.textContent;
  button.textContent = (await copyText(text)) ? "Copied" : "Not copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// Browsers have a clipboard for HTTPS pages and localhost; others the old command.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
