// Charts over time, by uPlot.
import { html, useEffect, useRef, useState } from "./lib.js";
import uPlot from "../vendor/uplot.js";
import { time } from "./format.js";

const shades = 8;

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

export const shade = (i) => `--series-${(i % shades) + 1}`;

// useTheme changes when the colours do.
function useTheme() {
  const [n, set] = useState(0);
  useEffect(() => {
    const on = () => set((k) => k + 1), m = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("wadi:theme", on);
    m.addEventListener("change", on);
    return () => { removeEventListener("wadi:theme", on); m.removeEventListener("change", on); };
  }, []);
  return n;
}

// Chart draws series of numbers, null where there is none, over times in
// milliseconds, up to most when that is given. Its values are listed below it, as text.
export function Chart({ name, times, series, unit, points, most }) {
  const frame = useRef(null), plot = useRef(null), theme = useTheme();
  const shape = series.map((s) => s.name).join("|");
  const data = [times.map((t) => t / 1000), ...series.map((s) => s.values)];
  useEffect(() => {
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui" };
    const options = {
      width: frame.current.clientWidth || 300, height: 168, legend: { show: false }, padding: [8, 8, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      scales: { y: { range: (_, lo, hi) => [Math.min(0, lo ?? 0), most ?? (hi > 0 ? hi * 1.08 : 1)] } },
      axes: [
        { ...axis, values: (_, all) => all.map((t) => time(t * 1000)), space: 76, size: 30 },
        { ...axis, values: (_, all) => all.map(unit), size: 62 },
      ],
      series: [{}, ...series.map((s, i) => ({ label: s.name, stroke: colour(shade(i)), width: 1.6, points: { show: points ?? false, size: 5 } }))],
    };
    const p = new uPlot(options, data, frame.current);
    plot.current = p;
    const o = new ResizeObserver(() => p.setSize({ width: frame.current.clientWidth, height: 168 }));
    o.observe(frame.current);
    return () => { o.disconnect(); p.destroy(); plot.current = null; };
  }, [shape, theme]);
  useEffect(() => { plot.current?.setData(data); });
  return html`<figure class="chart"><figcaption>${name}</figcaption><div ref=${frame} aria-hidden="true"></div>
    <ul>${series.map((s, i) => html`<li key=${s.name}><i aria-hidden="true" style=${{ background: `var(${shade(i)})` }}></i><span title=${s.name}>${s.name}</span><b>${unit(s.values.findLast((v) => v != null) ?? null)}</b></li>`)}</ul></figure>`;
}
