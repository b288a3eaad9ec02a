"""The kinds of tables whose columns, partitioning or order change between what Wadi writes into them.

Each is there twice: Wadi alters the table, or PyIceberg does, which changes none of format version 3.
"""

import hashlib
import struct

import pyarrow as pa
from pyiceberg.table.sorting import NullOrder
from pyiceberg.transforms import BucketTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import DoubleType, ListType, LongType, StringType, UUIDType

import data
from kinds import kind


@kind()
def ordered(t):
    """a sort order, from the start and altered."""
    t.create(**{"sort-order": "d DESC NULLS LAST, s"})
    t.insert(0, 1000)
    t.sql("ALTER TABLE {t} SET ('sort-order' = 'city NULLS LAST, id DESC');")
    t.insert(1000, 1500)


@kind(2)
def ordered_by_pyiceberg(t):
    """a sort order with a transform, which PyIceberg gave the table."""
    t.create()
    with t.lab.load(t.table).update_sort_order() as order:
        order.desc("d", IdentityTransform(), NullOrder.NULLS_LAST).asc("s", TruncateTransform(2), NullOrder.NULLS_FIRST)
    t.insert(0, 1000)
    t.insert(1000, 1500)


def respecify(t):
    """Appends with partitioning that Wadi changes between them."""
    t.create(by="city")
    t.insert(0, 300)
    t.sql("ALTER TABLE {t} SET ('partitioning' = 'city, bucket(2, id)');")
    t.insert(300, 600)
    t.sql("ALTER TABLE {t} SET ('partitioning' = 'bucket(2, id), month(ts)');")
    t.insert(600, 900)


def respecify_by_pyiceberg(t):
    """Appends with partitioning that PyIceberg changes between them."""
    t.create(by="city")
    t.insert(0, 300)
    with t.lab.load(t.table).update_spec() as spec:
        spec.add_field("id", BucketTransform(2), "id_bucket")
    t.insert(300, 600)
    with t.lab.load(t.table).update_spec() as spec:
        spec.remove_field("city")
    t.insert(600, 900)


@kind()
def respecified(t):
    """partitioning changed between appends."""
    respecify(t)


@kind()
def respecified_rewritten(t):
    """partitioning changed, then rewrite_data_files."""
    respecify(t)
    t.call("rewrite_data_files", "options => MAP['rewrite-all', 'true']")


@kind(2)
def respecified_by_pyiceberg(t):
    """partitioning changed by PyIceberg between appends."""
    respecify_by_pyiceberg(t)


@kind(2)
def respecified_by_pyiceberg_rewritten(t):
    """partitioning changed by PyIceberg, then rewrite_data_files."""
    respecify_by_pyiceberg(t)
    t.call("rewrite_data_files", "options => MAP['rewrite-all', 'true']")


def alter(t):
    """Changes of columns, in SQL."""
    t.sql("""ALTER TABLE {t} RENAME s TO text; ALTER TABLE {t} MODIFY (i BIGINT, f DOUBLE, dt DATE FIRST);
             ALTER TABLE {t} ADD later STRING; ALTER TABLE {t} DROP flag;""")


def alter_by_pyiceberg(t):
    """The same changes of columns, by PyIceberg."""
    with t.lab.load(t.table).update_schema() as schema:
        schema.rename_column("s", "text")
        schema.update_column("i", LongType())
        schema.update_column("f", DoubleType())
        schema.add_column("later", StringType())
        schema.delete_column("flag")
        schema.move_first("dt")


def single(value):
    """The DOUBLE that a FLOAT becomes."""
    return None if value is None else struct.unpack("f", struct.pack("f", value))[0]


def evolve(t, change):
    """Appends with columns that change between them."""
    t.create()
    t.insert(0, 600)
    change(t)
    source = ["dt", "id", *(n for n in data.SCHEMA.names[2:] if n != "dt")]
    t.schema = pa.schema([data.SCHEMA.field(n) for n in source] + [("later", pa.string())])
    for name, as_name, of in (("s", "text", pa.string()), ("i", "i", pa.int64()), ("f", "f", pa.float64())):
        t.schema = t.schema.set(source.index(name), pa.field(as_name, of))
    t.sql(f"INSERT INTO {{t}} SELECT {', '.join(source)}, CAST(id AS STRING) FROM src WHERE id >= 600 AND id < 1000;")
    t.rows = [{**r, "f": single(r["f"]), "text": r["s"], "later": None if r["id"] < 600 else str(r["id"])} for r in data.rows(0, 1000)]


def resort(t):
    """Writes all files anew, sorted by the column that came last."""
    t.call("rewrite_data_files", "strategy => 'sort', sort_order => 'later DESC NULLS LAST', options => MAP['rewrite-all', 'true']")


@kind()
def evolved(t):
    """columns added, renamed, widened, moved, dropped between appends."""
    evolve(t, alter)


@kind()
def evolved_rewritten(t):
    """columns changed, then rewrite_data_files, sort."""
    evolve(t, alter)
    resort(t)


@kind(2)
def evolved_by_pyiceberg(t):
    """columns added, renamed, widened, moved, dropped by PyIceberg between appends."""
    evolve(t, alter_by_pyiceberg)


@kind(2)
def evolved_by_pyiceberg_rewritten(t):
    """columns changed by PyIceberg, then rewrite_data_files, sort."""
    evolve(t, alter_by_pyiceberg)
    resort(t)


@kind(2)
def uuids(t):
    """UUID, in columns that PyIceberg added, one of which it partitioned by; then rewrite_data_files."""
    t.schema = pa.schema([("id", pa.int64()), ("u", pa.binary(16)), ("us", pa.list_(pa.binary(16)))])
    t.create(columns="id BIGINT")
    with t.lab.load(t.table).update_schema() as schema:
        schema.add_column("u", UUIDType())
        schema.add_column("us", ListType(3, UUIDType(), element_required=False))
    text = "CASE WHEN MOD(id, 7) = 0 THEN CAST(NULL AS BINARY(16)) ELSE CAST(UNHEX(MD5(CAST({} AS STRING))) AS BINARY(16)) END"
    for first, end in ((0, 200), (200, 300)):
        t.sql(f"INSERT INTO {{t}} SELECT id, {text.format('id')}, ARRAY[{text.format('id + 1')}, {text.format('id')}] FROM src WHERE id >= {first} AND id < {end};")
        with t.lab.load(t.table).update_spec() as spec:
            if first == 0:
                spec.add_field("u", BucketTransform(3), "u_bucket")
    digest = lambda of, i: None if i % 7 == 0 else hashlib.md5(str(of).encode()).digest()
    t.rows = [{"id": i, "u": digest(i, i), "us": [digest(i + 1, i), digest(i, i)]} for i in range(300)]
    t.call("rewrite_data_files", "options => MAP['min-input-files', '2']")
