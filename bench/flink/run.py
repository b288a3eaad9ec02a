#!/usr/bin/env python3
"""Runs Nexmark on real Flink and prints what `wadi bench nexmark --format json` prints for Wadi.

    bench/flink/run.py --jar nexmark-flink.jar q0:20000000 q5:10000000

It needs Java 17 and pip. Flink comes from PyPI (apache-flink-libraries, 330 MB, kept in --dir); the connector
'nexmark' is in no registry: build github.com/nexmark/nexmark against that version of Flink, with a source that ends
after 'events.num'. One task manager with two slots runs the queries one after the other in a warm JVM; a first run of
q0 warms it. CPU is what the kernel counts for the task manager, its garbage collector and compiler included.
"""
import argparse, glob, json, os, re, signal, subprocess, sys, time, urllib.request, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
OPENS = [f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in (
    "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
    "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks")]
STATE = {
    "hashmap": "state.backend.type: hashmap\ntaskmanager.memory.process.size: 12g\ntaskmanager.memory.managed.size: 512m\n",
    "rocksdb": "state.backend.type: rocksdb\ntaskmanager.memory.process.size: 8g\nexecution.checkpointing.incremental: true\n",
}
CONF = """jobmanager.rpc.address: localhost
jobmanager.rpc.port: 6123
rest.address: localhost
rest.bind-address: localhost
rest.port: 8081
jobmanager.memory.process.size: 1600m
taskmanager.host: localhost
taskmanager.numberOfTaskSlots: 2
parallelism.default: 2
pipeline.object-reuse: true
table.exec.mini-batch.enabled: true
table.exec.mini-batch.allow-latency: 2s
table.exec.mini-batch.size: 50000
table.optimizer.distinct-agg.split.enabled: true
table.local-time-zone: UTC
io.tmp.dirs: {dir}/tmp
"""
# Flink has no text for q6, and wants a table that it can look up for q13.
LEFT_OUT = {"q6": "Flink cannot run it", "q13": "it needs a lookup connector"}
UDF = "CREATE TEMPORARY FUNCTION count_char AS 'com.github.nexmark.flink.udf.CountChar';\n"


def libraries(home, version):
    """The folder of Flink's jars, fetched once."""
    if not os.path.isdir(f"{home}/pyflink/lib"):
        os.makedirs(home, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"apache-flink-libraries=={version}", "-d", home], check=True)
        for archive in glob.glob(f"{home}/apache*flink*libraries*"):
            if archive.endswith(".whl"):
                zipfile.ZipFile(archive).extractall(home)
            elif archive.endswith(".tar.gz"):
                subprocess.run(["tar", "xzf", archive, "-C", home, "--strip-components=1"], check=True)
    return f"{home}/pyflink"


class Cluster:
    """A job manager and a task manager on this machine."""

    def __init__(self, flink, home, jar, state, checkpoints):
        self.flink, self.home, self.jar = flink, home, jar
        self.checkpoints = [f"execution.checkpointing.interval={checkpoints}", f"execution.checkpointing.dir=file://{home}/checkpoints"] if checkpoints else []
        os.makedirs(f"{home}/tmp", exist_ok=True)
        os.makedirs(f"{home}/conf", exist_ok=True)
        with open(f"{home}/conf/config.yaml", "w") as f:
            f.write(CONF.format(dir=home) + STATE[state])
        with open(f"{home}/conf/log4j.properties", "w") as f:
            f.write("rootLogger.level = WARN\nrootLogger.appenderRef.c.ref = C\nappender.c.name = C\nappender.c.type = CONSOLE\n"
                    "appender.c.layout.type = PatternLayout\nappender.c.layout.pattern = %d %p %c{1} %m%n\n")
        self.jm = self.start("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "JM", ["--executionMode", "cluster"])
        self.tm = self.start("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "TM", [])
        for _ in range(120):
            try:
                if self.get("/overview")["slots-available"] == 2:
                    return
            except OSError:
                pass
            time.sleep(0.5)
        self.stop()
        sys.exit(f"the cluster did not start; see {home}/JM.log and TM.log")

    def classpath(self):
        return f"{self.flink}/lib/*:{self.jar}"

    def start(self, main, kind, args):
        """Asks Flink itself for the sizes of the JVM, as its scripts do."""
        tool = ["java", "-cp", f"{self.flink}/bin/bash-java-utils.jar:{self.flink}/lib/*", "org.apache.flink.runtime.util.bash.BashJavaUtils",
                f"GET_{kind}_RESOURCE_PARAMS", "--configDir", f"{self.home}/conf"]
        out = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
        jvm, dynamic = re.findall(r"EXEC_RESULT:(.*)", out)[:2]
        log = open(f"{self.home}/{kind}.log", "w")
        cmd = ["java", *jvm.split(), *OPENS, f"-Dlog4j.configurationFile={self.home}/conf/log4j.properties", "-cp", self.classpath(), main,
               "--configDir", f"{self.home}/conf", *args, *dynamic.split()]
        return subprocess.Popen(cmd, stdout=log, stderr=log, start_new_session=True)

    def get(self, path):
        with urllib.request.urlopen("http://localhost:8081" + path, timeout=10) as r:
            return json.load(r)

    def cpu(self):
        with open(f"/proc/{self.tm.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        with open(f"/proc/{self.tm.pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) << 10

    def run(self, script, name):
        """Submits a script with one INSERT and waits for its job. Gives its state, seconds and CPU-seconds."""
        path = f"{self.home}/{name}.sql"
        with open(path, "w") as f:
            f.write(script)
        before = {j["id"] for j in self.get("/jobs")["jobs"]}
        cpu = self.cpu()
        settings = [line.replace(": ", "=") for line in CONF.splitlines() if line.startswith(("parallelism.", "pipeline.", "table."))]
        client = ["java", *OPENS, f"-Dlog4j.configurationFile={self.home}/conf/log4j.properties", "-cp", self.classpath(), f"{HERE}/Submit.java", path,
                  *settings, *self.checkpoints]
        done = subprocess.run(client, capture_output=True, text=True)
        new = [j["id"] for j in self.get("/jobs")["jobs"] if j["id"] not in before]
        if not new:
            return "refused: " + (re.findall(r"Caused by: (.*)", done.stderr) or [done.stderr[-300:]])[-1], 0, 0
        while True:
            job = self.get("/jobs/" + new[0])
            if job["state"] in ("FINISHED", "FAILED", "CANCELED"):
                return job["state"], job["duration"] / 1000, self.cpu() - cpu
            time.sleep(0.2)

    def stop(self):
        for p in (self.tm, self.jm):
            os.killpg(p.pid, signal.SIGTERM)
            p.wait()


def tables(events, rate):
    """The tables of Wadi's own benchmark, from its source."""
    with open(f"{HERE}/../nexmark.go") as f:
        ddl = re.search(r"const nexmarkDDL = `(.*?)`", f.read(), re.S).group(1)
    return ddl.replace("~", "`").replace("%[2]d", str(rate)).replace("%d", str(events), 1).replace("%d", str(rate))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--jar", required=True, help="the connector 'nexmark' for Flink")
    args.add_argument("--dir", default=os.path.expanduser("~/.cache/wadi-bench-flink"), help="where Flink is kept, and its logs")
    args.add_argument("--flink", default="2.3.0", help="its version")
    args.add_argument("--state", default="hashmap", choices=sorted(STATE))
    args.add_argument("--rate", type=int, default=100_000, help="events per second of event time")
    args.add_argument("--checkpoints", default="", help="an interval, such as 30s")
    args.add_argument("queries", nargs="+", help="NAME:EVENTS")
    a = args.parse_args()
    cluster = Cluster(libraries(a.dir, a.flink), a.dir, os.path.abspath(a.jar), a.state, a.checkpoints)
    try:
        for i, ask in enumerate(["q0:10000000", *a.queries]):
            name, _, events = ask.partition(":")
            if name in LEFT_OUT:
                print(f"{name}: left out: {LEFT_OUT[name]}", file=sys.stderr)
                continue
            with open(f"{HERE}/../queries/{name}.sql") as f:
                query = f.read().replace("${sink}", "'connector' = 'blackhole'").replace("${dir}", f"file://{a.dir}/out-{name}-{time.time_ns()}")
            udf = UDF if "count_char" in query else ""
            state, wall, cpu = cluster.run(tables(int(events), a.rate) + udf + query, name)
            if state != "FINISHED":
                print(f"{name}: {state}", file=sys.stderr)
            elif i > 0:
                print(json.dumps({
                    "suite": "nexmark", "query": name, "engine": f"flink {a.flink} {a.state}", "events": int(events), "wall_s": wall, "cpu_s": round(cpu, 2),
                    "events_per_s": round(int(events) / wall), "events_per_cpu_s": round(int(events) / cpu), "rows_out": 0,
                    "peak_rss_bytes": cluster.peak(), "parallelism": 2}), flush=True)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
