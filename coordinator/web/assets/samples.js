// What a job does over time: the server says what is, and a page that is open
// remembers what was.
import { get } from "./api.js";
import { onBump, refresh, useEffect, useState } from "./lib.js";

const kept = 900;
const quiet = 15000; // after as many milliseconds without a change nothing passes
const wanted = [
  "busyTimeMsPerSecond", "idleTimeMsPerSecond", "backPressuredTimeMsPerSecond", "currentInputWatermark",
].join(",");
const ended = new Set(["FINISHED", "FAILED", "CANCELED", "SUSPENDED"]);

class Sampler {
  constructor(id) {
    this.id = id;
    this.samples = [];
    this.listeners = new Set();
  }

  listen(f) {
    this.listeners.add(f);
    if (this.listeners.size === 1) this.start();
    return () => {
      this.listeners.delete(f);
      if (this.listeners.size === 0) this.stop();
    };
  }

  start() {
    this.control = new AbortController();
    const { signal } = this.control;
    let asking = false;
    const tick = async () => {
      clearTimeout(this.timer);
      if (asking) return;
      asking = true;
      try {
        const s = await this.look(signal);
        this.error = undefined;
        if (!signal.aborted) this.take(s);
      } catch (error) { this.error = error; }
      asking = false;
      if (signal.aborted) return;
      for (const f of this.listeners) f();
      const last = this.samples.at(-1);
      if (!last || !ended.has(last.job.state)) this.timer = setTimeout(tick, document.hidden ? 4 * refresh() : refresh());
    };
    this.off = onBump(tick);
    tick();
  }

  stop() {
    this.control.abort();
    clearTimeout(this.timer);
    this.off();
  }

  // ends are the metrics that count the rows of a vertex: what reaches it, or what
  // its first operator reads when it is a source, and likewise at its other end.
  async ends(job, id, signal) {
    this.known ??= {};
    if (!this.known[id]) {
      const names = (await get(`/jobs/${this.id}/vertices/${id}/subtasks/metrics`, signal)).map((m) => m.id);
      const reads = (job.plan.nodes.find((n) => n.id === id)?.inputs ?? []).length === 0;
      const writes = !job.plan.nodes.some((n) => (n.inputs ?? []).some((i) => i.id === id));
      this.known[id] = {
        in: (reads && names.find((n) => n.endsWith(".numRecordsOut"))) || "numRecordsIn",
        out: (writes && names.findLast((n) => n.endsWith(".numRecordsIn"))) || "numRecordsOut",
      };
    }
    return this.known[id];
  }

  async look(signal) {
    const job = await get(`/jobs/${this.id}`, signal);
    const v = {};
    await Promise.all(job.vertices.map(async ({ id, metrics }) => {
      const ends = await this.ends(job, id, signal);
      const path = `/jobs/${this.id}/vertices/${id}/subtasks/metrics?get=${wanted},${encodeURIComponent(ends.in)},${encodeURIComponent(ends.out)}`;
      const all = Object.fromEntries((await get(path, signal)).map((m) => [m.id, m]));
      const perSecond = (name) => (all[name] ? all[name].avg / 1000 : null);
      v[id] = {
        in: all[ends.in]?.sum ?? metrics["read-records"], out: all[ends.out]?.sum ?? metrics["write-records"],
        busy: perSecond("busyTimeMsPerSecond"), idle: perSecond("idleTimeMsPerSecond"), blocked: perSecond("backPressuredTimeMsPerSecond"),
        watermark: all.currentInputWatermark?.min ?? null,
      };
    }));
    return { at: job.now, job, v };
  }

  // take works out rates, from one change of the counters to the next: workers
  // elsewhere tell them now and then. Counters begin anew when tasks do.
  //
  //	looks  0 s  3 s  6 s  9 s  12 s
  //	rows   100  100  100  1100 1100      from 0 s to 9 s: 111/s, told from 9 s on
  take(s) {
    const last = this.samples.at(-1);
    if (last && s.at <= last.at) return;
    this.marks ??= {};
    for (const [id, now] of Object.entries(s.v)) {
      const mark = this.marks[id], before = last?.v[id];
      if (mark && now.in === mark.in && now.out === mark.out && s.at - mark.at < quiet) {
        now.inRate = before?.inRate ?? null;
        now.outRate = before?.outRate ?? null;
        continue;
      }
      const rate = (n, was) => (mark && n >= was ? ((n - was) * 1000) / (s.at - mark.at) : null);
      now.inRate = rate(now.in, mark?.in);
      now.outRate = rate(now.out, mark?.out);
      this.marks[id] = { at: s.at, in: now.in, out: now.out };
    }
    this.samples.push(s);
    if (this.samples.length > kept) this.samples.shift();
  }
}

const all = new Map();

// useSamples follows a job as long as a page shows it.
export function useSamples(id) {
  if (!all.has(id)) all.set(id, new Sampler(id));
  const s = all.get(id);
  const [, set] = useState(0);
  useEffect(() => s.listen(() => set((n) => n + 1)), [s]);
  return { samples: s.samples, last: s.samples.at(-1), error: s.error };
}
