// When the job and its tasks were in which state.
import { html, useState, usePoll, useNow } from "../lib.js";
import { dateTime, duration, ops, time, title } from "../format.js";
import { Card, Loaded, tone } from "../parts.js";

// spans turns times of entering states into stretches.
function spans(stamps, until) {
  const all = Object.entries(stamps).filter(([, at]) => at > 0).sort((a, b) => a[1] - b[1]);
  return all.map(([state, from], i) => ({ state, from, to: all[i + 1]?.[1] ?? until })).filter((s) => s.to > s.from || s === all.at(-1));
}

function Row({ name, note, all, from, to, children }) {
  const at = (t) => `${((t - from) / Math.max(1, to - from)) * 100}%`;
  return html`<div class="row"><div class="label">${name}${note && html` <small class="muted">${note}</small>`}${children}</div>
    <div class="bar" role="img" aria-label=${all.map((s) => `${title(s.state)} from ${time(s.from)} for ${duration(s.to - s.from)}`).join("; ") || "nothing yet"}>${all.map((s) => html`<i class=${s.tone ?? tone(s.state)}
      title=${`${title(s.state)}\n${dateTime(s.from)}, ${duration(s.to - s.from)}`} style=${{ left: at(s.from), width: `max(3px, calc(${at(s.to)} - ${at(s.from)}))` }}></i>`)}</div></div>`;
}

function Tasks({ path, from, to }) {
  const times = usePoll(path);
  return html`<${Loaded} of=${times}>${(d) => d.subtasks.map((t) => html`<${Row} key=${t.subtask} name=${`Task ${t.subtask}`} note=${t.endpoint} from=${from} to=${to} all=${spans(t.timestamps, to)} />`)}</${Loaded}>`;
}

export function Timeline({ job }) {
  const [open, setOpen] = useState(new Set());
  const checkpoints = usePoll(`/jobs/${job.jid}/checkpoints`);
  const now = useNow(3000), from = job["start-time"], to = job["end-time"] > 0 ? job["end-time"] : Math.max(now, from + 1000);
  const toggle = (id) => { const next = new Set(open); if (!next.delete(id)) next.add(id); setOpen(next); };
  const marks = (checkpoints.data?.history ?? []).map((c) => ({ state: `checkpoint ${c.id}, ${c.status}`, tone: tone(c.status), from: c.trigger_timestamp, to: c.trigger_timestamp + c.end_to_end_duration }));
  return html`<${Card} name="Timeline"><div class="timeline"><div class="row scale"><div class="label"></div><div class="bar"><span>${dateTime(from)}</span><span>${time((from + to) / 2)}</span><span>${dateTime(to)}</span></div></div>
    <${Row} name="Job" from=${from} to=${to} all=${spans(job.timestamps, to)} />
    ${marks.length > 0 && html`<${Row} name="Checkpoints" note="the newest" from=${from} to=${to} all=${marks} />`}
    ${job.vertices.map((v) => html`<${Row} key=${v.id} from=${from} to=${to} all=${v["start-time"] > 0 ? [{ state: v.status, from: v["start-time"], to: v["end-time"] > 0 ? v["end-time"] : to }] : []}
        name=${html`<button type="button" class="plain" title=${v.name} aria-expanded=${open.has(v.id)} onClick=${() => toggle(v.id)}><span aria-hidden="true">${open.has(v.id) ? "▾" : "▸"}</span> ${ops(v.name)}</button>`} />
      ${open.has(v.id) && html`<${Tasks} path=${`/jobs/${job.jid}/vertices/${v.id}/subtasktimes`} from=${from} to=${to} />`}`)}
  </div></${Card}>`;
}
