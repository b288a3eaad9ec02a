// Workers: Flink's task managers.
import { html, useState, usePoll, useNow, useEffect } from "../lib.js";
import { bytes, count, duration } from "../format.js";
import { Card, Facts, Loaded, Log, Stat, Stats, Table, Tabs } from "../parts.js";
import { Chart } from "../chart.js";
import { Files, Lines } from "./logs.js";

const path = (id) => `#/workers/${encodeURIComponent(id)}`;

function List() {
  const all = usePoll("/taskmanagers"), now = useNow();
  return html`<h1 tabindex="-1">Workers</h1><${Loaded} of=${all}>${({ taskmanagers }) => html`<${Card}><${Table} name="Workers" rows=${taskmanagers} id=${(w) => w.id}
    empty=${html`No worker has registered. Start one: <code>wadi worker</code>`} columns=${[
    { name: "Worker", value: (w) => w.id, cell: (w) => html`<a href=${path(w.id)}>${w.id}</a>` },
    { name: "Address", value: (w) => w.path, cell: (w) => w.path },
    { name: "Free slots", number: true, value: (w) => w.freeSlots, cell: (w) => `${w.freeSlots} of ${w.slotsNumber}` },
    { name: "CPUs", number: true, value: (w) => w.hardware.cpuCores, cell: (w) => w.hardware.cpuCores },
    { name: "Memory of the machine", number: true, value: (w) => w.hardware.physicalMemory, cell: (w) => bytes(w.hardware.physicalMemory || null) },
    { name: "Last heard of", number: true, value: (w) => w.timeSinceLastHeartbeat, cell: (w) => (w.timeSinceLastHeartbeat > 0 ? `${duration(Math.max(0, now - w.timeSinceLastHeartbeat))} ago` : "not yet") },
  ]} /></${Card}>`}</${Loaded}>`;
}

function Memory({ of, history }) {
  const m = of.metrics, gc = m.garbageCollectors[0];
  return html`<${Stats}>
      <${Stat} name="Heap">${bytes(m.heapUsed)}</${Stat}><${Stat} name="From the system">${bytes(m.heapCommitted)}</${Stat}>
      <${Stat} name="Collections">${count(gc?.count)}</${Stat}><${Stat} name="Paused for them">${duration(gc?.time)}</${Stat}>
      <${Stat} name="Free slots">${of.freeSlots} of ${of.slotsNumber}</${Stat}><${Stat} name="CPUs">${of.hardware.cpuCores}</${Stat}>
    </${Stats}>
    <div class="charts"><${Chart} name="Heap" times=${history.map((h) => h.at)} unit=${bytes} series=${[{ name: "used", values: history.map((h) => h.used) }, { name: "from the system", values: history.map((h) => h.committed) }]} /></div>
    <${Card} name="Slots that jobs have"><${Table} name="Slots that jobs have" rows=${of.allocatedSlots.map((s, i) => ({ ...s, i }))} id=${(s) => s.i} empty="No job runs here." columns=${[
      { name: "Slot", number: true, cell: (s) => s.i }, { name: "Job", cell: (s) => html`<a href=${`#/jobs/${s.jobId}`}><code>${s.jobId}</code></a>` }]} /></${Card}>`;
}

export function Threads({ from }) {
  const dump = usePoll(from, { once: true });
  return html`<${Loaded} of=${dump}>${({ threadInfos }) => html`<${Log} name="Goroutines" wraps=${false} grows=${false} text=${threadInfos.map((t) => t.stringifiedThreadInfo).join("\n\n")} />`}</${Loaded}>`;
}

function One({ id, at }) {
  const base = `/taskmanagers/${encodeURIComponent(id)}`, one = usePoll(base);
  const [history, set] = useState([]);
  useEffect(() => { if (one.data) set((h) => [...h, { at: one.at, used: one.data.metrics.heapUsed, committed: one.data.metrics.heapCommitted }].slice(-600)); }, [one.data]);
  return html`<nav class="crumbs" aria-label="Above"><a href="#/workers">Workers</a></nav><h1 tabindex="-1">Worker ${id}</h1>
    <${Tabs} name="About the worker" at=${at} all=${[["Memory and slots", `${path(id)}/memory`, "memory"], ["Log", `${path(id)}/log`, "log"], ["Goroutines", `${path(id)}/goroutines`, "goroutines"], ["Metrics", `${path(id)}/metrics`, "metrics"]]} />
    <${Loaded} of=${one}>${(w) => (at === "log" ? html`<${Lines} process=${w.id} name="Log of the worker" /><${Files} base=${base} />`
      : at === "goroutines" ? html`<${Card}><${Threads} from=${`${base}/thread-dump`} /></${Card}>`
      : at === "metrics" ? html`<${AllMetrics} base=${`${base}/metrics`} />`
      : html`<${Memory} of=${w} history=${history} />`)}</${Loaded}>`;
}

// AllMetrics are the names and values of all metrics below a path.
export function AllMetrics({ base }) {
  const names = usePoll(base, { once: true });
  const values = usePoll(names.data?.length ? `${base}?get=${names.data.map((m) => encodeURIComponent(m.id)).join(",")}` : null);
  return html`<${Card} name="Metrics"><${Loaded} of=${names.data?.length ? values : names}>${(all) => html`<${Facts} name="Metrics" all=${all.map((m) => [m.id, m.value ?? ""])} />`}</${Loaded}></${Card}>`;
}

export const Workers = ({ id, at }) => (id ? html`<${One} key=${id} id=${id} at=${at} />` : html`<${List} />`);
