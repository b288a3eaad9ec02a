// One vertex: its tasks, their state, and what its operators count.
import { html, usePoll } from "../lib.js";
import { bytes, count, dateTime, duration, ops, rate, watermark, whole } from "../format.js";
import { Badge, Card, Empty, Loaded, Share, Stat, Stats, Table } from "../parts.js";

const byTask = (list) => Object.fromEntries((list ?? []).map((m) => {
  const dot = m.id.indexOf(".");
  return [m.id.slice(0, dot), Number(m.value)];
}));

function share(io, took) {
  const total = (io["accumulated-busy-time"] ?? 0) + io["accumulated-idle-time"] + io["accumulated-backpressured-time"];
  if (!(took > 0) || !(total > 0)) return {};
  return { busy: io["accumulated-busy-time"] / total, blocked: io["accumulated-backpressured-time"] / total, idle: io["accumulated-idle-time"] / total };
}

function Tasks({ details, marks, sizes }) {
  return html`<${Table} name="Tasks" rows=${details.subtasks} id=${(t) => t.subtask} columns=${[
    { name: "Task", number: true, value: (t) => t.subtask, cell: (t) => t.subtask },
    { name: "State", value: (t) => t.status, cell: (t) => html`<${Badge} status=${t.status} />` },
    { name: "Rows in", number: true, value: (t) => t.metrics["read-records"], cell: (t) => whole(t.metrics["read-records"]) },
    { name: "Rows out", number: true, value: (t) => t.metrics["write-records"], cell: (t) => whole(t.metrics["write-records"]) },
    { name: "Time since its start", cell: (t) => html`<${Share} ...${share(t.metrics, t.duration)} />` },
    { name: "Watermark", value: (t) => marks[t.subtask], cell: (t) => watermark(marks[t.subtask]) },
    { name: "State size", number: true, value: (t) => sizes[t.subtask]?.state_size, cell: (t) => bytes(sizes[t.subtask]?.state_size) },
    { name: "Attempt", number: true, value: (t) => t.attempt, cell: (t) => t.attempt + 1 },
    { name: "Worker", value: (t) => t.endpoint, cell: (t) => html`<a href=${`#/workers/${t["taskmanager-id"]}`}>${t.endpoint}</a>` },
    { name: "Started", value: (t) => t["start-time"], cell: (t) => dateTime(t["start-time"]) },
    { name: "For", number: true, value: (t) => t.duration, cell: (t) => duration(t.duration) },
  ]} />`;
}

function Counters({ of }) {
  const names = [...new Set(of.subtasks.flatMap((s) => s["user-accumulators"].map((a) => a.name)))];
  if (names.length === 0) return html`<${Empty}>Its operators count nothing beside rows.</${Empty}>`;
  const value = (s, n) => Number(s["user-accumulators"].find((a) => a.name === n)?.value ?? 0);
  return html`<${Table} name="Counters" rows=${names} id=${(n) => n} columns=${[
    { name: "Counter", value: (n) => n, cell: (n) => html`<code>${n}</code>` },
    { name: "Sum", number: true, value: (n) => of.subtasks.reduce((sum, s) => sum + value(s, n), 0), cell: (n) => whole(of.subtasks.reduce((sum, s) => sum + value(s, n), 0)) },
    ...of.subtasks.slice(0, 32).map((s) => ({ name: `Task ${s.subtask}`, number: true, value: (n) => value(s, n), cell: (n) => whole(value(s, n)) })),
  ]} />`;
}

// Operators are those of a chain, in their order: metrics of each stand behind its
// name.
function Operators({ base, names }) {
  const ids = usePoll(base, { once: true });
  const scoped = (ids.data ?? []).map((m) => m.id).filter((id) => /\.numRecords(In|Out)$/.test(id));
  const values = usePoll(scoped.length > 0 ? `${base}?get=${scoped.map(encodeURIComponent).join(",")}` : null);
  const scopes = [...new Set(scoped.map((id) => id.slice(0, id.lastIndexOf("."))))];
  const sum = (scope, what) => values.data?.find((m) => m.id === `${scope}.${what}`)?.sum;
  const rows = scopes.length === names.length ? names.map((name, i) => ({ name, scope: scopes[i], i })) : scopes.map((scope, i) => ({ name: scope, scope, i }));
  return html`<${Table} name="Operators of the chain" rows=${rows} id=${(r) => r.i} empty="It has not begun yet." columns=${[
    { name: "Operator", wide: true, cell: (r) => r.name },
    { name: "Rows in", number: true, cell: (r) => whole(sum(r.scope, "numRecordsIn")) },
    { name: "Rows out", number: true, cell: (r) => whole(sum(r.scope, "numRecordsOut")) },
  ]} />`;
}

export function Vertex({ job, seen, rest }) {
  const path = `/jobs/${job.jid}/vertices/${rest[0]}`;
  const details = usePoll(path), marks = usePoll(`${path}/watermarks`), counters = usePoll(`${path}/subtasks/accumulators`);
  const checkpoints = usePoll(`/jobs/${job.jid}/checkpoints`);
  const last = checkpoints.data?.latest.completed;
  const sizes = usePoll(last ? `/jobs/${job.jid}/checkpoints/details/${last.id}/subtasks/${rest[0]}` : null, { once: true });
  const sample = seen.last?.v[rest[0]];
  return html`<${Loaded} of=${details}>${(d) => {
    const state = last?.tasks?.[rest[0]];
    return html`<h2 class="chain">${ops(d.name)}</h2>
    <${Stats}>
      <${Stat} name="Tasks">${d.parallelism}</${Stat}>
      <${Stat} name="At most">${d.maxParallelism}</${Stat}>
      <${Stat} name="In per second">${rate(sample?.inRate)}</${Stat}>
      <${Stat} name="Out per second">${rate(sample?.outRate)}</${Stat}>
      <${Stat} name="Rows in">${count(sample?.in)}</${Stat}><${Stat} name="Rows out">${count(sample?.out)}</${Stat}>
      <${Stat} name="State" note=${last ? `checkpoint ${last.id}` : ""}>${bytes(state?.state_size)}</${Stat}>
      <${Stat} name="Now"><${Share} ...${sample ?? {}} /></${Stat}>
    </${Stats}>
    <${Card} name="Tasks"><${Tasks} details=${d} marks=${byTask(marks.data)} sizes=${Object.fromEntries((sizes.data?.subtasks ?? []).map((s) => [s.index, s]))} /></${Card}>
    <${Card} name="Operators of the chain"><${Operators} base=${`${path}/subtasks/metrics`} names=${d.name.split(" -> ")} /></${Card}>
    <${Card} name="Counters"><${Loaded} of=${counters}>${(c) => html`<${Counters} of=${c} />`}</${Loaded}></${Card}>
    <p><a href=${`#/profile?job=${job.jid}&vertex=${rest[0]}`}>Profile this vertex</a> · <a href=${`#/jobs/${job.jid}/metrics`}>Charts</a></p>`;
  }}</${Loaded}>`;
}
