"""The kinds of tables that PyIceberg writes and Wadi reads; each is a function that makes one."""

import inspect
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import BinaryType, DoubleType, FixedType, LongType, NestedField, StringType, TimeType, UUIDType

import data
import foreign

MAKERS = {}


def kind(*versions, **more):
    """Registers a kind for format versions; its docstring is its title."""
    def add(make):
        for version in versions:
            table = foreign.Foreign("pyiceberg", make.__name__, version, inspect.getdoc(make).rstrip("."), **more)
            foreign.KINDS.append(table)
            MAKERS[table.name] = make
        return make
    return add


class Maker:
    """What a kind needs: the catalog, and the table's name and format version."""

    def __init__(self, lab, table):
        self.lab, self.version, self.table = lab, table.version, table.table
        self.catalog = lab.open()
        self.catalog.create_namespace_if_not_exists(table.table.split(".")[0])

    def create(self, schema=data.SCHEMA, spec=None):
        """A new table; Arrow's 8 and 16-bit integers become int."""
        more = {"partition_spec": spec} if spec else {}
        if isinstance(schema, pa.Schema):
            schema = pa.schema([pa.field(f.name, pa.int32() if f.type in (pa.int8(), pa.int16()) else f.type, f.nullable) for f in schema])
        return self.catalog.create_table(self.table, schema, properties={"format-version": str(self.version)}, **more)


def arrow(first, end, table=None):
    """Rows as Arrow, with the types of a table's columns."""
    rows = pa.Table.from_pylist(data.rows(first, end), schema=data.SCHEMA)
    for name in ("tiny", "small"):
        rows = rows.set_column(rows.schema.names.index(name), name, rows[name].cast(pa.int32()))
    return rows


@kind(1, 2)
def appended(m):
    """append."""
    table = m.create()
    table.append(arrow(0, 700))
    table.append(arrow(700, 1000))


@kind(1, 2)
def partitioned(m):
    """partitioned by identity, bucket, day and truncate."""
    schema = m.create().schema()
    m.catalog.drop_table(m.table)
    field = lambda name, n, transform: PartitionField(schema.find_field(name).field_id, 1000 + n, transform, f"{name}_{n}")
    table = m.create(schema, PartitionSpec(field("city", 0, IdentityTransform()), field("id", 1, BucketTransform(2)),
                                           field("ts", 2, DayTransform()), field("s", 3, TruncateTransform(1))))
    table.append(arrow(0, 200))


@kind(1, 2)
def deleted(m):
    """delete and overwrite, copy-on-write."""
    table = m.create()
    table.append(arrow(0, 1000))
    table.delete("id < 300")
    table.overwrite(arrow(0, 100), overwrite_filter="id >= 900")


@kind(2)
def upserted(m):
    """upsert by a key."""
    table = m.create(pa.schema([pa.field("id", pa.int64(), nullable=False), ("s", pa.string())]))
    rows = lambda first, end, word: pa.table({"id": list(range(first, end)), "s": [f"{word} {i}" for i in range(first, end)]}, schema=table.schema().as_arrow())
    table.append(rows(0, 500, "old"))
    table.upsert(rows(400, 600, "new"), join_cols=["id"])


@kind(2)
def evolved(m):
    """columns added, renamed, widened, moved, dropped."""
    table = m.create()
    table.append(arrow(0, 500))
    with table.update_schema() as schema:
        schema.rename_column("s", "text")
        schema.update_column("i", LongType())
        schema.update_column("f", DoubleType())
        schema.add_column("later", StringType())
        schema.add_column(("place", "more"), StringType())
        schema.rename_column(("place", "name"), "called")
        schema.delete_column("flag")
        schema.move_before("dt", "id")
    table.append(pa.Table.from_pylist([{"id": 5000, "text": "t", "i": 9_000_000_000, "f": 1e300, "later": "l"}], schema=table.schema().as_arrow()))


@kind(2)
def respecified(m):
    """partitioning changed between appends."""
    table = m.create()
    table.append(arrow(0, 200))
    with table.update_spec() as spec:
        spec.add_identity("city")
    table.append(arrow(200, 400))
    with table.update_spec() as spec:
        spec.remove_field("city")
        spec.add_field("id", BucketTransform(2), "id_bucket")
    table.append(arrow(400, 600))


@kind(2)
def named(m):
    """Parquet files without field ids, by a mapping of names."""
    table = m.create()
    path = m.lab.root / f"{m.table}.parquet"
    pq.write_table(arrow(0, 500), path)
    table.add_files([f"file://{path}"])


@kind(2, conditions=False)
def rare(m):
    """TIME, UUID, FIXED and BINARY."""
    table = m.create(Schema(NestedField(1, "id", LongType()), NestedField(2, "at", TimeType()), NestedField(3, "u", UUIDType()),
                            NestedField(4, "four", FixedType(4)), NestedField(5, "raw", BinaryType())))
    table.append(pa.table({"id": [1, 2, 3], "at": pa.array([0, 86_399_999_000, None], pa.time64("us")),
                           "u": pa.array([uuid.UUID(int=1).bytes, uuid.UUID(int=2**127 + 5).bytes, None], pa.binary(16)),
                           "four": pa.array([b"abcd", b"\0\0\0\0", None], pa.binary(4)), "raw": [b"", b"\0", None]}))


def make(lab, tables):
    """Makes the tables, and leaves what PyIceberg reads of them as Arrow files."""
    for t in tables:
        if t.writer != "pyiceberg":
            continue
        try:
            MAKERS[t.name](Maker(lab, t))
            got = lab.load(t.table).scan().to_arrow()
            with pa.OSFile(str(lab.out / f"{t.name}.arrow"), "wb") as file, pa.ipc.new_file(file, got.schema) as writer:
                writer.write_table(got)
        except Exception as error:  # the report says it
            (lab.out / f"{t.name}.unwritten").write_text(f"{type(error).__name__}: {error}")
