// The REST API. Paths are relative, so that a proxy may put the UI below a prefix.

export class Failure extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

let token = null;
try { token = sessionStorage.getItem("wadi.token"); } catch { /* storage is off */ }

export function setToken(text) {
  token = text;
  try { sessionStorage.setItem("wadi.token", text); } catch { /* it is asked for again */ }
}

function headers(more) {
  return token ? { Authorization: `Bearer ${token}`, ...more } : { ...more };
}

async function failure(reply) {
  let message = `${reply.status} ${reply.statusText}`;
  try {
    const body = await reply.json();
    if (body.errors?.length) message = body.errors.join("\n");
  } catch { /* it is not JSON */ }
  if (reply.status === 401) dispatchEvent(new Event("wadi:unauthorized"));
  return new Failure(reply.status, message);
}

async function request(method, path, body, signal, accept) {
  const more = {};
  if (body !== undefined) more["Content-Type"] = "application/json";
  if (accept) more.Accept = accept;
  const reply = await fetch(`.${path}`, {
    method, signal, headers: headers(more), body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!reply.ok) throw await failure(reply);
  return reply;
}

export const get = async (path, signal) => (await request("GET", path, undefined, signal)).json();
export const text = async (path, signal) => (await request("GET", path, undefined, signal)).text();
export const blob = async (path, signal) => (await request("GET", path, undefined, signal)).blob();
export const patch = async (path) => (await request("PATCH", path)).json();
export const put = async (path, body) => (await request("PUT", path, body)).json();
export const post = async (path, body = {}, signal) => (await request("POST", path, body, signal)).json();

// operate starts an operation and waits for its end; where says how to ask for it.
export async function operate(path, body, where) {
  const { "request-id": id } = await post(path, body);
  for (;;) {
    const op = await get(where(id));
    if (op.status.id === "COMPLETED") {
      const cause = op.operation?.["failure-cause"];
      if (cause) throw new Failure(500, cause["stack-trace"] || cause.class || "it has failed");
      return op.operation;
    }
    await new Promise((done) => setTimeout(done, 500));
  }
}

async function* lines(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const all = (rest + value).split("\n");
    rest = all.pop();
    yield* all;
  }
  if (rest) yield rest;
}

// sql carries out statements and yields what they give, line by line.
export async function* sql(body, signal) {
  const reply = await request("POST", "/api/sql", body, signal, "application/x-ndjson");
  for await (const line of lines(reply)) if (line) yield JSON.parse(line);
}

// events calls back for each event of a job, as long as the page is seen: a
// browser opens six connections at the most, for all of its tabs.
export function events(each) {
  let stop = null;
  const run = async (signal) => {
    let pause = 1000;
    while (!signal.aborted) {
      try {
        const reply = await request("GET", "/api/events", undefined, signal);
        pause = 1000;
        for await (const line of lines(reply)) {
          if (line.startsWith("data: ")) each(JSON.parse(line.slice(6)));
        }
      } catch { /* the server is away; it may come back */ }
      if (signal.aborted) return;
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, 30000);
    }
  };
  const end = () => { stop?.abort(); stop = null; };
  const look = () => {
    if (document.hidden) end();
    else if (!stop) run((stop = new AbortController()).signal);
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", end);
  addEventListener("pageshow", look);
  look();
  return () => {
    end();
    document.removeEventListener("visibilitychange", look);
    removeEventListener("pagehide", end);
    removeEventListener("pageshow", look);
  };
}
