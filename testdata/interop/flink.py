#!/usr/bin/env python3
"""Flink's own command line, from the package apache-flink-libraries, works a cluster of ours.

    python3 testdata/interop/flink.py bin/wadi

Starts wadi standalone, submits a job to it (Flink's run wants a jar; ours takes the script), and then lets `flink` list
it, take a savepoint and a checkpoint of it, stop it with and without --drain, cancel it and dispose of the savepoint.
Every step is checked against what the REST API says then, and jobs that go on from a savepoint of the step before
must publish each row once. Needs Java 17; says in one line what is missing, and succeeds then.
"""

import argparse
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

import install

VERSION = "2.1.0"

JOB = """
SET 'pipeline.name' = '{name}';
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000000');
CREATE TABLE target (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://{out}');
INSERT INTO target SELECT id FROM numbers;
"""


def client(cache):
    """The jars of Flink's client."""
    home = cache / "flink"

    def fetch():
        if not shutil.which("java"):
            raise install.Missing("java: not found; Flink's command line needs Java 17")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        install.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                     "--no-binary", ":all:", "--dest", home, f"apache-flink-libraries=={VERSION}"], "pip download")
        package = next(home.glob("*.tar.gz"))
        with tarfile.open(package) as archive:
            for member in archive:
                if "/deps/lib/" in member.name and member.name.endswith(".jar"):
                    member.name = pathlib.Path(member.name).name
                    archive.extract(member, home)
        package.unlink()

    return home, install.timed(cache / "flink.txt", VERSION, fetch)


class Cluster:
    """wadi standalone, and the two command lines that talk to it."""

    def __init__(self, binary, jars, root):
        self.binary, self.jars, self.root = binary, jars, root
        (root / "conf").mkdir()
        (root / "conf" / "config.yaml").write_text("rest.address: localhost\n")
        self.process = subprocess.Popen(
            [binary, "standalone", "-D", "rest.port=0", "-D", f"execution.checkpointing.dir=file://{root}/checkpoints",
             "-D", "execution.checkpointing.interval=500 ms"], stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"http://(\S+)", self.process.stdout.readline()).group(1)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as reply:
            return json.load(reply)

    def state(self, job):
        return self.get(f"/jobs/{job}")["state"]

    def until(self, job, state):
        """Waits for a job's state."""
        for _ in range(600):
            if (now := self.state(job)) == state:
                return
            time.sleep(0.05)
        raise AssertionError(f"job {job} is {now}, not {state}")

    def submit(self, name, *more):
        script = self.root / f"{name}.sql"
        script.write_text(JOB.format(name=name, out=self.root / "out"))
        said = subprocess.run([self.binary, "run", "-d", "-m", self.address, *more, script], capture_output=True, text=True, timeout=60)
        found = re.search(r"JobID ([0-9a-f]{32})", said.stdout)
        assert found, said.stdout + said.stderr
        self.until(found.group(1), "RUNNING")
        return found.group(1)

    def flink(self, *words):
        """Runs Flink's command line; what it printed."""
        command = ["java", "-Xmx256m", "-Dlog4j2.level=error", "-cp", f"{self.jars}/*", "org.apache.flink.client.cli.CliFrontend",
                   words[0], "-m", self.address, *words[1:]]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, env={"FLINK_CONF_DIR": str(self.root / "conf"), "PATH": "/usr/bin:/bin:" + str(pathlib.Path(shutil.which("java")).parent)})
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    def rows(self):
        """The published ids."""
        return sorted(int(line) for file in (self.root / "out").glob("[!._]*") for line in file.read_text().split())


def path(said):
    """The path in what savepoint or stop printed."""
    return re.search(r"Savepoint completed. Path: (\S+)", said).group(1)


def steps(c):
    """What is done, as pairs of a command and what was seen; any deviation raises."""
    first = c.submit("numbers")
    said = c.flink("list")
    assert f"{first} : numbers (RUNNING)" in said, said
    yield "flink list", "names the job as RUNNING"
    said = c.flink("checkpoint", first)
    number = int(re.search(r"Checkpoint (\d+) for job", said).group(1))
    assert c.get(f"/jobs/{first}/checkpoints/details/{number}")["status"] == "COMPLETED"
    yield "flink checkpoint JOB", "completed, by its number in the REST API"
    kept = path(c.flink("savepoint", first, f"file://{c.root}/savepoints"))
    assert (pathlib.Path(kept.removeprefix("file://")) / "_metadata").exists(), kept
    assert c.state(first) == "RUNNING"
    yield "flink savepoint JOB DIR", "the job goes on, and the folder is there"
    stopped = path(c.flink("stop", first, "-p", f"file://{c.root}/savepoints"))
    assert c.state(first) == "FINISHED"
    published = c.rows()
    assert published == list(range(1, len(published) + 1))
    yield "flink stop JOB -p DIR", f"ends it with a savepoint, {len(published)} rows published"
    second = c.submit("more", "-s", stopped)
    c.flink("stop", second, "--drain", "-p", f"file://{c.root}/savepoints")
    c.until(second, "FINISHED")
    more = c.rows()
    assert more == list(range(1, len(more) + 1)) and len(more) > len(published), (len(published), len(more))
    yield "wadi run -d -s PATH; flink stop --drain", f"goes on from it: {len(more)} rows, each once"
    third = c.submit("canceled", "-s", kept)
    c.flink("cancel", third)
    c.until(third, "CANCELED")
    yield "flink cancel JOB", "ends it as CANCELED"
    c.flink("savepoint", "-d", kept)
    assert not pathlib.Path(kept.removeprefix("file://")).exists()
    yield "flink savepoint -d PATH", "removes the folder"
    said = c.flink("list", "-a")
    assert all(f"{job} : " in said for job in (first, second, third)) and "No running jobs" in said, said
    yield "flink list -a", "names the three that ended"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=lambda p: pathlib.Path(p).resolve())
    binary = parser.parse_args().binary
    try:
        jars, took = client(binary.parent / "interop")
    except (install.Missing, subprocess.TimeoutExpired) as error:
        print(f"interop-flink skipped: {error}")
        return
    print(f"Flink {VERSION}: {took}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        cluster = Cluster(binary, jars, pathlib.Path(root))
        try:
            for command, seen in steps(cluster):
                print(f"{command:<42}{seen}", flush=True)
        finally:
            cluster.close()


main()
