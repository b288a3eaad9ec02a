// What processes log: the newest lines that they keep, their files, and from which
// level on they log.
import { html, useState, usePoll, bump } from "../lib.js";
import { put } from "../api.js";
import { bytes, dateTime } from "../format.js";
import { Card, Loaded, Log, Note, Table } from "../parts.js";

const levels = ["DEBUG", "INFO", "WARN", "ERROR"];

// Level changes from which level on a process logs, or with none given all do.
function Level({ process }) {
  const all = usePoll("/api/log/level"), [error, set] = useState(null);
  const of = all.data?.levels?.[process] ?? all.data?.levels?.coordinator;
  if (!of) return null;
  const change = async (e) => {
    set(null);
    try { await put("/api/log/level", { level: e.target.value, process: process ?? "" }); } catch (failure) { set(failure); }
    bump();
  };
  return html`<label>Logged from <select value=${of[""]} onChange=${change}>${[...new Set([...levels, of[""]])].map((l) => html`<option value=${l}>${l}</option>`)}</select></label>
    ${error && html`<${Note} kind="bad">${error.message}</${Note}>`}`;
}

// Lines are the newest lines of all processes or of one, about all jobs or one.
export function Lines({ job, process, name }) {
  const [least, set] = useState("DEBUG");
  const query = new URLSearchParams({ limit: 1000, level: least, ...(job && { job }), ...(process && { process }) });
  const page = usePoll(`/api/logs?${query}`);
  const text = (l) => (process ? l.text : `${l.process}  ${l.text}`);
  return html`<${Card} name=${name} tools=${html`<label>Shown from <select value=${least} onChange=${(e) => set(e.target.value)}>${levels.map((l) => html`<option value=${l}>${l}</option>`)}</select></label> <${Level} process=${process} />`}>
    <${Loaded} of=${page}>${({ lines, silent }) => html`${silent.length > 0 && html`<${Note} kind="warn">No answer of ${silent.join(", ")}.</${Note}>`}
      <${Log} name=${name} text=${lines.map(text).join("\n") || "There are no lines."} />`}</${Loaded}></${Card}>`;
}

// Files are the log files of a process.
export function Files({ base }) {
  const all = usePoll(`${base}/logs`);
  return html`<${Card} name="Files"><${Loaded} of=${all}>${({ logs }) => html`<${Table} name="Log files" rows=${logs} id=${(f) => f.name} empty="It keeps no files." columns=${[
    { name: "File", value: (f) => f.name, cell: (f) => html`<a href=${`.${base}/logs/${encodeURIComponent(f.name)}`} target="_blank" rel="noopener">${f.name}</a>` },
    { name: "Size", number: true, value: (f) => f.size, cell: (f) => bytes(f.size) },
    { name: "Changed", value: (f) => f.mtime, cell: (f) => dateTime(f.mtime) }]} />`}</${Loaded}></${Card}>`;
}

// JobLog are the lines about a job, of the coordinator and of all workers.
export const JobLog = ({ job }) => html`<${Lines} job=${job.jid} name="What is said about the job" />`;
