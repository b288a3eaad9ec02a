"""The rows that are put into tables: every type, each column NULL now and then, values at their ends."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)

# Columns: name, type in SQL, type in Arrow.
COLUMNS = [
    ("id", "BIGINT", pa.int64()),
    ("flag", "BOOLEAN", pa.bool_()),
    ("tiny", "TINYINT", pa.int8()),
    ("small", "SMALLINT", pa.int16()),
    ("i", "INT", pa.int32()),
    ("f", "FLOAT", pa.float32()),
    ("d", "DOUBLE", pa.float64()),
    ("price", "DECIMAL(9, 2)", pa.decimal128(9, 2)),
    ("amount", "DECIMAL(18, 4)", pa.decimal128(18, 4)),
    ("wide", "DECIMAL(38, 10)", pa.decimal128(38, 10)),
    ("s", "STRING", pa.string()),
    ("city", "STRING", pa.string()),
    ("raw", "BYTES", pa.binary()),
    ("four", "BINARY(4)", pa.binary(4)),
    ("dt", "DATE", pa.date32()),
    ("ts", "TIMESTAMP(6)", pa.timestamp("us")),
    ("tz", "TIMESTAMP_LTZ(6)", pa.timestamp("us", "UTC")),
    ("tags", "ARRAY<STRING>", pa.list_(pa.string())),
    ("counts", "MAP<STRING, BIGINT>", pa.map_(pa.string(), pa.int64())),
    ("place", "ROW<lat DOUBLE, name STRING, deep ROW<n INT, `at` DATE>>",
     pa.struct([("lat", pa.float64()), ("name", pa.string()), ("deep", pa.struct([("n", pa.int32()), ("at", pa.date32())]))])),
    ("parts", "ARRAY<ROW<k BIGINT, v STRING>>", pa.list_(pa.struct([("k", pa.int64()), ("v", pa.string())]))),
]

SCHEMA = pa.schema([(name, arrow) for name, _, arrow in COLUMNS])

FLOATS = [0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), 1e-30, -3.25]
TEXTS = ["", "a", "naïve", "日本語 text", "quote \" and \\ and '", "line\nbreak", "x" * 90, "🚀 rocket"]
CITIES = ["Ulm", "Köln", "New York", "a/b=c d", "%20", "São Paulo"]


def day(i):
    """Days on both sides of 1970."""
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=(i * 37) % 1500 - 750)


def instant(i):
    """Some forty days with microseconds, hours and years differ; a third is before 1970."""
    return EPOCH + datetime.timedelta(days=(i % 3 - 1) * 400, hours=i % 50, seconds=i % 3600, microseconds=(i * 7919) % 1_000_000)


def row(i):
    """Row i, a dict."""
    values = {
        "id": i,
        "flag": i % 2 == 0,
        "tiny": i % 256 - 128,
        "small": (i * 131) % 65536 - 32768,
        "i": (i * 2_000_003) % 2**32 - 2**31,
        "f": FLOATS[i % 8],
        "d": FLOATS[(i // 8) % 8] if i % 3 == 0 else i / 7,
        "price": decimal.Decimal((i * 7_919) % 2_000_000 - 1_000_000).scaleb(-2),
        "amount": decimal.Decimal(i * 123_456_789 - 10**11).scaleb(-4),
        "wide": (decimal.Decimal(i) - 1000) * decimal.Decimal("1234567890123456789.0123456789"),
        "s": f"{TEXTS[i % 8]} {i}",
        "city": CITIES[i % 6],
        "raw": bytes([i % 256, 0, 255]) * (i % 4),
        "four": (i * 2_654_435_761 % 2**32).to_bytes(4, "big"),
        "dt": day(i),
        "ts": instant(i),
        "tz": instant(i + 1).replace(tzinfo=UTC),
        "tags": [None if j == 1 else f"t{j}" for j in range(i % 4)],
        "counts": [(f"k{j}", None if j == 1 else i + j) for j in range(i % 3)],
        "place": {"lat": i / 8, "name": f"p{i % 10}" if i % 5 else None, "deep": {"n": i, "at": day(i + 1)} if i % 4 else None},
        "parts": [None if j == 2 else {"k": j, "v": f"v{i}" if j else None} for j in range(i % 4)],
    }
    names = list(values)
    for step, name in enumerate(names[1:], 1):
        if (i + step) % 23 == 0 and name != "parts":  # NULLs of that type are a kind of their own
            values[name] = None
    return values


def rows(first, end):
    """Rows first … end-1."""
    return [row(i) for i in range(first, end)]


def write(directory, first, end, name="rows"):
    """A Parquet file of some rows, in several row groups, for Wadi to read from; another library wrote it."""
    directory.mkdir(parents=True, exist_ok=True)
    hidden = directory / f".{name}"
    pq.write_table(pa.Table.from_pylist(rows(first, end), schema=SCHEMA), hidden, row_group_size=700)
    hidden.rename(directory / f"{name}.parquet")


def declared(names=None):
    """The columns as CREATE TABLE lists them."""
    return ", ".join(f"`{name}` {sql}" for name, sql, _ in COLUMNS if names is None or name in names)
