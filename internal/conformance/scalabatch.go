package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// batchCase is a test of flink_scala_itcases/batch.
type batchCase struct {
	ID       string               `json:"id"`
	SQL      string               `json:"sql"`
	Tables   []batchTable         `json:"tables"`
	DDL      []string             `json:"ddl"`
	DataIDs  map[string]scalaData `json:"data_ids"`
	Expected json.RawMessage      `json:"expected"`
	Size     *int                 `json:"expected_size"`
	Ordered  bool                 `json:"ordered"`
	Complete bool                 `json:"complete"`

	before []batchTable
	types  map[string]string
}

// batchTable is a table of a collection, or tables by DDL.
type batchTable struct {
	Table   string               `json:"table"`
	Columns string               `json:"columns"`
	TypeRef string               `json:"type_ref"`
	Rows    json.RawMessage      `json:"rows"`
	DDL     []string             `json:"ddl"`
	DataIDs map[string]scalaData `json:"data_ids"`
}

func scalaBatchCases(dir string) ([]Case, error) {
	var types map[string]string
	if err := readJSON(filepath.Join(dir, "flink_scala_itcases", "row_types.json"), &types); err != nil {
		return nil, nil //nolint:nilerr // The set is not there.
	}
	var out []Case
	for _, path := range files(dir, "flink_scala_itcases", "batch", "*.json") {
		var suite struct {
			Before []batchTable `json:"before_tables"`
			Cases  []batchCase  `json:"cases"`
		}
		if err := readJSON(path, &suite); err != nil {
			return nil, err
		}
		for _, c := range suite.Cases {
			c.before, c.types = suite.Before, types
			name := folder(path) + "." + c.ID[strings.Index(c.ID, ".")+1:]
			if !c.Complete {
				out = append(out, Case{Name: name, Skip: incomplete})
				continue
			}
			x := Case{Name: name, SQL: c.describe(), Run: c.run}
			for _, t := range append(slices.Clone(c.before), batchTable{DDL: c.DDL, DataIDs: c.DataIDs}) {
				if table := lacking(t.DDL, t.DataIDs, c.SQL); table != "" {
					x.Skip = noRows + table
				}
			}
			out = append(out, x)
		}
	}
	return out, nil
}

func (c *batchCase) describe() string {
	var b strings.Builder
	for _, t := range c.before {
		b.WriteString(strings.Join(t.DDL, ";\n"))
	}
	for _, t := range append(slices.Clone(c.before), c.Tables...) {
		if t.Table != "" && regexp.MustCompile(`\b`+t.Table+`\b`).MatchString(c.SQL) {
			fmt.Fprintf(&b, "-- %s (%s) %s %s\n", t.Table, t.Columns, t.TypeRef, compact(t.Rows))
		}
	}
	return b.String() + strings.Join(c.DDL, ";\n") + "\n" + c.SQL
}

func (c *batchCase) run(ctx context.Context) error {
	w := newWorld()
	w.cut = 0
	s, err := newSession(w, true, 1, nil)
	if err != nil {
		return err
	}
	defer s.close()
	for i, list := range [][]batchTable{c.before, c.Tables, {{DDL: c.DDL, DataIDs: c.DataIDs}}} {
		for _, t := range list {
			if err := c.table(ctx, s, &t); err != nil && i > 0 {
				return err
			}
		}
	}
	a, err := s.query(ctx, c.SQL)
	if throws[c.ID] {
		if err == nil {
			return errors.New("gave rows, but Flink fails")
		}
		return unsupported(err)
	}
	if err != nil {
		return err
	}
	got, err := a.rows()
	if err != nil {
		return err
	}
	if c.Size != nil {
		if len(got) != *c.Size {
			return fmt.Errorf("%d rows, want %d", len(got), *c.Size)
		}
		return nil
	}
	rows, err := scalaRows(c.Expected)
	if err != nil {
		return err
	}
	want := make([][]any, len(rows))
	for i, r := range rows {
		want[i] = r.row
	}
	return sameRows(got, want, c.Ordered)
}

// throws are the tests that want an error, which their Scala code says and the
// corpus does not.
var throws = map[string]bool{
	"CalcITCase.testInvalidFields#0": true, "GroupWindowITCase.testNullValueInputTimestamp#0": true,
	"GroupWindowITCase.testNullValueInputTimestamp#1": true, "GroupWindowITCase.testNullValueInputTimestamp#2": true,
	"ScalarQueryITCase.testScalarSubQueryException#0": true,
}

// table declares a table with its rows.
func (c *batchCase) table(ctx context.Context, s *session, t *batchTable) error {
	for id, d := range t.DataIDs {
		if d.Rows == nil || string(d.Rows) == "null" {
			continue
		}
		rows, err := scalaRows(d.Rows)
		if err != nil {
			return err
		}
		s.world.tables[id] = &table{rows: rows}
	}
	for _, d := range t.DDL {
		if err := s.define(ctx, scalaDDL(d)); err != nil {
			return fmt.Errorf("%w\n%s", err, d)
		}
	}
	if t.Table == "" {
		return nil
	}
	rows, err := scalaRows(t.Rows)
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Table, err)
	}
	names := strings.Split(t.Columns, ",")
	types := rowTypes(t.TypeRef, c.types)
	if len(types) != len(names) {
		types = inferTypes(rows)
	}
	if len(types) != len(names) {
		return fmt.Errorf("table %s: %d columns of %d types (%s)", t.Table, len(names), len(types), t.TypeRef)
	}
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = "`" + strings.Trim(n, " '`") + "` " + types[i]
	}
	s.world.tables[t.Table] = &table{rows: rows}
	return s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s')", t.Table, strings.Join(cols, ", "), connectorName))
}
