// Statements, and what they give, as it comes.
import { html, useEffect, useRef, useState, store, bump } from "../lib.js";
import { post, sql } from "../api.js";
import { Card, Note } from "../parts.js";

const shown = 500; // how many rows of a query stand on the page
const example = "SELECT name, COUNT(*) AS n\nFROM (VALUES ('a'), ('b'), ('a')) AS t (name)\nGROUP BY name;";

const cell = (v) => (v === null || v === undefined ? html`<span class="muted">null</span>` : typeof v === "object" ? JSON.stringify(v) : String(v));
const numeric = (type) => /^(TINYINT|SMALLINT|INT|BIGINT|FLOAT|DOUBLE|DECIMAL)/.test(type);

// take puts a line of the reply into the results, in place.
function take(all, line) {
  const last = all.at(-1);
  switch (line.kind) {
    case "columns": all.push({ columns: line.columns, rows: [], total: 0 }); break;
    case "row":
      last.rows.push(line.row);
      last.total++;
      if (last.rows.length > 2 * shown) last.rows.splice(0, last.rows.length - shown);
      break;
    case "message": all.push({ message: line.message }); break;
    case "job": all.push({ job: line.jobId, name: line.jobName }); break;
    case "error": all.push({ error: line.error }); break;
    default: break;
  }
}

function Rows({ of, live }) {
  const rows = of.rows.slice(-shown), changes = of.columns[0]?.name === "op";
  const tones = { "+I": "good", "+U": "good", "-U": "off", "-D": "bad" };
  return html`<p class="muted" aria-live="polite">${of.total} ${of.total === 1 ? "row" : "rows"}${of.total > rows.length ? `; the newest ${rows.length}` : ""}${live ? ", more may come" : ""}</p>
    <div class="scroll tall" tabindex="0" role="region" aria-label="Rows"><table><thead><tr>${of.columns.map((c) => html`<th scope="col" class=${numeric(c.type) ? "number" : ""}>${c.name}<small class="type">${c.type.toLowerCase()}</small></th>`)}</tr></thead>
    <tbody>${(live ? [...rows].reverse() : rows).map((r) => html`<tr class=${changes ? `change ${tones[r.op] ?? ""}` : ""}>${of.columns.map((c) => html`<td class=${numeric(c.type) ? "number" : ""}>${cell(r[c.name])}</td>`)}</tr>`)}</tbody></table></div>`;
}

function Result({ of, live }) {
  if (of.error) return html`<${Note} kind="bad"><pre class="wraps">${of.error}</pre></${Note}>`;
  if (of.job) return html`<${Note} kind="good">Job <a href=${`#/jobs/${of.job}`}>${of.name || of.job}</a> runs.</${Note}>`;
  if (of.columns) return html`<${Card}><${Rows} of=${of} live=${live} /></${Card}>`;
  return html`<${Note}><pre class="wraps">${of.message || "Done."}</pre></${Note}>`;
}

// session remembers tables and settings, as long as this tab lives.
const session = store.get("wadi.session") ?? `ui-${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
store.set("wadi.session", session);

export function SQL({ features }) {
  const [statement, setStatement] = useState(store.get("wadi.sql", example));
  const [results, setResults] = useState([]), [running, setRunning] = useState(false);
  const [past, setPast] = useState(store.get("wadi.past", []));
  const control = useRef(null);
  const forbidden = features?.["web-submit"] === false;
  useEffect(() => () => control.current?.abort(), []);
  const remember = () => {
    store.set("wadi.sql", statement);
    const all = [statement, ...past.filter((p) => p !== statement)].slice(0, 20);
    setPast(all);
    store.set("wadi.past", all);
  };
  const run = async (e) => {
    e?.preventDefault();
    if (running || !statement.trim()) return;
    remember();
    control.current = new AbortController();
    const all = [];
    let drawn = 0;
    const draw = () => { drawn = 0; setResults([...all]); };
    setRunning(true);
    setResults([]);
    try {
      for await (const line of sql({ statement, session }, control.current.signal)) {
        take(all, line);
        drawn ||= setTimeout(draw, 100); // rows may come faster than anybody reads
      }
    } catch (error) { all.push(error.name === "AbortError" ? { message: "Stopped." } : { error: error.message }); }
    clearTimeout(drawn);
    draw();
    setRunning(false);
    bump();
  };
  const submit = async () => {
    remember();
    try {
      const { results: jobs } = await post("/api/sql", { statement, detached: true });
      setResults(jobs.map((j) => ({ job: j.jobId, name: j.jobName })));
    } catch (error) { setResults([{ error: error.message }]); }
    bump();
  };
  const key = (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) run(e);
    if (e.key === "Escape") control.current?.abort();
  };
  return html`<h1 tabindex="-1">SQL</h1>
    ${forbidden && html`<${Note} kind="warn">Submitting is switched off here (web.submit.enable, wadi.rest.read-only).</${Note}>`}
    <${Card}><form class="editor" onSubmit=${run} onKeyDown=${key}>
      <label class="unseen" for="statement">Statements</label>
      <textarea id="statement" rows="9" spellcheck="false" autocapitalize="off" autocomplete="off" value=${statement} onInput=${(e) => setStatement(e.target.value)}></textarea>
      <div class="actions left">
        <button class="primary" type="submit" disabled=${running || forbidden}>Run</button>
        <button type="button" disabled=${!running} onClick=${() => control.current?.abort()}>Stop</button>
        <button type="button" disabled=${running || forbidden} onClick=${submit}>Submit as a job of its own</button>
        ${past.length > 0 && html`<label>Earlier <select value="" onChange=${(e) => { if (e.target.value) setStatement(past[e.target.value]); e.target.value = ""; }}>
          <option value="">choose…</option>${past.map((p, i) => html`<option value=${i}>${p.replace(/\s+/g, " ").slice(0, 60)}</option>`)}</select></label>`}
        <span class="muted hint">Ctrl Enter runs, Esc stops. Tables and settings are remembered until this tab is closed; a script of its own remembers nothing.</span>
      </div></form></${Card}>
    <div class="results" aria-label="Results" role="region">${results.map((r, i) => html`<${Result} key=${i} of=${r} live=${running && i === results.length - 1} />`)}
      ${running && results.length === 0 && html`<p class="empty" aria-live="polite">Running…</p>`}</div>`;
}
