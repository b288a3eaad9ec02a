// Where time and memory go: Go's profiles, as flame graphs.
import { html, useMemo, useRef, useState, usePoll, useEffect } from "../lib.js";
import { blob, get } from "../api.js";
import { bytes, count, duration, ops, percent } from "../format.js";
import { Card, Empty, Note, Table } from "../parts.js";

const kinds = {
  cpu: ["CPU time", true, (n) => duration(n / 1e6)], heap: ["Memory that is held", false, bytes], allocs: ["Memory that was allocated", false, bytes],
  goroutine: ["Goroutines", false, count], mutex: ["Waiting for locks", false, (n) => duration(n / 1e6)], block: ["Waiting", false, (n) => duration(n / 1e6)],
};

// rows flattens what is below the root; each function is as wide as its share.
function boxes(root, least) {
  const all = [];
  const visit = (n, x, depth) => {
    const w = n.value / root.value;
    if (w < least) return;
    all.push({ n, x, w, depth });
    for (const c of n.children ?? []) { visit(c, x, depth + 1); x += c.value / root.value; }
  };
  visit(root, 0, 0);
  return all;
}

function hue(name) {
  let h = 0;
  for (const c of name.split("(")[0].split("/").pop().split(".")[0]) h = (h * 31 + c.charCodeAt(0)) % 997;
  return h % 6;
}

function Flame({ root, unit }) {
  const [path, setPath] = useState([]);
  useEffect(() => setPath([]), [root]);
  const at = path.at(-1) ?? root;
  const all = useMemo(() => boxes(at, 0.002), [at]);
  const deep = Math.max(...all.map((b) => b.depth)) + 1;
  const label = (n) => `${n.name}: ${unit(n.value)}, ${percent(n.value / root.value)}`;
  return html`<div class="flamebar"><button type="button" disabled=${path.length === 0} onClick=${() => setPath(path.slice(0, -1))}>Back</button>
      <span>${label(at)}</span></div>
    <div class="flame" style=${{ height: `${deep * 20}px` }} role="group" aria-label="Flame graph">${all.map((b) => html`<button type="button" key=${b.depth + ":" + b.x} class=${`hue${hue(b.n.name)}`} title=${label(b.n)} aria-label=${label(b.n)}
      tabindex=${b.w > 0.02 ? 0 : -1} onClick=${() => b.n !== at && setPath([...path, b.n])} style=${{ left: `${b.x * 100}%`, width: `${b.w * 100}%`, top: `${b.depth * 20}px` }}>${b.w > 0.03 ? b.n.name.split("/").pop() : ""}</button>`)}</div>`;
}

// selfOf adds up, by function, what is spent in it and not below it.
function selfOf(root) {
  const sums = new Map();
  const visit = (n) => {
    const below = (n.children ?? []).reduce((s, c) => s + c.value, 0);
    sums.set(n.name, (sums.get(n.name) ?? 0) + n.value - below);
    n.children?.forEach(visit);
  };
  visit(root);
  return [...sums].map(([name, self]) => ({ name, self })).filter((f) => f.self > 0).sort((a, b) => b.self - a.self).slice(0, 30);
}

export function Profile({ query }) {
  const [kind, setKind] = useState("cpu"), [seconds, setSeconds] = useState(5);
  const [job, setJob] = useState(query.get("job") ?? ""), [vertex, setVertex] = useState(query.get("vertex") ?? "");
  const jobs = usePoll("/jobs/overview", { once: true }), details = usePoll(job ? `/jobs/${job}` : null, { once: true });
  const [state, set] = useState({});
  const control = useRef(null);
  useEffect(() => () => control.current?.abort(), []);
  const [, timed, unit] = kinds[kind];
  const path = (format) => {
    const q = new URLSearchParams();
    if (timed) { q.set("seconds", seconds); }
    if (job && kind !== "heap" && kind !== "allocs" && format !== "pprof") q.set("job", job);
    if (vertex && q.has("job")) q.set("vertex", vertex);
    if (format) q.set("format", format);
    return `/api/profiles/${kind}?${q}`;
  };
  const take = async (e) => {
    e.preventDefault();
    control.current = new AbortController();
    set({ busy: true });
    try { set({ root: await get(path(), control.current.signal), kind }); } catch (error) { set({ error }); }
  };
  const download = async () => {
    set({ ...state, busy: true });
    try {
      const a = document.createElement("a");
      a.href = URL.createObjectURL(await blob(path("pprof")));
      a.download = `${kind}.pb.gz`;
      a.click();
      URL.revokeObjectURL(a.href);
      set({ ...state, busy: false });
    } catch (error) { set({ error }); }
  };
  const filters = kind === "cpu" || kind === "goroutine";
  return html`<h1 tabindex="-1">Profiles</h1><${Card}><form class="pick" onSubmit=${take}>
      <label>Profile <select value=${kind} onChange=${(e) => setKind(e.target.value)}>${Object.entries(kinds).map(([k, [name]]) => html`<option value=${k} selected=${k === kind}>${name}</option>`)}</select></label>
      ${timed && html`<label>Seconds <input type="number" min="1" max="30" value=${seconds} onInput=${(e) => setSeconds(e.target.value)} /></label>`}
      ${filters && html`<label>Job <select value=${job} onChange=${(e) => { setJob(e.target.value); setVertex(""); }}><option value="">the whole process</option>${(jobs.data?.jobs ?? []).map((j) => html`<option value=${j.jid} selected=${j.jid === job}>${j.name}</option>`)}</select></label>
      ${job && html`<label>Vertex <select value=${vertex} onChange=${(e) => setVertex(e.target.value)}><option value="">all</option>${(details.data?.vertices ?? []).map((v) => html`<option value=${v.id} selected=${v.id === vertex}>${ops(v.name)}</option>`)}</select></label>`}`}
      <button class="primary" type="submit" disabled=${state.busy}>${state.busy ? "Looking…" : "Look"}</button>
      <button type="button" disabled=${state.busy} onClick=${download}>Download for go tool pprof</button></form>
      <p class="muted">It is the coordinator's process: with <code>wadi standalone</code> that is everything.</p></${Card}>
    ${state.error && html`<${Note} kind="bad">${state.error.message}</${Note}>`}
    ${state.root && (state.root.value > 0 ? html`<${Card} name="Flame graph"><${Flame} root=${state.root} unit=${kinds[state.kind][2]} /></${Card}>
      <${Card} name="Functions"><${Table} name="Functions" rows=${selfOf(state.root)} id=${(f) => f.name} columns=${[
        { name: "In the function itself", number: true, value: (f) => f.self, cell: (f) => kinds[state.kind][2](f.self) },
        { name: "Share", number: true, cell: (f) => percent(f.self / state.root.value) },
        { name: "Function", value: (f) => f.name, wide: true, cell: (f) => html`<code>${f.name}</code>` }]} /></${Card}>`
      : html`<${Empty}>Nothing was seen: it did nothing meanwhile, or runs in another process.</${Empty}>`)}`;
}
