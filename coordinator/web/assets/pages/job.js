// One job: its head, what may be done with it, and the tabs.
import { html, useState, usePoll, useNow } from "../lib.js";
import { operate, patch, put } from "../api.js";
import { dateTime, duration, ops } from "../format.js";
import { Ask, Badge, Note, Stat, Stats, Tabs } from "../parts.js";
import { useSamples } from "../samples.js";
import { Checkpoints } from "./checkpoints.js";
import { Cost } from "./cost.js";
import { Configuration, Exceptions } from "./jobtext.js";
import { Gear } from "./gear.js";
import { JobGraph } from "./jobgraph.js";
import { JobLog } from "./logs.js";
import { Metrics } from "./metrics.js";
import { Stuck } from "./stuck.js";
import { Timeline } from "./timeline.js";
import { Vertex } from "./vertex.js";

const ended = ["FINISHED", "FAILED", "CANCELED", "SUSPENDED"];

const savepoints = (id) => (t) => `/jobs/${id}/savepoints/${t}`;
const directory = html`<label class="field">Directory <small class="muted">empty: the one that is configured</small><input name="directory" placeholder="s3://bucket/savepoints" autocomplete="off" /></label>`;

const deeds = {
  checkpoint: {
    name: "Checkpoint", title: "Take a checkpoint now?", yes: "Take it",
    text: html`<p>The job goes on meanwhile.</p>`,
    act: async (id) => `Checkpoint ${(await operate(`/jobs/${id}/checkpoints`, {}, (t) => `/jobs/${id}/checkpoints/${t}`)).checkpointId} is complete.`,
  },
  savepoint: {
    name: "Savepoint", title: "Make a savepoint?", yes: "Make it",
    text: html`<p>The job goes on meanwhile. The savepoint stays until somebody disposes of it.</p>${directory}`,
    act: async (id, q) => `The savepoint is ${(await operate(`/jobs/${id}/savepoints`, { "target-directory": q.directory || undefined }, savepoints(id))).location}`,
  },
  rescale: {
    name: "Rescale…", title: "Change how many tasks there are?", yes: "Change it", may: "web-rescale",
    text: (job) => html`<p>Its tasks are started again from a checkpoint, as many as is said here. Nothing is lost or counted twice.</p>
      ${job.vertices.map((v) => html`<label class="field line">${ops(v.name)}<input type="number" name=${v.id} min="1" max=${job.maxParallelism} defaultValue=${v.parallelism} required /></label>`)}`,
    act: async (id, q) => {
      await put(`/jobs/${id}/resource-requirements`, Object.fromEntries(Object.entries(q).map(([v, n]) => [v, { parallelism: { lowerBound: 1, upperBound: Number(n) } }])));
      return "It is being rescaled.";
    },
  },
  stop: {
    name: "Stop…", title: "Stop the job with a savepoint?", yes: "Stop it", ends: true,
    text: html`<p>It reads no more, makes a savepoint, and ends. It can go on from there later.</p>${directory}
      <label class="check"><input type="checkbox" name="drain" /> as if its input had ended: windows that are open are emitted too</label>`,
    act: async (id, q) => `The savepoint is ${(await operate(`/jobs/${id}/stop`, { targetDirectory: q.directory || undefined, drain: q.drain === "on" }, savepoints(id))).location || "stored with the job's checkpoints"}`,
  },
  cancel: {
    name: "Cancel…", title: "Cancel the job?", yes: "Cancel it", ends: true, danger: true,
    text: html`<p>It ends at once, without a savepoint. What it has done since its last checkpoint is lost.</p>`,
    act: async (id) => { await patch(`/jobs/${id}?mode=cancel`); },
  },
};

function Deeds({ job, features }) {
  const [asked, ask] = useState(null);
  if (ended.includes(job.state) && !asked) return null;
  const allowed = (d) => (d.may ? features?.[d.may] : d.ends ? features?.["web-cancel"] !== false : features?.["web-submit"] !== false || features?.["web-cancel"] !== false);
  const deed = deeds[asked];
  return html`<div class="deeds">${Object.entries(deeds).filter(([, d]) => allowed(d)).map(([key, d]) =>
    html`<button type="button" class=${d.danger ? "danger" : ""} onClick=${() => ask(key)}>${d.name}</button>`)}
    ${deed && html`<${Ask} title=${deed.title} yes=${deed.yes} danger=${deed.danger} close=${() => ask(null)} act=${(q) => deed.act(job.jid, q)}><p><b>${job.name}</b></p>${typeof deed.text === "function" ? deed.text(job) : deed.text}</${Ask}>`}</div>`;
}

const tabs = {
  graph: ["Graph", JobGraph], stuck: ["Why is it stuck?", Stuck], checkpoints: ["Checkpoints", Checkpoints], exceptions: ["Exceptions", Exceptions],
  timeline: ["Timeline", Timeline], gear: ["Gear", Gear], cost: ["Cost", Cost], metrics: ["Metrics", Metrics], log: ["Log", JobLog], configuration: ["Configuration", Configuration],
};

export function JobPage({ id, at, rest, query, features }) {
  const seen = useSamples(id), now = useNow();
  const job = seen.last?.job;
  const over = job && ended.includes(job.state);
  const stuck = usePoll(job ? `/api/jobs/${id}/stuck` : null, { once: over });
  const gear = usePoll(job ? `/api/jobs/${id}/gear` : null, { once: over });
  if (!job) return html`<h1 tabindex="-1">Job</h1>${seen.error ? html`<${Note} kind="bad">${seen.error.message}</${Note}>` : html`<p class="empty">Loading…</p>`}`;
  const findings = stuck.data?.findings ?? [];
  const [, Body] = at === "vertices" ? ["", Vertex] : tabs[at] ?? tabs.graph;
  const marks = { stuck: findings.length > 0 && html` <span class="mark" aria-label=${`${findings.length} findings`}>${findings.length}</span>` };
  return html`<nav class="crumbs" aria-label="Above"><a href="#/">Jobs</a></nav>
    <div class="headline"><h1 tabindex="-1">${job.name}</h1><${Badge} status=${job.state} /><${Deeds} job=${job} features=${features} /></div>
    <${Stats}>
      <${Stat} name="Kind">${job["job-type"] === "BATCH" ? "bounded" : "streaming"}</${Stat}>
      <${Stat} name="Started">${dateTime(job["start-time"])}</${Stat}>
      <${Stat} name=${over ? "Took" : "For"}>${duration(over ? job.duration : Math.max(0, now - job["start-time"]))}</${Stat}>
      <${Stat} name="Tasks">${job.vertices.reduce((n, v) => n + v.parallelism, 0)}</${Stat}>
      <${Stat} name="Gear">${gear.data?.gear ?? "–"}</${Stat}>
      <${Stat} name="Id"><code>${job.jid}</code></${Stat}>
    </${Stats}>
    ${seen.error && html`<${Note} kind="warn">The last look failed, so this may be old: ${seen.error.message}</${Note}>`}
    <${Tabs} name="About the job" at=${at === "vertices" ? "graph" : at} all=${Object.entries(tabs).map(([key, [name]]) => [name, `#/jobs/${id}/${key}`, key, marks[key]])} />
    <${Body} job=${job} seen=${seen} stuck=${stuck} gear=${gear} features=${features} rest=${rest} query=${query} />`;
}
