// Numbers, times and names as people read them.

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
  if (n == null || n < 0 || Number.isNaN(n)) return "–";
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

// count shortens large numbers: 12 345 678 is 12.3M.
export function count(n) {
  if (n == null || Number.isNaN(n)) return "–";
  const a = Math.abs(n);
  for (const [limit, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (a >= limit) {
      const v = n / (letter === "k" ? 1e3 : limit);
      return `${Math.abs(v) >= 100 ? Math.round(v) : v.toFixed(1)}${letter}`;
    }
  }
  return a >= 100 || Number.isInteger(n) ? whole(n) : n.toFixed(1);
}

export const whole = (n) => (n == null ? "–" : Math.round(n).toLocaleString("en-US"));
export const rate = (n) => (n == null ? "–" : `${count(n)}/s`);
export const dollars = (n) => (n == null ? "–" : `$${n >= 1 || n <= 0 ? n.toFixed(2) : n.toFixed(2 - Math.floor(Math.log10(n)))}`);
export const percent = (part) => (part == null ? "–" : `${Math.round(part * 100)}%`);

export function duration(ms) {
  if (ms == null || ms < 0) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  const m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (m < 60) return `${m} min ${Math.floor(s % 60)} s`;
  if (h < 24) return `${h} h ${m % 60} min`;
  return d < 10 ? `${d} d ${h % 24} h` : `${whole(d)} d`;
}

const pad = (n, w = 2) => String(n).padStart(w, "0");

export function time(ms) {
  if (!ms || ms < 0) return "–";
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function dateTime(ms) {
  if (!ms || ms < 0) return "–";
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${time(ms)}`;
}

// The ends of event time: nothing has been seen, and nothing will be.
const first = -9.2e18, last = 9.2e18;

// watermark is a time in UTC, as rows are.
export function watermark(ms) {
  if (ms == null) return "no watermark";
  if (ms >= last) return "end of input";
  if (ms <= first) return "no watermark";
  const d = new Date(ms);
  return Number.isNaN(d.getTime()) ? String(ms) : d.toISOString().replace("T", " ").replace(/\.000Z$/, "").replace(/Z$/, "");
}

// lag is how far a watermark is behind the clock, where that means something.
export function lag(ms, now = Date.now()) {
  if (ms == null || ms <= first || ms >= last) return null;
  return now - ms;
}

export const short = (id) => (id ? id.slice(0, 8) : "–");

// brief shortens what scans and sinks are called in plans to the table's name.
export const brief = (name) => name.split(" -> ").map((part) => {
  const scan = /SourceScan\(table=\[\[[^,\]]+, [^,\]]+, ([^,\]]+)/.exec(part);
  if (scan) return `Source ${scan[1]}`;
  const sink = /^Sink\(table=\[([^\]]*)\]/.exec(part);
  return sink ? `Sink ${sink[1].split(".").at(-1)}` : part;
}).join(" -> ");

// ops are the operators of a chain by their kind: Source orders → Calc → Sink totals.
// One that stands alone says more of itself.
export function ops(name) {
  const all = brief(name).split(" -> ");
  return all.length === 1 ? all[0] : all.map((op) => op.replace(/\(.*$/, "")).join(" → ");
}

export const title = (word) => word.charAt(0) + word.slice(1).toLowerCase().replaceAll("_", " ");
