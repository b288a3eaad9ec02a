// What runs, what has run, and on what.
import { html, usePoll, useNow } from "../lib.js";
import { dateTime, duration } from "../format.js";
import { Badge, Card, Loaded, Stat, Stats, Table } from "../parts.js";

const ended = (j) => ["FINISHED", "FAILED", "CANCELED", "SUSPENDED"].includes(j.state);

const columns = (now) => [
  { name: "Job", value: (j) => j.name, wide: true, cell: (j) => html`<a href=${`#/jobs/${j.jid}`}>${j.name}</a>` },
  { name: "State", value: (j) => j.state, cell: (j) => html`<${Badge} status=${j.state} />` },
  { name: "Tasks", value: (j) => j.tasks.total, number: true, cell: (j) => html`<${Tasks} of=${j.tasks} />` },
  { name: "Started", value: (j) => j["start-time"], cell: (j) => dateTime(j["start-time"]) },
  { name: now ? "For" : "Took", value: (j) => j.duration, number: true, cell: (j) => duration(now ? Math.max(0, now - j["start-time"]) : j.duration) },
  { name: "Id", value: (j) => j.jid, cell: (j) => html`<code class="muted">${j.jid}</code>` },
];

function Tasks({ of }) {
  const parts = Object.entries(of).filter(([k, n]) => k !== "total" && n > 0).map(([k, n]) => `${n} ${k}`);
  return html`<span title=${parts.join(", ")}>${of.running > 0 && of.running < of.total ? `${of.running} of ${of.total}` : of.total}</span>`;
}

export function Overview() {
  const cluster = usePoll("/overview"), jobs = usePoll("/jobs/overview"), now = useNow();
  return html`<h1 tabindex="-1">Overview</h1>
    <${Loaded} of=${cluster}>${(c) => html`<${Stats}>
      <${Stat} name="Running">${c["jobs-running"]}</${Stat}>
      <${Stat} name="Finished">${c["jobs-finished"]}</${Stat}>
      <${Stat} name="Canceled">${c["jobs-cancelled"]}</${Stat}>
      <${Stat} name="Failed">${c["jobs-failed"]}</${Stat}>
      <${Stat} name="Workers"><a href="#/workers">${c.taskmanagers}</a></${Stat}>
      <${Stat} name="Slots" note="free">${c["slots-available"]} of ${c["slots-total"]}</${Stat}>
    </${Stats}>`}</${Loaded}>
    <${Loaded} of=${jobs}>${({ jobs: all }) => html`
      <${Card} name="Running jobs"><${Table} name="Running jobs" columns=${columns(now)} rows=${all.filter((j) => !ended(j))} id=${(j) => j.jid}
        empty=${html`No job runs. <a href="#/sql">Write one in SQL</a>, or submit a script: <code>wadi run -d -m ${location.host} job.sql</code>`} /></${Card}>
      <${Card} name="Jobs that have ended"><${Table} name="Jobs that have ended" columns=${columns(0)} rows=${all.filter(ended)} id=${(j) => j.jid} empty="No job has ended yet." /></${Card}>`}</${Loaded}>`;
}
