# Runs the queries on its standard input, one JSON object per line, in DuckDB with
# one thread, and answers each with one line: the medians of five runs after a
# first that warms up, or the rows of a check.
import json, statistics, sys, time

import duckdb

con = duckdb.connect()
con.execute("SET threads = 1")
con.execute("SET enable_progress_bar = false")
for line in sys.stdin:
    ask = json.loads(line)
    if ask.get("check"):
        print(json.dumps([str(v) for v in con.execute(ask["sql"]).fetchall()[0]]), flush=True)
        continue
    wall, cpu, rows = [], [], 0
    for turn in range(6):
        w, c = time.perf_counter(), time.process_time()
        if ask["fetch"]:
            query = con.sql(ask["sql"])
            reader = query.to_arrow_reader(65536) if hasattr(query, "to_arrow_reader") else query.fetch_record_batch(65536)
            rows = sum(batch.num_rows for batch in reader)
        else:
            rows = con.execute(ask["sql"]).fetchall()[0][0]
        if turn:
            wall.append(time.perf_counter() - w)
            cpu.append(time.process_time() - c)
    print(json.dumps({"version": duckdb.__version__, "wall": statistics.median(wall), "cpu": statistics.median(cpu), "rows": rows}), flush=True)
