"""Writes tables with PyIceberg whose schema and partitioning change.

usage: evolve.py <directory>: the catalog "cat" in <directory>/cat.db
"""
import os, sys
from decimal import Decimal
import pyarrow as pa, pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import *

root = sys.argv[1]
cat = SqlCatalog("cat", uri=f"sqlite:///{root}/cat.db", warehouse=f"file://{root}/wh")
cat.create_namespace_if_not_exists("default")


def rows(table, *dicts):
    schema = table.schema().as_arrow()
    table.append(pa.Table.from_pylist(list(dicts), schema=schema))


old = Schema(
    NestedField(1, "id", IntegerType(), required=False),
    NestedField(2, "name", StringType(), required=False),
    NestedField(3, "price", FloatType(), required=False),
    NestedField(4, "amount", DecimalType(9, 2), required=False),
    NestedField(5, "s", StructType(NestedField(6, "x", IntegerType()), NestedField(7, "y", StringType())), required=False),
    NestedField(8, "l", ListType(9, StructType(NestedField(10, "a", IntegerType())), element_required=False), required=False),
    NestedField(11, "m", MapType(12, StringType(), 13, StructType(NestedField(14, "v", FloatType())), value_required=False), required=False),
    NestedField(15, "gone", StringType(), required=False),
)
t = cat.create_table("default.evolved", old)
rows(
    t,
    dict(id=1, name="one", price=1.5, amount=Decimal("1.25"), s=dict(x=10, y="ten"), l=[dict(a=1), None], m=[("k", dict(v=0.5))], gone="g"),
    dict(id=2, name=None, price=None, amount=None, s=None, l=None, m=None, gone=None),
)
with t.update_schema() as u:
    u.update_column("id", LongType())
    u.update_column("price", DoubleType())
    u.update_column("amount", DecimalType(18, 2))
    u.update_column(("s", "x"), LongType())
    u.update_column(("m", "value", "v"), DoubleType())
    u.rename_column("name", "label")
    u.rename_column("s.y", "z")
    u.delete_column("gone")
    u.add_column("extra", StringType())
    u.add_column(("s", "w"), DateType())
    u.add_column(("l", "b"), StringType())
with t.update_schema() as u:
    u.move_first("label")
with t.update_schema() as u:
    u.add_column("gone", IntegerType())  # another column of the old name

t2 = cat.create_table("default.evolved2", old)
rows(t2, dict(id=1, name="one", price=1.5, amount=Decimal("1.25"), s=dict(x=10, y="ten"), l=[dict(a=1)], m=[], gone="g"))
with t2.update_schema() as u:
    u.update_column("id", LongType())
    u.rename_column("name", "label")
    u.add_column(("s", "w"), DateType())
rows(t2, dict(id=2**40, label="two", s=dict(x=20, y="twenty", w=None)))

# a file without field ids, by the mapping of names
plain = pa.table({"id": pa.array([7, 8], pa.int64()), "text": ["seven", "eight"], "in": [{"deep": 1}, None]})
os.makedirs(f"{root}/plain")
pq.write_table(plain, f"{root}/plain/f.parquet")
t3 = cat.create_table("default.mapped", plain.schema)
t3.add_files([f"file://{root}/plain/f.parquet"])
with t3.update_schema() as u:
    u.rename_column("text", "words")

# partitioning that changes
t4 = cat.create_table("default.parts", Schema(NestedField(1, "id", LongType(), required=False), NestedField(2, "country", StringType(), required=False), NestedField(3, "n", IntegerType(), required=False)))
rows(t4, dict(id=1, country="de", n=1), dict(id=2, country="fr", n=2))
with t4.update_spec() as u:
    u.add_identity("country")
rows(t4, dict(id=3, country="de", n=3), dict(id=4, country="it", n=4), dict(id=5, country=None, n=5))
with t4.update_spec() as u:
    u.remove_field("country")
    u.add_identity("n")
rows(t4, *[dict(id=i, country="es", n=i % 2) for i in range(6, 10)])
with t4.update_schema() as u:
    u.rename_column("country", "land")
