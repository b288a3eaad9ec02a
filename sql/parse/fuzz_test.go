package parse_test

import (
	"testing"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// FuzzParse: any text gives statements or an error with a position, never a
// panic, and every statement prints as text that parses to the same tree.
func FuzzParse(f *testing.F) {
	for _, sql := range []string{
		"SELECT a.b[1].c, -(-1), 'it''s' || U&'\\0041' FROM `t x` /*+ OPTIONS('a'='b') */ FOR SYSTEM_TIME AS OF x AS y WHERE NOT a IS NULL",
		"SELECT COUNT(DISTINCT a) FILTER (WHERE b) OVER (PARTITION BY c ORDER BY d DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
		"WITH a AS (SELECT 1) SELECT * FROM a UNION ALL (SELECT * FROM b ORDER BY 1 LIMIT 2) INTERSECT VALUES (1, 2), (3, 4)",
		"SELECT * FROM TABLE(TUMBLE(TABLE t PARTITION BY k, DESCRIPTOR(ts), SIZE => INTERVAL '1-2' YEAR TO MONTH)) x JOIN LATERAL TABLE(f(a)) ON TRUE",
		"SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY a MEASURES FINAL LAST(B.x) AS y AFTER MATCH SKIP TO FIRST B PATTERN (A{2,3}? (B | C)+ {- D -}) DEFINE A AS TRUE)",
		"CREATE TABLE t (a ROW<b ARRAY<INT NOT NULL>> COMMENT 'x', c AS a + 1, m STRING METADATA FROM 'k' VIRTUAL, PRIMARY KEY (a) NOT ENFORCED, WATERMARK FOR c AS c - INTERVAL '5' SECOND) DISTRIBUTED BY HASH(a) INTO 3 BUCKETS WITH ('k' = 'v') LIKE u (INCLUDING ALL)",
		"EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT OVERWRITE b PARTITION (p = 1) SELECT 2; END;",
		"SELECT CASE a WHEN 1, 2 THEN 3 ELSE 4 END, CAST(a AS DECIMAL(10, 2)), EXTRACT(DAY FROM d), TRIM(BOTH 'x' FROM y), a BETWEEN 1 AND 2 AND b",
		"SELECT JSON_VALUE(a, '$.b' RETURNING INT DEFAULT 1 ON EMPTY), JSON_OBJECT(KEY 'a' VALUE b ABSENT ON NULL), x IN ((SELECT 1), 2), (SELECT 1) + 2",
		"ALTER TABLE t ADD (a INT FIRST, b INT AFTER a); SHOW TABLES LIKE 'x'; SET 'a' = 'b'; EXPLAIN ESTIMATED_COST SELECT 1",
		"SELECT a FROM ((SELECT 1) UNION (SELECT 2)) t, (a CROSS JOIN b) GROUP BY GROUPING SETS ((a), (), ROLLUP (b, c))",
		"SELECT \"x\"", "SELECT 1e", "/*", "'", "U&'\\'",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 4096 {
			t.Skip()
		}
		stmts, err := parse.Script(sql)
		if err != nil {
			wantPosition(t, sql, err)
			_ = err.Error()
		}
		for _, s := range stmts {
			roundTrip[ast.Statement](t, sql, s, parse.Statement)
		}
	})
}
