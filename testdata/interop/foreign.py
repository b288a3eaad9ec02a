"""The kinds of tables that others write and Wadi reads, as data: Spark's are SQL, of which {t} is the table.

`src` is the table of data.py. What the writer itself reads at the end is what Wadi must read, or a clear error must name what is
not supported. `refuses` is a pattern of that error.
"""

import re

KINDS = []


class Foreign:
    """A table that another engine writes."""

    def __init__(self, writer, name, version, title, steps=(), ref=None, refuses=None, conditions=True, read=""):
        self.writer, self.version, self.title, self.steps = writer, version, title, list(steps)
        self.name = f"{writer}{version}_{name}"
        self.table = f"{writer}{version}.{name}"
        self.read = self.table + read
        self.ref, self.refuses, self.conditions = ref, refuses, [] if conditions else None

    def task(self):
        """What the writer's program needs to know."""
        return {"name": self.name, "table": self.table, "read": self.read, "steps": [s.replace("{t}", f"lake.{self.table}") for s in self.steps], "ref": self.ref}


def spark(name, title, *steps, properties="", columns="*", by="", versions=(2, 3), rows=1000, **more):
    """A table that Spark makes with rows of src, before the steps."""
    for version in versions:
        listed = f"'format-version' = '{version}'" + (f", {properties}" if properties else "")
        made = f"CREATE TABLE {{t}} USING iceberg {f'PARTITIONED BY ({by})' if by else ''} TBLPROPERTIES ({listed}) AS SELECT {columns} FROM src WHERE id < {rows}"
        KINDS.append(Foreign("spark", name, version, title, [made, *steps], **more))


MERGE_ON_READ = "'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read', 'write.merge.mode' = 'merge-on-read'"

spark("appended", "append", "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1500")
spark("transforms", "partitioned by identity, bucket, days and truncate", by="city, bucket(2, id), days(ts), truncate(1, s)", rows=200)
spark("truncates", "partitioned by truncate of a DECIMAL", by="truncate(500, price)", rows=300)
spark("hours_of", "partitioned by hours and years", by="hours(ts), years(dt)", rows=300)
spark("deleted", "DELETE, merge-on-read", "DELETE FROM {t} WHERE id % 7 = 0", "DELETE FROM {t} WHERE id % 11 = 3", properties=MERGE_ON_READ)
spark("updated", "UPDATE, merge-on-read, partitioned", "UPDATE {t} SET s = 'new', i = NULL WHERE id % 5 = 1", "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1100",
      "DELETE FROM {t} WHERE id > 1050", properties=MERGE_ON_READ, by="city")
spark("merged", "MERGE INTO, merge-on-read", """MERGE INTO {t} AS t USING (SELECT * FROM src WHERE id >= 900 AND id < 1200) AS u ON t.id = u.id
      WHEN MATCHED AND u.id % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET t.s = 'merged' WHEN NOT MATCHED THEN INSERT *""", properties=MERGE_ON_READ)
spark("copied", "DELETE and UPDATE, copy-on-write", "DELETE FROM {t} WHERE id % 7 = 0", "UPDATE {t} SET s = 'new' WHERE id < 50")
spark("file_deletes", "position deletes of one data file each", "DELETE FROM {t} WHERE id % 7 = 0",
      properties=MERGE_ON_READ + ", 'write.delete.granularity' = 'file'", by="bucket(3, id)", versions=(2,))
spark("upgraded", "position deletes of format 2, then deletion vectors of format 3", "DELETE FROM {t} WHERE id % 7 = 0",
      "ALTER TABLE {t} SET TBLPROPERTIES ('format-version' = '3')", "DELETE FROM {t} WHERE id % 5 = 0",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1100", "DELETE FROM {t} WHERE id % 11 = 0", properties=MERGE_ON_READ, versions=(2,))
spark("equality", "equality deletes, of several columns and with NULL", "equality id 3 14 15 92", "equality city,flag Ulm,true NULL,false",
      "INSERT INTO {t} SELECT * FROM src WHERE id < 10")
spark("equality_partitioned", "equality deletes of a partition", "equality id 6 12 13", by="city", versions=(2,))
spark("evolved", "columns added, renamed, dropped, widened, moved, also in rows", "ALTER TABLE {t} ADD COLUMN later STRING AFTER id",
      "ALTER TABLE {t} RENAME COLUMN s TO text", "ALTER TABLE {t} ALTER COLUMN i TYPE BIGINT", "ALTER TABLE {t} ALTER COLUMN f TYPE DOUBLE",
      "ALTER TABLE {t} ALTER COLUMN price TYPE DECIMAL(12, 2)", "ALTER TABLE {t} DROP COLUMN flag", "ALTER TABLE {t} ADD COLUMN place.more STRING",
      "ALTER TABLE {t} RENAME COLUMN place.name TO called", "ALTER TABLE {t} ADD COLUMN parts.element.w INT", "ALTER TABLE {t} ALTER COLUMN d FIRST",
      "INSERT INTO {t} (id, later, text, i, f) VALUES (5000, 'l', 't', 9000000000, 1e300)")
spark("reborn", "a column dropped, and another of its name added", "ALTER TABLE {t} DROP COLUMN s", "ALTER TABLE {t} ADD COLUMN s BIGINT",
      "INSERT INTO {t} (id, s) VALUES (5000, 7)", conditions=False)
spark("respecified", "partitioning changed: fields added, replaced, dropped", "ALTER TABLE {t} ADD PARTITION FIELD bucket(2, id)",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 300 AND id < 400", "ALTER TABLE {t} REPLACE PARTITION FIELD city WITH truncate(1, city)",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 400 AND id < 500", "ALTER TABLE {t} DROP PARTITION FIELD bucket(2, id)",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 500 AND id < 600", "DELETE FROM {t} WHERE id % 7 = 0", by="city", rows=300, properties=MERGE_ON_READ)
spark("avro", "data files and deletes in Avro, a column added", "DELETE FROM {t} WHERE id % 7 = 0", "ALTER TABLE {t} ADD COLUMN later STRING AFTER id", "INSERT INTO {t} (id, later) VALUES (5000, 'l')",
      properties=MERGE_ON_READ + ", 'write.format.default' = 'avro'")
spark("orc", "data files in ORC", properties="'write.format.default' = 'orc'", refuses=r"(?i)orc")
spark("avro_deletes", "position deletes in Avro", "DELETE FROM {t} WHERE id % 7 = 0", properties=MERGE_ON_READ + ", 'write.delete.format.default' = 'avro'",
      versions=(2,))
spark("tagged", "a tag", "ALTER TABLE {t} CREATE TAG before", "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1500", ref="before")
spark("branched", "a branch, written to", "ALTER TABLE {t} CREATE BRANCH audit", "INSERT INTO {t}.branch_audit SELECT * FROM src WHERE id >= 1000 AND id < 1500",
      "DELETE FROM {t} WHERE id < 500", ref="audit")
spark("ordered", "a sort order, and z-order of files", "ALTER TABLE {t} WRITE ORDERED BY bucket(2, id), s DESC", "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1500")
spark("compacted", "rewrite_data_files and rewrite_manifests after deletes", "DELETE FROM {t} WHERE id % 7 = 0",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1500", "procedure rewrite_data_files options => map('rewrite-all', 'true')",
      "procedure rewrite_manifests", "DELETE FROM {t} WHERE id % 7 = 1", properties=MERGE_ON_READ, by="city")
spark("compressed", "gzip pages of version 2 and gzip metadata", properties="'write.parquet.compression-codec' = 'gzip', 'write.parquet.page-version' = 'v2', 'write.metadata.compression-codec' = 'gzip'")
spark("codecs", "lz4 and snappy files, small row groups and pages, bloom filters", "ALTER TABLE {t} SET TBLPROPERTIES ('write.parquet.compression-codec' = 'snappy')",
      "INSERT INTO {t} SELECT * FROM src WHERE id >= 1000 AND id < 1500", properties="""'write.parquet.compression-codec' = 'lz4', 'write.parquet.row-group-size-bytes' = '20000',
      'write.parquet.page-size-bytes' = '2000', 'write.parquet.bloom-filter-enabled.column.s' = 'true'""")
spark("metrics", "no bounds in manifests", properties="'write.metadata.metrics.default' = 'none'")
spark("stored", "object storage layout", properties="'write.object-storage.enabled' = 'true'", by="city")
spark("defaults", "a column added with a default", "default grade 5", "INSERT INTO {t} (id, grade) VALUES (5000, 6)", versions=(3,))
spark("variant", "VARIANT", "INSERT INTO {t} VALUES (1000, parse_json('{\"a\": [1, \"x\", null]}'))", "INSERT INTO {t} VALUES (1001, parse_json('\"naïve\"')), (1002, parse_json('null')), (1003, parse_json('{\"a\": {\"b\": 1.25}, \"c\": true}'))",
      columns="id, CAST(NULL AS VARIANT) AS v", versions=(3,), conditions=False)
spark("empty", "no rows", rows=0, conditions=False)
spark("viewed", "a view", "CREATE VIEW {t}_view AS SELECT id, s FROM {t} WHERE id < 10", versions=(2,), read="_view", conditions=False)


def selected(pattern):
    """The kinds whose names have a pattern."""
    return [k for k in KINDS if re.search(pattern, k.name)]
