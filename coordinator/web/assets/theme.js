// Sets the theme before anything is drawn, so that a dark page never flashes.
(() => {
  let theme = null;
  try { theme = localStorage.getItem("wadi.theme"); } catch { /* storage is off */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
