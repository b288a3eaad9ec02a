"""The kinds of tables that Wadi writes, each made by its SQL, with the rows that it must hold.

A kind is a function that makes a table and keeps account of its rows in plain Python. More of them are in kinds_altered.py
and kinds_keyed.py.
"""

import datetime
import inspect

import pyarrow as pa

import data
import filters
import rows

KINDS = []


def kind(*versions, ref=None):
    """Registers a kind for format versions; its docstring's first line is its title; ref is a branch or tag to read."""
    def add(make):
        for version in versions or (2, 3):
            KINDS.append(Table(make, version, ref))
        return make
    return add


class Table:
    """A table of a kind in a format version."""

    def __init__(self, make, version, ref=None):
        self.make, self.version, self.ref = make, version, ref
        self.title = inspect.getdoc(make).splitlines()[0].rstrip(".")
        self.name = f"v{version}_{make.__name__}"
        self.table = self.read = f"v{version}.{make.__name__}"
        self.writer, self.refuses = "wadi", None
        self.schema, self.rows, self.lab, self.conditions = data.SCHEMA, [], None, []

    def write(self, lab):
        """Makes the table and returns the text of its rows, and of those for each condition."""
        self.lab = lab
        lab.sql(f"CREATE DATABASE IF NOT EXISTS lake.v{self.version}")
        self.make(self)
        text = rows.of_dicts(self.rows, self.schema)
        for number, (condition, found) in enumerate(filters.of(self.rows, self.schema)):
            self.conditions.append(condition)
            text += rows.section(number, rows.of_dicts(found, self.schema))
        return text

    def sql(self, text, **mode):
        """Runs statements in which {t} is the table."""
        self.lab.sql(text.replace("{t}", f"lake.{self.table}"), **mode)

    def create(self, columns=None, by="", **options):
        """CREATE TABLE, with the columns of data.py unless told otherwise."""
        options = {"format-version": str(self.version), **{k.replace("_", "."): v for k, v in options.items()}}
        listed = ", ".join(f"'{k}' = '{v}'" for k, v in options.items())
        by = f"PARTITIONED BY ({by})" if by else ""
        self.sql(f"CREATE TABLE {{t}} ({columns or data.declared()}) {by} WITH ({listed});")

    def insert(self, first, end, into="INTO"):
        """INSERT of the rows first … end-1, of one job."""
        self.sql(f"INSERT {into} {{t}} SELECT * FROM src WHERE id >= {first} AND id < {end};")
        self.rows += data.rows(first, end)

    def filled(self, count=2000, **create):
        """A table with rows in two snapshots."""
        self.create(**create)
        self.insert(0, count * 3 // 4)
        self.insert(count * 3 // 4, count)

    def many(self, count=1200, parts=6, **create):
        """A table with rows in many snapshots, so that there is something to maintain."""
        self.create(**create)
        for part in range(parts):
            self.insert(count * part // parts, count * (part + 1) // parts)

    def call(self, procedure, arguments=""):
        """CALL of a procedure for the table."""
        self.sql(f"CALL lake.system.{procedure}(`table` => '{self.table}'{', ' + arguments if arguments else ''});")


@kind()
def append(t):
    """append, unpartitioned."""
    t.filled()


@kind()
def identity(t):
    """partitioned by a STRING."""
    t.filled(by="city")


@kind()
def identity_types(t):
    """partitioned by BOOLEAN, INT, DOUBLE, DECIMAL, BYTES, DATE, TIMESTAMP and TIMESTAMP_LTZ."""
    t.filled(count=60, by="flag, i, d, price, raw, dt, ts, tz")


@kind()
def years(t):
    """year."""
    t.filled(count=1000, partitioning="year(dt), year(ts), year(tz)")


@kind()
def months(t):
    """month."""
    t.filled(count=1000, partitioning="month(dt), month(ts)")


@kind()
def days(t):
    """day."""
    t.filled(count=1000, partitioning="day(ts)")


@kind()
def day_of_dates(t):
    """day of a DATE and of a TIMESTAMP_LTZ."""
    t.filled(count=200, partitioning="day(dt), day(tz)")


@kind()
def hours(t):
    """hour."""
    t.filled(count=1000, partitioning="hour(ts)")


@kind()
def bucket(t):
    """bucket of BIGINT and STRING."""
    t.filled(partitioning="bucket(4, id), bucket(3, s)")


@kind()
def bucket_types(t):
    """bucket of INT, DECIMAL, BYTES, BINARY(4), DATE, TIMESTAMP and TIMESTAMP_LTZ."""
    t.filled(count=300, partitioning="bucket(2, i), bucket(2, amount), bucket(2, raw), bucket(2, four), bucket(2, dt), bucket(2, ts), bucket(2, tz)")


@kind()
def truncate_types(t):
    """truncate of INT, BIGINT, DECIMAL, STRING and BYTES."""
    t.filled(count=300, partitioning="truncate(100, i), truncate(50, id), truncate(500, price), truncate(2, s), truncate(1, raw)")


@kind()
def void(t):
    """void beside identity."""
    t.filled(by="city", partitioning="void(id)")


@kind()
def required(t):
    """NOT NULL columns and a primary key, appended to."""
    t.schema = pa.schema([data.SCHEMA.field(n) for n in ("id", "s", "wide")])
    t.create(columns="id BIGINT NOT NULL, s STRING, wide DECIMAL(38, 10), PRIMARY KEY (id) NOT ENFORCED")
    t.sql("INSERT INTO {t} SELECT id, s, wide FROM src WHERE id < 500;")
    t.rows = [{n: r[n] for n in ("id", "s", "wide")} for r in data.rows(0, 500)]


@kind()
def overwrite(t):
    """INSERT OVERWRITE of the whole table."""
    t.filled()
    t.rows = []
    t.insert(500, 900, into="OVERWRITE")


@kind()
def overwrite_partitions(t):
    """INSERT OVERWRITE of some partitions."""
    t.filled(by="city")
    t.sql("INSERT OVERWRITE {t} SELECT * FROM src WHERE city = 'Ulm' AND id >= 2000 AND id < 2500;")
    t.rows = [r for r in t.rows if r["city"] != "Ulm"] + [r for r in data.rows(2000, 2500) if r["city"] == "Ulm"]


@kind()
def updated(t):
    """UPDATE."""
    t.filled()
    t.sql("UPDATE {t} SET s = 'changed', i = CAST(NULL AS INT) WHERE id < 700;")
    t.rows = [{**r, "s": "changed", "i": None} if r["id"] < 700 else r for r in t.rows]


@kind()
def deleted(t):
    """DELETE."""
    t.filled(by="city")
    t.sql("DELETE FROM {t} WHERE id >= 100 AND id < 600;")
    t.rows = [r for r in t.rows if not 100 <= r["id"] < 600]


@kind()
def truncated(t):
    """TRUNCATE TABLE, then append."""
    t.filled()
    t.sql("TRUNCATE TABLE {t};")
    t.rows = []
    t.insert(3000, 3300)


# The rows of files that a streaming job reads, and what it is told to do with its table meanwhile.
PARTS = [(n * 300, n * 300 + 300) for n in range(4)]
KEPT = {"sink.commit.max-age": "0", "flink-maintenance.rewrite.enabled": "true", "flink-maintenance.rewrite.schedule.commit-count": "2",
        "flink-maintenance.rewrite.min-input-files": "2", "flink-maintenance.rewrite.delete-file-threshold": "1",
        "flink-maintenance.expire-snapshots.enabled": "true", "flink-maintenance.expire-snapshots.schedule.commit-count": "2",
        "flink-maintenance.expire-snapshots.max-snapshot-age-seconds": "0", "flink-maintenance.delete-orphan-files.enabled": "true",
        "flink-maintenance.delete-orphan-files.schedule.commit-count": "2", "flink-maintenance.delete-orphan-files.min-age-seconds": "86400"}


def follow(t, seen, columns="*"):
    """Runs a streaming job into the table that reads a file after another, and waits for each of them until seen says so."""
    folder = t.lab.root / f"incoming-{t.name}"
    folder.mkdir()
    job = t.lab.start(f"""
SET 'execution.checkpointing.dir' = 'file://{t.lab.root}/checkpoints-{t.name}';
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE incoming ({data.declared()}) WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'parquet',
  'source.monitor-interval' = '100 ms');
INSERT INTO lake.{t.table} SELECT {columns} FROM incoming;
""")
    try:
        for part, (first, end) in enumerate(PARTS):
            data.write(folder, first, end, f"part-{part}")
            t.lab.wait(lambda: seen(end), job)
            if part == 1 and "flink-maintenance.rewrite.enabled" in t.lab.load(t.table).properties:
                t.lab.wait(lambda: "replace" in operations(t), job)
    finally:
        job.terminate()
        job.wait(60)


def operations(t):
    """What the snapshots of a table did, the newest last."""
    return [s.summary.operation.value for s in sorted(t.lab.load(t.table).snapshots(), key=lambda s: s.sequence_number)]


@kind()
def streaming(t):
    """a streaming job that commits each file it finds."""
    t.create(partitioning="bucket(2, id)", **{"sink.commit.max-age": "0"})
    follow(t, lambda end: t.lab.count(t.table) == end)
    t.rows = data.rows(0, PARTS[-1][1])
    if len(operations(t)) < len(PARTS):
        raise RuntimeError("the streaming job made too few snapshots")


@kind()
def kept_by_job(t):
    """a streaming job that gathers data files, expires snapshots and looks for orphans (flink-maintenance)."""
    t.create(partitioning="bucket(2, id)", **KEPT)
    follow(t, lambda end: t.lab.count(t.table) == end)
    t.rows = data.rows(0, PARTS[-1][1])
    if operations(t)[:2] == ["append", "append"]:
        raise RuntimeError("the streaming job did not expire its first snapshots")


@kind()
def lists_of_rows(t):
    """NULL in place of an ARRAY of ROWs."""
    t.schema = pa.schema([("id", pa.int64()), ("parts", pa.list_(pa.struct([("k", pa.int64())])))])
    t.create(columns="id BIGINT, parts ARRAY<ROW<k BIGINT>>")
    t.sql("INSERT INTO {t} VALUES (1, ARRAY[ROW(1), ROW(2)]), (2, CAST(NULL AS ARRAY<ROW<k BIGINT>>));")
    t.rows = [{"id": 1, "parts": [{"k": 1}, {"k": 2}]}, {"id": 2, "parts": None}]


@kind()
def times(t):
    """TIME."""
    t.schema = pa.schema([("id", pa.int64()), ("at", pa.time64("us"))])
    t.create(columns="id BIGINT, `at` TIME(3)")
    t.sql("INSERT INTO {t} VALUES (1, TIME '00:00:00'), (2, TIME '23:59:59.999'), (3, CAST(NULL AS TIME(3)));")
    t.rows = [{"id": 1, "at": datetime.time(0)}, {"id": 2, "at": datetime.time(23, 59, 59, 999_000)}, {"id": 3, "at": None}]


@kind(3)
def nanoseconds(t):
    """TIMESTAMP(9) and TIMESTAMP_LTZ(9)."""
    t.schema = pa.schema([("id", pa.int64()), ("ts", pa.timestamp("ns")), ("tz", pa.timestamp("ns", "UTC"))])
    t.create(columns="id BIGINT, ts TIMESTAMP(9), tz TIMESTAMP_LTZ(9)")
    t.sql("INSERT INTO {t} VALUES (1, TIMESTAMP '2020-01-02 03:04:05.123456789', CAST(TIMESTAMP '1960-01-02 03:04:05.000000001' AS TIMESTAMP_LTZ(9)));")
    t.rows = [{"id": 1, "ts": pa.scalar(1_577_934_245_123_456_789, pa.timestamp("ns")).as_py(),
               "tz": pa.scalar(-315_521_754_999_999_999, pa.timestamp("ns", "UTC")).as_py()}]


@kind(ref="audit")
def branch(t):
    """a branch that is written to."""
    t.filled()
    t.sql("INSERT INTO {t} /*+ OPTIONS('branch' = 'audit') */ SELECT * FROM src WHERE id >= 3000 AND id < 3200;")
    t.rows += data.rows(3000, 3200)
    t.sql("INSERT INTO {t} SELECT * FROM src WHERE id < 100;")


@kind()
def branch_main(t):
    """the table beside its branch, and a branch that was brought in."""
    t.filled(by="city")
    t.sql("INSERT INTO {t} /*+ OPTIONS('branch' = 'audit') */ SELECT * FROM src WHERE id >= 3000 AND id < 3200;")
    t.call("fast_forward", "branch => 'main', `to` => 'audit'")
    t.rows += data.rows(3000, 3200)
    t.sql("INSERT INTO {t} /*+ OPTIONS('branch' = 'audit') */ SELECT * FROM src WHERE id >= 3200 AND id < 3300;")


@kind(ref="friday")
def tag(t):
    """a tag, after expire_snapshots."""
    t.filled()
    t.call("create_tag", "tag => 'friday'")
    t.sql("DELETE FROM {t} WHERE id < 500;")
    t.call("expire_snapshots", "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1")


@kind()
def staged(t):
    """staged snapshots (wap.id), published."""
    t.filled(**{"write.wap.enabled": "true"})
    t.sql("INSERT INTO {t} /*+ OPTIONS('wap.id' = 'load 7') */ SELECT * FROM src WHERE id >= 3000 AND id < 3200;")
    t.insert(2000, 2100)
    t.call("publish_changes", "wap_id => 'load 7'")
    t.rows += data.rows(3000, 3200)


@kind()
def binpacked(t):
    """rewrite_data_files, binpack."""
    t.many(by="city")
    t.call("rewrite_data_files", "options => MAP['rewrite-all', 'true']")


@kind()
def sorted_files(t):
    """rewrite_data_files, sort."""
    t.many()
    t.call("rewrite_data_files", "strategy => 'sort', sort_order => 'd DESC NULLS LAST, s', options => MAP['rewrite-all', 'true']")


@kind()
def manifests(t):
    """rewrite_manifests."""
    t.many(by="city")
    t.call("rewrite_manifests")


@kind()
def expired(t):
    """expire_snapshots, of which one had deletes."""
    t.many()
    t.sql("DELETE FROM {t} WHERE id < 100;")
    t.rows = [r for r in t.rows if r["id"] >= 100]
    t.call("expire_snapshots", "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1")


@kind()
def orphans(t):
    """remove_orphan_files."""
    t.many()
    t.call("remove_orphan_files")


@kind()
def rolled_back(t):
    """rollback_to_snapshot, then append."""
    t.filled()
    before = t.lab.load(t.table).current_snapshot()
    t.sql("DELETE FROM {t} WHERE id < 1000;")
    t.call("rollback_to_snapshot", f"snapshot_id => {before.snapshot_id}")
    t.insert(2000, 2100)


@kind()
def maintained(t):
    """all maintenance, one after another, with appends between."""
    t.many(partitioning="bucket(2, id)")
    t.call("rewrite_data_files", "strategy => 'sort', sort_order => 'id', options => MAP['rewrite-all', 'true']")
    t.insert(1200, 1300)
    t.call("rewrite_manifests")
    t.insert(1300, 1400)
    t.call("expire_snapshots", "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1")
    t.call("remove_orphan_files")
    t.insert(1400, 1500)
