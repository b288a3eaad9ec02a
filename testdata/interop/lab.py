"""A directory with a catalog in SQLite and a warehouse, the real binary, and PyIceberg beside it."""

import contextlib
import gzip
import json
import pathlib
import sqlite3
import subprocess
import tempfile
import time

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

import data
import rows

# Rows that the source table `src` has.
SOURCE = 4000


class Lab:
    """Runs Wadi's SQL; everything it makes is under root."""

    def __init__(self, binary, root):
        self.binary = str(pathlib.Path(binary).resolve())
        self.root = pathlib.Path(root).resolve()
        self.out = self.root / "out"
        self.out.mkdir(parents=True)
        data.write(self.root / "src", 0, SOURCE)
        init = f"""
CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:{self.root}/catalog.db',
  'warehouse' = 'file://{self.root}/warehouse');
CREATE TABLE src ({data.declared()}) WITH ('connector' = 'filesystem', 'path' = '{self.root}/src', 'format' = 'parquet');
"""
        self.init = self.root / "lake.sql"
        self.init.write_text(init)
        self.catalog = None

    def sql(self, text, mode="batch"):
        """Runs statements, in batch mode unless told otherwise; fails with what the binary says, in one line."""
        text = f"SET 'execution.runtime-mode' = '{mode}';\n{text}"
        done = subprocess.run([self.binary, "sql", "-i", str(self.init), "-e", text, "--format", "json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        if done.returncode:
            said = [line.strip() for line in done.stderr.splitlines() if line.startswith("wadi: ")]
            raise RuntimeError(said[0] if said else f"exit status {done.returncode}: {done.stderr[-300:]}")
        return done.stdout

    def start(self, text):
        """Starts statements in streaming mode; whoever calls ends the process."""
        text = f"SET 'execution.runtime-mode' = 'streaming';\n{text}"
        self.said = tempfile.TemporaryFile("w+")
        return subprocess.Popen([self.binary, "sql", "-i", str(self.init), "-e", text], stdout=subprocess.DEVNULL, stderr=self.said)

    def wait(self, done, job):
        """Waits until done says so, for a minute, while the job runs."""
        for _ in range(600):
            if done():
                return
            if job.poll() is not None:
                self.said.seek(0)
                raise RuntimeError(f"the job has ended with {job.returncode}: {' '.join(self.said.read().split())[-600:]}")
            time.sleep(0.1)
        raise RuntimeError("the job did not get there in a minute")

    def count(self, table):
        """The rows of the current snapshot, as its summary has them."""
        snapshot = self.load(table).current_snapshot()
        return int(snapshot.summary["total-records"]) if snapshot else 0

    def open(self):
        """PyIceberg's catalog."""
        if self.catalog is None:
            self.catalog = SqlCatalog("lake", uri=f"sqlite:///{self.root}/catalog.db", warehouse=f"file://{self.root}/warehouse")
        return self.catalog

    def metadata(self, table):
        """The path of a table's newest metadata file, as the catalog has it."""
        with contextlib.closing(sqlite3.connect(self.root / "catalog.db")) as db:
            found = db.execute("SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?", table.split(".")).fetchone()
        return pathlib.Path(found[0].removeprefix("file://").removeprefix("file:"))

    def snapshot(self, table, ref):
        """The snapshot of a branch or tag."""
        text = self.metadata(table).read_bytes()
        return json.loads(gzip.decompress(text) if text.startswith(b"\x1f\x8b") else text)["refs"][ref]["snapshot-id"]

    def load(self, table):
        """PyIceberg's view of a table."""
        return self.open().load_table(table)

    def read(self, name, table, hint="", conditions=()):
        """The text of a table as Wadi reads it: through Parquet files that it writes, one for each condition."""
        namespace, short = table.split(".")
        folder = self.root / "read"
        wheres = ["", *(f"WHERE {c['sql']}" for c in conditions)]
        self.sql("".join(f"CREATE TABLE got{n} WITH ('connector' = 'filesystem', 'path' = '{folder}/{name}-{n}', 'format' = 'parquet') "
                         f"AS SELECT * FROM lake.`{namespace}`.`{short}` {hint} {where};\n" for n, where in enumerate(wheres)))
        text = []
        for n in range(len(wheres)):
            files = folder / f"{name}-{n}"
            got = rows.lines(pq.read_table(files)) if any(f.is_file() for f in files.iterdir()) else [self.columns(table)]  # no rows, no files
            text += got if n == 0 else rows.section(n - 1, got)
        return text

    def columns(self, table):
        """The names of a table's columns, as the first line of its text."""
        return "|".join(json.loads(line)["name"] for line in self.sql(f"DESCRIBE lake.`{table.replace('.', '`.`')}`;").splitlines())

    def tasks(self, name, tables, **more):
        """A file of tasks for a reader's program (task.py)."""
        path = self.root / f"{name}.json"
        path.write_text(json.dumps({"catalog": str(self.root / "catalog.db"), "warehouse": str(self.root / "warehouse"),
                                    "out": str(self.out), "tables": tables, **more}))
        return path
