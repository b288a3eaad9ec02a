// What every page needs: elements, polling, and the page's address.
import { h, render, Fragment } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback } from "../vendor/hooks.js";
import htm from "../vendor/htm.js";
import { get } from "./api.js";

export const html = htm.bind(h);
export { render, Fragment, useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback };

// bump makes everything that polls look again at once.
const listeners = new Set();
export function bump() { for (const f of listeners) f(); }
export function onBump(f) { listeners.add(f); return () => listeners.delete(f); }

let every = 3000;
export function setRefresh(ms) { if (ms >= 500) every = ms; }
export const refresh = () => every;

// usePoll asks for a path again and again; null asks for nothing. What was there
// stays while a request fails.
export function usePoll(path, { once = false, ask = get } = {}) {
  const [state, set] = useState({});
  useEffect(() => {
    if (!path) return undefined;
    const stop = new AbortController();
    let timer = 0, asking = false, gone = false;
    const tick = async () => {
      clearTimeout(timer);
      if (asking) return;
      asking = true;
      try {
        const data = await ask(path, stop.signal);
        if (!stop.signal.aborted) set({ path, data, at: Date.now() });
      } catch (error) {
        gone = error.status === 404; // it does not come back by asking
        if (!stop.signal.aborted) set((s) => ({ path, data: s.path === path ? s.data : undefined, error }));
      }
      asking = false;
      if (!stop.signal.aborted && !once && !gone) timer = setTimeout(tick, document.hidden ? 4 * every : every);
    };
    tick();
    const off = onBump(() => { if (!gone) tick(); });
    return () => { stop.abort(); clearTimeout(timer); off(); };
  }, [path, once]);
  return state.path === path ? state : {};
}

// The address is behind the #, as other paths are the API's.
function parse() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export function useRoute() {
  const [route, set] = useState(parse);
  useEffect(() => {
    const on = () => set(parse());
    addEventListener("hashchange", on);
    return () => removeEventListener("hashchange", on);
  }, []);
  return route;
}

export const go = (path) => { location.hash = path; };

// useNow is the time of day, each second.
export function useNow(ms = 1000) {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const t = setInterval(() => set(Date.now()), ms);
    return () => clearInterval(t);
  }, [ms]);
  return now;
}

// useWide reports whether the window is wider than a phone's.
export function useWide(query = "(min-width: 760px)") {
  const [wide, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const m = matchMedia(query);
    const on = () => set(m.matches);
    m.addEventListener("change", on);
    return () => m.removeEventListener("change", on);
  }, [query]);
  return wide;
}

export const store = {
  get(key, otherwise) { try { return JSON.parse(sessionStorage.getItem(key)) ?? otherwise; } catch { return otherwise; } },
  set(key, value) { try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* storage is off or full */ } },
};
