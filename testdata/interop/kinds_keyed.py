"""The kinds of tables into which Wadi writes rows by key."""

import pyarrow as pa

import data
from kinds import KEPT, PARTS, follow, kind

KEYED = ["id", "price", "s", "city", "dt", "ts", "tags", "place"]


def create(t, **options):
    """A table with a key."""
    t.schema = pa.schema([data.SCHEMA.field(n) for n in KEYED])
    t.create(columns=data.declared(KEYED).replace("BIGINT", "BIGINT NOT NULL", 1) + ", PRIMARY KEY (id) NOT ENFORCED",
             **{"write.upsert.enabled": "true", **options})


def put(t, first, end, shift):
    """Rows of src whose ids are less by shift take the place of those that have their keys."""
    t.sql(f"INSERT INTO {{t}} SELECT id - {shift} AS id, {', '.join(KEYED[1:])} FROM src WHERE id >= {first + shift} AND id < {end + shift};")
    changed = {r["id"] - shift: {n: r["id"] - shift if n == "id" else r[n] for n in KEYED} for r in data.rows(first + shift, end + shift)}
    t.rows = [r for r in t.rows if r["id"] not in changed] + list(changed.values())


def keyed(t, **options):
    """A table with a key, into which rows and changes go in several jobs."""
    create(t, **options)
    for change in ((0, 1000, 0), (400, 1200, 2000), (100, 200, 1000)):
        put(t, *change)


@kind()
def upserted(t):
    """rows by key: position deletes in format 2, deletion vectors in 3."""
    keyed(t)


@kind()
def upserted_partitioned(t):
    """rows by key, partitioned by bucket of the key."""
    keyed(t, partitioning="bucket(3, id)")


@kind()
def upserted_moving(t):
    """rows by key, which move between the partitions of a STRING."""
    keyed(t, partitioning="city")


@kind()
def upserted_by_equality(t):
    """rows by key: equality deletes."""
    keyed(t, **{"write.upsert.mode": "equality"})


@kind()
def upserted_by_equality_folded(t):
    """rows by key: equality deletes, then rewrite_data_files."""
    keyed(t, **{"write.upsert.mode": "equality"})
    t.call("rewrite_data_files", "options => MAP['rewrite-all', 'true']")


@kind()
def upserted_by_copying(t):
    """rows by key: copy-on-write."""
    keyed(t, **{"write.upsert.mode": "copy-on-write"})


@kind()
def upserted_rewritten(t):
    """rows by key, rewrite_data_files, rows by key again."""
    keyed(t)
    t.call("rewrite_data_files", "options => MAP['rewrite-all', 'true']")
    put(t, 0, 100, 3000)


@kind()
def upserted_evolved(t):
    """rows by key, a column added and one renamed, rows by key again."""
    keyed(t)
    t.sql("ALTER TABLE {t} ADD later STRING; ALTER TABLE {t} RENAME s TO text;")
    t.sql(f"INSERT INTO {{t}} SELECT id - 3000 AS id, {', '.join(KEYED[1:])}, city AS later FROM src WHERE id >= 3000 AND id < 3100;")
    t.rows = [{**r, "text": r["s"], "later": None} for r in t.rows if r["id"] >= 100]
    t.rows += [{**r, "id": r["id"] - 3000, "text": r["s"], "later": r["city"]} for r in data.rows(3000, 3100)]
    t.schema = t.schema.set(KEYED.index("s"), pa.field("text", pa.string())).append(pa.field("later", pa.string()))


@kind()
def upserted_manifests(t):
    """rows by key, rewrite_manifests."""
    keyed(t)
    t.call("rewrite_manifests")


@kind()
def upserted_expired(t):
    """rows by key, expire_snapshots and remove_orphan_files."""
    keyed(t)
    t.call("expire_snapshots", "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1")
    t.call("remove_orphan_files")


@kind()
def upserted_maintained(t):
    """rows by key, all maintenance, one after another, with rows by key between."""
    keyed(t, partitioning="bucket(2, id)")
    t.call("rewrite_data_files", "strategy => 'sort', sort_order => 'id', options => MAP['rewrite-all', 'true']")
    put(t, 0, 100, 3000)
    t.call("rewrite_manifests")
    put(t, 100, 200, 3000)
    t.call("expire_snapshots", "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1")
    t.call("remove_orphan_files")
    put(t, 50, 150, 3300)


@kind()
def upserted_kept_by_job(t):
    """rows by key of a streaming job that gathers data files, folds deletes in and expires snapshots (flink-maintenance)."""
    create(t, **KEPT)

    def seen(end):
        mark = data.row(end - 1)["s"] or data.row(end - 2)["s"]
        try:
            return mark in t.lab.load(t.table).scan(selected_fields=("s",)).to_arrow()["s"].to_pylist()
        except FileNotFoundError:  # the job has expired the snapshot that is read, as it is told to
            return False

    follow(t, seen, f"id % 400 AS id, {', '.join(KEYED[1:])}")
    t.rows = list({i % 400: {n: i % 400 if n == "id" else data.row(i)[n] for n in KEYED} for i in range(PARTS[-1][1])}.values())
