// Looks at the page as it is and returns what is wrong with it, in words.
(() => {
  const problems = [];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getBoundingClientRect().width > 0;
  const show = (e) => e.outerHTML.replace(/\s+/g, " ").slice(0, 140);

  // Every control has a name.
  const name = (e) => {
    const by = e.getAttribute("aria-labelledby");
    const labels = [...(e.labels ?? [])].map((l) => l.textContent).join(" ");
    const images = [...e.querySelectorAll("img[alt], [aria-label]")].map((i) => i.alt ?? i.getAttribute("aria-label")).join(" ");
    return (e.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent) || labels || e.textContent.trim() || images || e.title || "").trim();
  };
  for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, dialog[open], [role=img], [role=region], [tabindex='0']")) {
    if (seen(e) && !name(e)) problems.push(`it has no name: ${show(e)}`);
  }
  for (const e of document.querySelectorAll("img:not([alt])")) problems.push(`an image without alt: ${show(e)}`);

  // Ids are unique, headings begin with one h1 and skip nothing, tables have heads.
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) problems.push(`the id ${id} is there twice`);
  const levels = [...document.querySelectorAll("h1, h2, h3")].filter(seen).map((h) => Number(h.tagName[1]));
  if (levels.filter((l) => l === 1).length !== 1) problems.push(`there are ${levels.filter((l) => l === 1).length} h1`);
  levels.forEach((l, i) => { if (i > 0 && l > levels[i - 1] + 1) problems.push(`a heading is skipped before h${l}`); });
  for (const th of document.querySelectorAll("th")) if (!th.textContent.trim()) problems.push(`a column has no name: ${show(th)}`);
  for (const what of document.querySelector(".login") ? ["main"] : ["main", "nav"]) if (!document.querySelector(what)) problems.push(`there is no ${what}`);

  // Text can be told from what is behind it: 4.5 to 1, WCAG's AA.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { r, g, b, a: a / 255 };
  };
  const over = (top, below) => ({
    r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1,
  });
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const c = rgba(getComputedStyle(at).backgroundColor);
      if (c.a > 0) layers.push(c);
      if (c.a === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const bad = new Map();
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !e || !seen(e) || e.closest("script, style, noscript, option, :disabled, .unseen")) continue;
    const behind = ground(e), front = over(rgba(getComputedStyle(e).color), behind);
    const [a, b] = [light(front), light(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.set(`${e.tagName.toLowerCase()}.${e.className}`, `contrast ${ratio.toFixed(2)} of “${walker.currentNode.textContent.trim().slice(0, 30)}”: ${show(e)}`);
  }
  problems.push(...bad.values());

  // What is pressed is large enough, and the page does not move sideways.
  for (const e of document.querySelectorAll("button, select, input:not([type=checkbox])")) {
    const box = e.getBoundingClientRect();
    if (seen(e) && !e.closest(".flame") && box.height < 23.5) problems.push(`it is ${box.height.toFixed(0)} px high: ${show(e)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 1) {
    const who = [...document.querySelectorAll("main *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .graph, .tabs, pre"));
    problems.push(`the page is ${wide} px wider than the window: ${who ? show(who) : ""}`);
  }
  return problems;
})()
