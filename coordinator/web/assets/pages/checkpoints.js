import { html, usePoll } from "../lib.js";
import { bytes, dateTime, duration, ops, time } from "../format.js";
import { Badge, Card, Facts, Loaded, Note, Stat, Stats, Table } from "../parts.js";
import { Chart } from "../chart.js";

const kindOf = (c) => (c.is_savepoint ? (c.checkpoint_type === "SYNC_SAVEPOINT" ? "stop" : "savepoint") : c.checkpoint_type === "UNALIGNED_CHECKPOINT" ? "unaligned checkpoint" : "checkpoint");

const stats = [["Took", "end_to_end_duration", duration], ["Written", "checkpointed_size", bytes], ["State", "state_size", bytes]];

function Summary({ of }) {
  return html`<${Table} name="Statistics" rows=${stats} id=${(r) => r[0]} columns=${[
    { name: "Of those that completed", cell: (r) => r[0] },
    ...[["least", "min"], ["average", "avg"], ["p50", "p50"], ["p95", "p95"], ["p99", "p99"], ["most", "max"]].map(([name, key]) => ({
      name, number: true, cell: ([, field, unit]) => unit(of[field]?.[key]),
    })),
  ]} />`;
}

function History({ job, all }) {
  return html`<${Table} name="Checkpoints" rows=${all} id=${(c) => c.id} empty="No checkpoint was taken yet." columns=${[
    { name: "Id", number: true, value: (c) => c.id, cell: (c) => html`<a href=${`#/jobs/${job}/checkpoints/${c.id}`}>${c.id}</a>` },
    { name: "Kind", value: kindOf, cell: kindOf },
    { name: "State", value: (c) => c.status, cell: (c) => html`<${Badge} status=${c.status} />` },
    { name: "Tasks", number: true, value: (c) => c.num_acknowledged_subtasks, cell: (c) => `${c.num_acknowledged_subtasks} of ${c.num_subtasks}` },
    { name: "Begun", value: (c) => c.trigger_timestamp, cell: (c) => dateTime(c.trigger_timestamp) },
    { name: "Last acknowledged", value: (c) => c.latest_ack_timestamp, cell: (c) => time(c.latest_ack_timestamp) },
    { name: "Took", number: true, value: (c) => c.end_to_end_duration, cell: (c) => duration(c.end_to_end_duration) },
    { name: "Written", number: true, value: (c) => c.checkpointed_size, cell: (c) => bytes(c.checkpointed_size) },
    { name: "Whole state", number: true, value: (c) => c.state_size, cell: (c) => bytes(c.state_size) },
    { name: "Where, or why not", wide: true, cell: (c) => html`<code>${c.failure_message ?? c.external_path ?? ""}</code>` },
  ]} />`;
}

function VertexTasks({ job, id, vertex }) {
  const tasks = usePoll(`/jobs/${job}/checkpoints/details/${id}/subtasks/${vertex.id}`);
  return html`<${Loaded} of=${tasks}>${(d) => html`<${Table} name=${`Tasks of ${vertex.name}`} rows=${d.subtasks} id=${(t) => t.index} columns=${[
    { name: "Task", number: true, value: (t) => t.index, cell: (t) => t.index },
    { name: "State", value: (t) => t.status, cell: (t) => html`<${Badge} status=${t.status === "completed" ? "COMPLETED" : "IN_PROGRESS"}>${t.status === "completed" ? "Acknowledged" : "Not yet"}</${Badge}>` },
    { name: "At", value: (t) => t.ack_timestamp, cell: (t) => time(t.ack_timestamp) },
    { name: "Took", number: true, value: (t) => t.end_to_end_duration, cell: (t) => duration(t.end_to_end_duration) },
    { name: "First barrier after", number: true, value: (t) => t.start_delay, cell: (t) => duration(t.start_delay) },
    { name: "Waited for others", number: true, value: (t) => t.alignment?.duration, cell: (t) => (t.unaligned_checkpoint ? "overtook" : duration(t.alignment?.duration)) },
    { name: "Stood still", number: true, value: (t) => t.checkpoint?.sync, cell: (t) => duration(t.checkpoint?.sync) },
    { name: "Stored in", number: true, value: (t) => t.checkpoint?.async, cell: (t) => duration(t.checkpoint?.async) },
    { name: "On its way", number: true, value: (t) => t.alignment?.persisted, cell: (t) => bytes(t.alignment?.persisted) },
    { name: "Written", number: true, value: (t) => t.checkpointed_size, cell: (t) => bytes(t.checkpointed_size) },
    { name: "Whole state", number: true, value: (t) => t.state_size, cell: (t) => bytes(t.state_size) },
  ]} />`}</${Loaded}>`;
}

function Details({ job, id }) {
  const one = usePoll(`/jobs/${job.jid}/checkpoints/details/${id}`);
  return html`<p><a href=${`#/jobs/${job.jid}/checkpoints`}>All checkpoints</a></p><${Loaded} of=${one}>${(c) => html`
    <${Stats}>
      <${Stat} name=${`Checkpoint ${c.id}`}><${Badge} status=${c.status} /></${Stat}>
      <${Stat} name="Kind">${kindOf(c)}</${Stat}><${Stat} name="Begun">${dateTime(c.trigger_timestamp)}</${Stat}>
      <${Stat} name="Took">${duration(c.end_to_end_duration)}</${Stat}><${Stat} name="Written">${bytes(c.checkpointed_size)}</${Stat}>
      <${Stat} name="Whole state">${bytes(c.state_size)}</${Stat}><${Stat} name="Acknowledged">${c.num_acknowledged_subtasks} of ${c.num_subtasks}</${Stat}>
    </${Stats}>
    ${c.failure_message && html`<${Note} kind="bad">${c.failure_message}</${Note}>`}
    ${c.external_path && html`<p><code>${c.external_path}</code></p>`}
    ${job.vertices.filter((v) => c.tasks[v.id]).map((v) => {
      const sums = c.tasks[v.id];
      return html`<${Card} key=${v.id} kind="fold"><details open=${job.vertices.length < 6}><summary><b title=${v.name}>${ops(v.name)}</b>
        <span class="muted">${sums.num_acknowledged_subtasks} of ${sums.num_subtasks} tasks · ${duration(sums.end_to_end_duration)} · ${bytes(sums.state_size)}</span></summary>
        <${VertexTasks} job=${job.jid} id=${id} vertex=${v} /></details></${Card}>`;
    })}`}</${Loaded}>`;
}

function All({ job }) {
  const all = usePoll(`/jobs/${job.jid}/checkpoints`), config = usePoll(`/jobs/${job.jid}/checkpoints/config`, { once: true });
  return html`<${Loaded} of=${all}>${(c) => {
    const done = c.history.filter((h) => h.status === "COMPLETED").reverse(), at = done.map((h) => h.trigger_timestamp);
    const restored = c.latest.restored;
    return html`<${Stats}>
        <${Stat} name="Begun">${c.counts.total}</${Stat}><${Stat} name="Completed">${c.counts.completed}</${Stat}><${Stat} name="Failed">${c.counts.failed}</${Stat}>
        <${Stat} name="In progress">${c.counts.in_progress}</${Stat}><${Stat} name="Restored">${c.counts.restored}</${Stat}>
        ${restored && html`<${Stat} name="Went on from" note=${dateTime(restored.restore_timestamp)}>${restored.is_savepoint ? "savepoint" : "checkpoint"} ${restored.id}</${Stat}>`}
      </${Stats}>
      ${done.length > 1 && html`<div class="charts">
        <${Chart} name="Time that a checkpoint took" times=${at} unit=${duration} points=${true} series=${[{ name: "took", values: done.map((h) => h.end_to_end_duration) }]} />
        <${Chart} name="Sizes" times=${at} unit=${bytes} points=${true} series=${[{ name: "whole state", values: done.map((h) => h.state_size) }, { name: "written", values: done.map((h) => h.checkpointed_size) }]} />
      </div>`}
      <${Card} name="The newest"><${History} job=${job.jid} all=${c.history} /></${Card}>
      <${Card} name="Statistics"><${Summary} of=${c.summary} /></${Card}>`;
  }}</${Loaded}>
  ${config.data && html`<${Card} name="How they are taken"><${Facts} name="How checkpoints are taken" all=${[
    ["Every", config.data.interval > 1e15 ? "only the last, at the end" : duration(config.data.interval)], ["Given up after", duration(config.data.timeout)],
    ["Pause between two", duration(config.data.min_pause)], ["Failures in a row that are borne", config.data.tolerable_failed_checkpoints],
    ["Kept at", config.data.checkpoint_storage || "nowhere: the job begins anew when it is started again"], ["State", config.data.state_backend],
  ]} /></${Card}>`}`;
}

export const Checkpoints = ({ job, rest }) => (rest.length > 0 ? html`<${Details} job=${job} id=${rest[0]} />` : html`<${All} job=${job} />`);
