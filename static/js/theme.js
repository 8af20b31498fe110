// Loaded before the page is drawn, so that it never flashes in the other theme.
// Also marks a page that is shown inside another site's frame.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  // Storage throws in a frame whose site may not keep anything. The admin keeps its
  // theme under the same name, and has a third one, "auto".
  const remembered = () => {
    try {
      const theme = localStorage.getItem("theme");
      return theme === "dark" || theme === "light" ? theme : null;
    } catch {
      return null;
    }
  };
  const remember = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // The choice then lasts as long as the page.
    }
  };
  const apply = (theme) => {
    root.dataset.theme = theme;
    document.getElementById("theme")?.setAttribute(
      "aria-pressed", String(theme === "dark"));
  };
  const current = () => remembered() ?? (system.matches ? "dark" : "light");

  apply(current());
  root.classList.toggle("embedded", window.self !== window.top);
  system.addEventListener("change", () => apply(current()));
  document.addEventListener("DOMContentLoaded", () => {
    apply(current());
    document.getElementById("theme")?.addEventListener("click", () => {
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      remember(theme);
      apply(theme);
    });
  });
})();
