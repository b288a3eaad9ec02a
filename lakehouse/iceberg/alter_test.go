package iceberg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
)

// TestAlterTable: columns are renamed, widened, moved, added and dropped under
// rows that are there, in one commit; partition fields and the order change too.
func TestAlterTable(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", map[string]string{"partitioning": "day(ts)", "sort-order": "ts DESC, id"}))
	one := committer(t, s, "a")
	defer one.Close()
	if _, err := one.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 0, 3)}, true); err != nil {
		t.Fatal(err)
	}
	c := w.open(t)
	tbl, err := c.Table(t.Context(), "default", "events")
	if err != nil {
		t.Fatal(err)
	}
	if got := tbl.Options["sort-order"]; got != "ts DESC, id" {
		t.Errorf("sort-order is described as %q", got)
	}
	tbl.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{
		{Name: "note", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "number", Type: arrow.PrimitiveTypes.Int64}, // was id
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "small", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, // was INT
	}, nil)}
	if err := c.AlterTable(t.Context(), tbl, map[string]string{"number": "id"}); err != nil {
		t.Fatal(err)
	}
	tbl.Options["partitioning"] = "month(ts), bucket(4, number)"
	tbl.Options["sort-order"] = "none"
	tbl.Options["owner"] = "me"
	if err := c.AlterTable(t.Context(), tbl, nil); err != nil {
		t.Fatal(err)
	}
	got, err := c.Table(t.Context(), "default", "events")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Schema.Equal(tbl.Schema.Schema) {
		t.Errorf("schema %s, want %s", got.Schema, tbl.Schema)
	}
	if diff := cmp.Diff([]string{"month(ts), bucket(4, number)", "", "me"},
		[]string{got.Options["partitioning"], got.Options["sort-order"], got.Options["owner"]}); diff != "" {
		t.Error(diff)
	}
	if rows := drain(t, iceberg.Connector(w.env), ops.Scan{Table: got}, -1); len(rows) != 3 || !strings.Contains(strings.Join(rows, ";"), "2") {
		t.Errorf("rows %q", rows)
	}
	if err := c.AlterTable(t.Context(), got, nil); err != nil { // nothing to do
		t.Error(err)
	}
}

// TestAlterTableRefuses: what would make rows that are there wrong is refused.
func TestAlterTableRefuses(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	newSink(t, w, eventTable(w, "events", nil))
	c := w.open(t)
	for want, change := range map[string]func(f []arrow.Field, o map[string]string) []arrow.Field{
		"is new": func(f []arrow.Field, _ map[string]string) []arrow.Field {
			return append(f, arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64})
		},
		"NOT NULL": func(f []arrow.Field, _ map[string]string) []arrow.Field {
			f[1].Nullable = false
			return f
		},
		"promote": func(f []arrow.Field, _ map[string]string) []arrow.Field {
			f[1].Type = arrow.PrimitiveTypes.Int64
			return f
		},
		"no column \"nope\"": func(f []arrow.Field, o map[string]string) []arrow.Field {
			o["sort-order"] = "nope"
			return f
		},
		"partition column \"nope\"": func(f []arrow.Field, o map[string]string) []arrow.Field {
			o["partitioning"] = "day(nope)"
			return f
		},
	} {
		tbl, err := c.Table(t.Context(), "default", "events")
		if err != nil {
			t.Fatal(err)
		}
		tbl.Schema = job.Schema{Schema: arrow.NewSchema(change(tbl.Schema.Fields(), tbl.Options), nil)}
		if err := c.AlterTable(t.Context(), tbl, nil); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
