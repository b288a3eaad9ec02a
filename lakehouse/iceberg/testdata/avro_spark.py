"""Spark makes the table avro_spark, of Avro files alone, and prints what it reads of it:

    python avro_spark.py directory-of-jars directory

The interpreter and the jars are those of `make interop`, in bin/interop. The data and the newest metadata are kept here.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "testdata" / "interop"))
import spark

jars, out = sys.argv[1:]
session = spark.session({"jars": jars, "out": out, "catalog": out + "/cat.db", "warehouse": out})
ROWS = """SELECT CAST(id AS INT), CASE WHEN id % 2 = 0 THEN 'Ulm' ELSE 'Bonn' END, id % 3 = 0, CAST(id / 2 AS FLOAT), id / 4, CAST(id AS DECIMAL(9, 2)) / 100, CAST(id AS DECIMAL(38, 10)) * -1000000000,
    date_add(DATE'2024-01-01', CAST(id AS INT)), timestamp_micros(1704067200000000 + id), CAST(timestamp_micros(1704067200000000 - id) AS TIMESTAMP_NTZ), CAST(CAST(id AS STRING) AS BINARY),
    CASE WHEN id % 5 = 0 THEN NULL ELSE named_struct('a', CAST(id AS INT), 'b c', CAST(id AS STRING)) END, array(CAST(id AS INT), NULL), map('k', id),
    map(CAST(id AS INT), named_struct('x', CAST(id AS STRING))) FROM range(0, 200)"""
for statement in [
    "CREATE NAMESPACE IF NOT EXISTS lake.db",
    """CREATE TABLE lake.db.spark (id INT, city STRING, ok BOOLEAN, f FLOAT, d DOUBLE, price DECIMAL(9, 2), big DECIMAL(38, 10), day DATE, ts TIMESTAMP, local TIMESTAMP_NTZ, raw BINARY,
        s STRUCT<a: INT, `b c`: STRING>, l ARRAY<INT>, m MAP<STRING, BIGINT>, mm MAP<INT, STRUCT<x: STRING>>)
        USING iceberg PARTITIONED BY (city, bucket(2, id)) TBLPROPERTIES ('format-version' = '2', 'write.format.default' = 'avro', 'write.delete.format.default' = 'avro',
        'write.delete.mode' = 'merge-on-read')""",
    "INSERT INTO lake.db.spark " + ROWS,
    "INSERT INTO lake.db.spark (id, city) VALUES (NULL, 'Ulm')",
    "DELETE FROM lake.db.spark WHERE id % 10 = 7",
    "ALTER TABLE lake.db.spark ALTER COLUMN id TYPE BIGINT",
    "ALTER TABLE lake.db.spark RENAME COLUMN price TO cost",
    "ALTER TABLE lake.db.spark ADD COLUMN note STRING",
    "ALTER TABLE lake.db.spark DROP COLUMN raw",
    "ALTER TABLE lake.db.spark SET TBLPROPERTIES ('write.avro.compression-codec' = 'zstd')",
    "INSERT INTO lake.db.spark (id, city, cost, note) VALUES (9000000000, 'Ulm', 1.25, 'wide')",
]:
    session.sql(statement)
session.sql("SELECT content, file_format, partition, record_count FROM lake.db.spark.files").show(50, False)
session.sql("""SELECT count(*), sum(id), sum(f), sum(d), sum(cost), sum(big), max(day), max(ts), min(local), sum(s.a), sum(length(s.`b c`)), sum(l[0]), sum(m['k']),
    sum(length(mm[id].x)), count(note), count(s) FROM lake.db.spark""").show(1, False)
session.sql("SELECT * FROM lake.db.spark WHERE id IN (15, 16, 9000000000) OR id IS NULL ORDER BY id").show(5, False)
