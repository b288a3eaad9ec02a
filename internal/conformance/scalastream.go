package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// streamCase is a test of flink_scala_itcases/stream.
type streamCase struct {
	scalaWorld
	ID       string           `json:"id"`
	SQL      []string         `json:"sql"`
	Expected map[string][]any `json:"expected"`
	Sink     []string         `json:"sink"`
	Config   []string         `json:"config"`
	UDF      bool             `json:"udf"`
	Complete bool             `json:"complete"`

	before scalaWorld
}

func scalaStreamCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "flink_scala_itcases", "stream", "*.json") {
		var suite struct {
			Before scalaWorld        `json:"before"`
			Cases  []json.RawMessage `json:"cases"`
		}
		if err := readJSON(path, &suite); err != nil {
			return nil, err
		}
		for _, raw := range suite.Cases {
			var head struct {
				ID       string `json:"id"`
				Complete bool   `json:"complete"`
			}
			if err := decode(raw, &head); err != nil {
				return nil, err
			}
			if !head.Complete {
				out = append(out, Case{Name: head.ID, Skip: incomplete})
				continue
			}
			c := streamCase{before: suite.Before}
			if err := decode(raw, &c); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, head.ID, err)
			}
			out = append(out, Case{Name: c.ID, SQL: c.describe(), Skip: c.lacks(), Run: c.run})
		}
	}
	return out, nil
}

// lacks says which table the case reads whose rows the corpus does not have, or
// which class of the tests it calls.
func (c *streamCase) lacks() string {
	for _, sql := range c.SQL {
		if m := tableFunction.FindStringSubmatch(sql); m != nil {
			return "Java class: the table function " + m[1]
		}
	}
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		if name := lacking(sw.DDL, sw.Data, c.SQL...); name != "" {
			return noRows + name
		}
	}
	return ""
}

func (c *streamCase) describe() string {
	var b strings.Builder
	for _, w := range []scalaWorld{c.before, c.scalaWorld} {
		for _, d := range w.DDL {
			b.WriteString(d + ";\n")
		}
		for _, v := range w.Views {
			fmt.Fprintf(&b, "-- view %s (%s) %s %s\n", v.Name, v.Columns, v.Watermark, compact(v.Rows))
		}
		for id, d := range w.Data {
			fmt.Fprintf(&b, "-- %s = %s\n", id, compact(d.Rows))
		}
	}
	return b.String() + strings.Join(c.SQL, ";\n") + fmt.Sprintf("\n-- sink %v config %v", c.Sink, c.Config)
}

// run runs the case over sources of which the first fails in the middle.
func (c *streamCase) run(ctx context.Context) error {
	w := newWorld()
	w.fail = true
	config := map[string]string{}
	for _, text := range c.Config {
		if k, v, ok := scalaConfig(text); ok {
			config[k] = v
		}
	}
	if c.periodic() {
		config["pipeline.auto-watermark-interval"] = "200 ms"
	}
	if err := c.data(w); err != nil {
		return err
	}
	s, err := newSession(w, false, 1, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.define(ctx, s); err != nil {
		return err
	}
	return c.statements(ctx, s)
}

// periodic reports a view whose watermarks Flink makes from time to time, not
// with each row.
func (c *streamCase) periodic() bool {
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for _, v := range sw.Views {
			if strings.Contains(v.Watermark, "RowtimeExtractor") {
				return true
			}
		}
	}
	return false
}

// data fills the tables.
func (c *streamCase) data(w *world) error {
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for id, d := range sw.Data {
			if string(d.Rows) == "null" || d.Rows == nil {
				continue // of another case
			}
			rows, err := scalaRows(d.Rows)
			if err != nil {
				return err
			}
			w.tables[id] = &table{rows: rows}
		}
		for _, d := range sw.DDL {
			w.metadata = append(w.metadata, metadataKeys(optionOf(d, "readable-metadata"))...)
		}
	}
	return nil
}

// define declares tables and views. Of those before all cases, what cannot be
// declared may be of another case.
func (c *streamCase) define(ctx context.Context, s *session) error {
	for i, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for _, v := range sw.Views {
			if err := s.view(ctx, &v); err != nil && i > 0 {
				return err
			}
		}
		for _, d := range sw.DDL {
			if isInsert(d) {
				continue
			}
			if err := s.define(ctx, scalaDDL(d)); err != nil && i > 0 {
				return fmt.Errorf("%w\n%s", err, d)
			}
		}
	}
	return nil
}

// statements runs the statements that have an expectation: INSERTs into their
// tables, and the last query.
func (c *streamCase) statements(ctx context.Context, s *session) error {
	var sinks []string
	views := map[string]string{}
	for i, sql := range c.SQL {
		stmt, err := parse.Statement(sql)
		if err != nil {
			return err
		}
		switch stmt := stmt.(type) {
		case *ast.Insert:
			name := stmt.Table.Parts[len(stmt.Table.Parts)-1]
			if len(s.env.Columns(name)) == 0 { // a sink that the test makes in Scala
				name, err = s.into(ctx, ast.SQL(stmt.Query))
			} else {
				err = s.insert(ctx, sql)
			}
			if err != nil {
				return err
			}
			sinks = append(sinks, name)
		case ast.Query:
			if i+1 < len(c.SQL) {
				views[sql] = ""
				continue
			}
			name, err := s.into(ctx, sql)
			if err != nil {
				return err
			}
			sinks = append(sinks, name)
		default:
			if err := s.define(ctx, scalaDDL(sql)); err != nil {
				return err
			}
		}
	}
	for _, d := range c.DDL {
		if isInsert(d) && !slices.Contains(c.SQL, d) {
			if err := s.insert(ctx, d); err != nil {
				return err
			}
			if stmt, err := parse.Statement(d); err == nil {
				parts := stmt.(*ast.Insert).Table.Parts
				sinks = append(sinks, parts[len(parts)-1])
			}
		}
	}
	if len(sinks) == 0 {
		return errors.New("the case writes nowhere")
	}
	return c.compare(s, sinks[len(sinks)-1])
}
