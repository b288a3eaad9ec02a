// The pieces that pages are made of.
import { html, useEffect, useMemo, useRef, useState } from "./lib.js";
import { title } from "./format.js";

const tones = {
  RUNNING: "good", FINISHED: "done", COMPLETED: "good", CREATED: "calm", SCHEDULED: "calm", DEPLOYING: "calm", INITIALIZING: "calm",
  RECONCILING: "calm", IN_PROGRESS: "calm", RESTARTING: "warn", CANCELING: "warn", CANCELLING: "warn", FAILING: "bad", FAILED: "bad",
  CANCELED: "off", SUSPENDED: "off",
};
export const tone = (status) => tones[status] ?? "calm";

export const Badge = ({ status, children }) =>
  html`<span class="badge ${tone(status)}"><i aria-hidden="true"></i>${children ?? title(status ?? "unknown")}</span>`;

export const Stat = ({ name, children, note }) => html`<div class="stat"><dt>${name}</dt><dd>${children}${note && html` <small>${note}</small>`}</dd></div>`;
export const Stats = ({ children }) => html`<dl class="stats">${children}</dl>`;

export const Card = ({ name, tools, children, kind = "" }) => html`<section class="card ${kind}">
  ${(name || tools) && html`<header>${name && html`<h2>${name}</h2>`}${tools && html`<div class="tools">${tools}</div>`}</header>`}${children}</section>`;

export const Note = ({ kind = "calm", children }) => html`<p class="note ${kind}" role=${kind === "bad" ? "alert" : null}>${children}</p>`;
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

// Loaded shows what a poll has brought, or why it has not.
export function Loaded({ of, children }) {
  const { data, error } = of;
  if (data === undefined) return error ? html`<${Note} kind="bad">${error.message}</${Note}>` : html`<${Empty}>Loading…</${Empty}>`;
  return html`${error && html`<${Note} kind="warn">The last look failed, so this may be old: ${error.message}</${Note}>`}${children(data)}`;
}

// Table sorts by a column when its head is pressed. A column has a name, a cell,
// and, to be sorted by, a value; those of numbers stand to the right.
export function Table({ name, columns, rows, id, empty = "There is nothing here.", sort: given }) {
  const [sort, set] = useState(given ?? null); // [column, direction]
  const sorted = useMemo(() => {
    if (!sort) return rows;
    const value = columns[sort[0]].value;
    return [...rows].sort((a, b) => {
      const x = value(a), y = value(b);
      return (x == null ? (y == null ? 0 : -1) : y == null ? 1 : x < y ? -1 : x > y ? 1 : 0) * sort[1];
    });
  }, [rows, sort]);
  if (rows.length === 0) return html`<${Empty}>${empty}</${Empty}>`;
  const press = (i) => set(sort?.[0] === i ? [i, -sort[1]] : [i, columns[i].number ? -1 : 1]);
  const order = (i) => (sort?.[0] === i ? (sort[1] > 0 ? "ascending" : "descending") : null);
  return html`<div class="scroll" role="region" aria-label=${name} tabindex="0"><table><thead><tr>${columns.map((c, i) => html`
    <th scope="col" class=${c.number ? "number" : ""} aria-sort=${order(i)}>${c.value
      ? html`<button type="button" class="sort" onClick=${() => press(i)}>${c.name}<span aria-hidden="true">${order(i) ? (sort[1] > 0 ? "▲" : "▼") : ""}</span></button>`
      : c.name || html`<span class="unseen">${c.label ?? "More"}</span>`}</th>`)}</tr></thead>
    <tbody>${sorted.map((r) => html`<tr key=${id(r)}>${columns.map((c) => html`<td class=${`${c.number ? "number" : ""} ${c.wide ? "wide" : ""}`}>${c.cell(r)}</td>`)}</tr>`)}</tbody></table></div>`;
}

// Facts are names and values.
export const Facts = ({ name, all }) => html`<${Table} name=${name} rows=${all} id=${(r) => r[0]} columns=${[
  { name: "Key", value: (r) => r[0], cell: (r) => html`<code>${r[0]}</code>` },
  { name: "Value", value: (r) => String(r[1]), wide: true, cell: (r) => html`<code>${String(r[1])}</code>` },
]} />`;

export const Tabs = ({ name, all, at }) => html`<nav class="tabs" aria-label=${name}>${all.map(([label, href, key, mark]) => html`
  <a href=${href} aria-current=${key === at ? "page" : null}>${label}${mark}</a>`)}</nav>`;

// Share shows how time is split between being busy, waiting for room, and waiting
// for rows.
export function Share({ busy, blocked, idle }) {
  if (busy == null) return html`<span class="muted">–</span>`;
  const text = `busy ${Math.round(busy * 100)}%, back-pressured ${Math.round(blocked * 100)}%, idle ${Math.round(idle * 100)}%`;
  return html`<span class="share" role="img" aria-label=${text} title=${text}>${[["busy", busy], ["blocked", blocked], ["idle", idle]].map(([c, part]) =>
    html`<i class=${c} style=${{ width: `${Math.max(0, Math.min(1, part)) * 100}%` }}></i>`)}</span>`;
}

// Ask is a dialog that wants a yes before something is done.
export function Ask({ title: name, yes, danger, close, act, children }) {
  const ref = useRef(null), form = useRef(null);
  const [state, set] = useState({});
  useEffect(() => { ref.current.showModal(); }, []);
  const submit = async (e) => {
    e.preventDefault();
    set({ busy: true });
    try {
      const said = await act(Object.fromEntries(new FormData(form.current)));
      if (said) set({ done: said });
      else close();
    } catch (error) { set({ error }); }
  };
  return html`<dialog ref=${ref} aria-labelledby="ask-name" onClose=${close}><form ref=${form} onSubmit=${submit}>
    <h2 id="ask-name">${name}</h2>
    ${state.done ? html`<${Note} kind="good">${state.done}</${Note}>` : children}
    ${state.error && html`<${Note} kind="bad">${state.error.message}</${Note}>`}
    <div class="actions">${state.done
      ? html`<button type="button" onClick=${close}>Close</button>`
      : html`<button type="button" onClick=${close}>${state.busy ? "Leave it to run" : "No, go back"}</button>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${state.busy}>${state.busy ? "Working…" : yes}</button>`}</div>
  </form></dialog>`;
}

// Log is a text; one that grows follows its end unless somebody has scrolled up.
export function Log({ name, text, wraps = true, grows = true }) {
  const ref = useRef(null), follow = useRef(grows);
  const [filter, setFilter] = useState("");
  const lines = useMemo(() => {
    const all = text.trimEnd().split("\n");
    const wanted = filter.toLowerCase();
    return (wanted ? all.filter((l) => l.toLowerCase().includes(wanted)) : all).slice(grows ? -3000 : 0);
  }, [text, filter]);
  useEffect(() => { if (follow.current && ref.current) ref.current.scrollTop = ref.current.scrollHeight; }, [lines]);
  const level = (l) => (/level=ERROR/.test(l) ? "bad" : /level=WARN/.test(l) ? "warn" : "");
  return html`<div class="logbar"><label>Only lines with <input type="search" value=${filter} onInput=${(e) => setFilter(e.target.value)} /></label>
      <span class="muted">${lines.length} lines</span></div>
    <pre ref=${ref} class="log ${wraps ? "wraps" : ""}" tabindex="0" role="region" aria-label=${name}
      onScroll=${(e) => { const t = e.target; follow.current = grows && t.scrollHeight - t.scrollTop - t.clientHeight < 40; }}>${lines.map((l) =>
        html`<span class=${level(l)}>${l}${"\n"}</span>`)}</pre>`;
}
