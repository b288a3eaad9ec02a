// The frame of all pages: what is where, the theme, keys, and the token.
import { html, render, useEffect, useRef, useState, useRoute, usePoll, setRefresh, bump, go } from "./lib.js";
import { events, setToken } from "./api.js";
import { Note } from "./parts.js";
import { Overview } from "./pages/overview.js";
import { JobPage } from "./pages/job.js";
import { SQL } from "./pages/sql.js";
import { Workers } from "./pages/workers.js";
import { Coordinator } from "./pages/coordinator.js";
import { Profile } from "./pages/profile.js";

const places = [
  ["Overview", "#/", "overview", "o"],
  ["SQL", "#/sql", "sql", "s"],
  ["Workers", "#/workers", "workers", "w"],
  ["Coordinator", "#/coordinator", "coordinator", "c"],
  ["Profiles", "#/profile", "profile", "p"],
];

function page(route, config) {
  const [first = "overview", ...rest] = route.parts;
  switch (first) {
    case "overview": return html`<${Overview} />`;
    case "jobs": return html`<${JobPage} key=${rest[0]} id=${rest[0]} at=${rest[1] ?? "graph"} rest=${rest.slice(2)} query=${route.query} features=${config?.features} />`;
    case "sql": return html`<${SQL} features=${config?.features} />`;
    case "workers": return html`<${Workers} id=${rest[0]} at=${rest[1] ?? "memory"} />`;
    case "coordinator": return html`<${Coordinator} at=${rest[0] ?? "configuration"} />`;
    case "profile": return html`<${Profile} query=${route.query} />`;
    default: return html`<h1 tabindex="-1">There is no such page</h1><p><a href="#/">Go to the overview</a></p>`;
  }
}

const themes = { light: "Light", dark: "Dark", auto: "System" };

function Theme() {
  const [theme, set] = useState(document.documentElement.dataset.theme ?? "auto");
  const choose = (t) => {
    set(t);
    if (t === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = t;
    try { localStorage.setItem("wadi.theme", t); } catch { /* storage is off */ }
    dispatchEvent(new Event("wadi:theme"));
  };
  return html`<label class="theme">Theme <select value=${theme} onChange=${(e) => choose(e.target.value)}>${Object.entries(themes).map(([k, v]) =>
    html`<option value=${k} selected=${k === theme}>${v}</option>`)}</select></label>`;
}

function Login() {
  const [text, set] = useState("");
  const submit = (e) => { e.preventDefault(); setToken(text); location.reload(); };
  return html`<main class="login"><form onSubmit=${submit}><h1>Wadi</h1><p>This cluster wants a token (wadi.rest.token).</p>
    <label>Token <input type="password" autocomplete="off" value=${text} onInput=${(e) => set(e.target.value)} /></label>
    <button class="primary" type="submit">Go on</button></form></main>`;
}

function Keys({ close }) {
  const ref = useRef(null);
  useEffect(() => { ref.current.showModal(); }, []);
  const all = [...places.map(([name, , , key]) => [`g ${key}`, `go to ${name}`]), ["r", "look again now"], ["?", "this list"], ["Ctrl Enter", "run the statement, on the SQL page"], ["Esc", "close a dialog; stop a query, on the SQL page"]];
  return html`<dialog ref=${ref} onClose=${close} aria-labelledby="keys-name"><h2 id="keys-name">Keys</h2>
    <dl class="keys">${all.map(([k, what]) => html`<div><dt><kbd>${k}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <div class="actions"><button type="button" onClick=${() => ref.current.close()}>Close</button></div></dialog>`;
}

// useKeys goes to places by two keys, and does nothing while somebody types.
function useKeys(showKeys) {
  useEffect(() => {
    let g = 0;
    const on = (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog")) return;
      if (e.key === "?") showKeys(true);
      else if (e.key === "r") bump();
      else if (e.key === "g") { g = Date.now(); return; }
      else if (Date.now() - g < 1500) {
        const place = places.find((p) => p[3] === e.key);
        if (place) go(place[1].slice(1));
      }
      g = 0;
    };
    addEventListener("keydown", on);
    return () => removeEventListener("keydown", on);
  }, []);
}

// useLanding moves the focus to the head of a page that somebody has gone to.
function useLanding(route) {
  const here = useRef(route.path);
  useEffect(() => {
    const h1 = document.querySelector("main h1");
    document.title = `${h1?.textContent ?? ""} · Wadi`.replace(/^ · /, "");
    if (here.current === route.path) return;
    const same = here.current.split("/").slice(1, 3).join() === route.path.split("/").slice(1, 3).join();
    here.current = route.path;
    if (same && document.activeElement?.closest("nav")) return; // a tab of the same page
    h1?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [route.path]);
}

function App() {
  const route = useRoute();
  const config = usePoll("/config", { once: true });
  const [locked, lock] = useState(false);
  const [keys, showKeys] = useState(false);
  useKeys(showKeys);
  useLanding(route);
  useEffect(() => {
    const on = () => lock(true);
    addEventListener("wadi:unauthorized", on);
    return () => removeEventListener("wadi:unauthorized", on);
  }, []);
  useEffect(() => {
    let soon = 0;
    return events(() => { soon ||= setTimeout(() => { soon = 0; bump(); }, 250); });
  }, []);
  useEffect(() => { if (config.data) setRefresh(config.data["refresh-interval"]); }, [config.data]);
  if (locked) return html`<${Login} />`;
  const first = route.parts[0] ?? "overview";
  const at = first === "jobs" ? "overview" : first;
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.querySelector("main h1")?.focus(); }}>Skip to the page</a>
    <div class="frame"><header class="side">
      <a class="brand" href="#/"><img src="assets/icon.svg" alt="" width="24" height="24" />Wadi</a>
      <nav aria-label="Places">${places.map(([name, href, key]) => html`<a href=${href} aria-current=${key === at ? "page" : null}>${name}</a>`)}</nav>
      <div class="foot"><${Theme} /><button type="button" class="plain" onClick=${() => showKeys(true)}>Keys</button>
        ${config.data && html`<span class="muted version">${config.data["flink-revision"]}</span>`}</div>
    </header>
    <main id="main">${config.error && !config.data && html`<${Note} kind="bad">${config.error.message}</${Note}>`}${page(route, config.data)}</main></div>
    ${keys && html`<${Keys} close=${() => showKeys(false)} />`}`;
}

render(html`<${App} />`, document.getElementById("app"));
