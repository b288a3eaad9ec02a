package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

var eventSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
	{Name: "small", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
}, nil)

func open(t *testing.T) *catalog.Catalog {
	t.Helper()
	dir := t.TempDir()
	options := map[string]string{"catalog-type": "jdbc", "warehouse": "file://" + dir + "/wh", "uri": "jdbc:sqlite:" + dir + "/cat.db"}
	c, err := catalog.Open(t.Context(), "cat", options, catalog.Env{Stores: objstore.New(objstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPartitioningIsDescribed(t *testing.T) {
	c := open(t)
	for given, want := range map[string]string{
		"days(ts), bucket(16, id)":    "day(ts), bucket(16, id)",
		"identity(small)":             "PARTITIONED BY small",
		"`small`, truncate( 4 ,name)": "small, truncate(4, name)",
		"year(ts)":                    "year(ts)",
		"hours(ts),void(id)":          "hour(ts), void(id)",
		"":                            "PARTITIONED BY ",
	} {
		name := "t" + strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, given)
		tbl := job.Table{
			Ident: job.Ident{Catalog: "cat", Database: "default", Name: name}, Schema: job.Schema{Schema: eventSchema},
			Options: map[string]string{"partitioning": given},
		}
		if err := c.CreateTable(t.Context(), tbl); err != nil {
			t.Errorf("%q: %v", given, err)
			continue
		}
		got, err := c.Table(t.Context(), "default", name)
		if err != nil {
			t.Fatal(err)
		}
		text := got.Options["partitioning"]
		if text == "" {
			text = "PARTITIONED BY " + strings.Join(got.PartitionedBy, ", ")
		}
		if text != want {
			t.Errorf("%q is described as %q, want %q", given, text, want)
		}
	}
}

func TestCreateTableRefuses(t *testing.T) {
	c := open(t)
	for want, tbl := range map[string]job.Table{
		"no columns":      {},
		"MonthInterval":   {Schema: one(arrow.FixedWidthTypes.MonthInterval)},
		"INTERVAL":        {Schema: one(arrow.FixedWidthTypes.Duration_ms, "INTERVAL DAY TO SECOND(3)")},
		"format-version":  {Schema: one(&arrow.TimestampType{Unit: arrow.Nanosecond})},
		"primary key (y)": {Schema: one(arrow.PrimitiveTypes.Int64), PrimaryKey: []string{"y"}},
	} {
		tbl.Ident = job.Ident{Catalog: "cat", Database: "default", Name: "t"}
		err := c.CreateTable(t.Context(), tbl)
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) &&
			!(want == "MonthInterval" && strings.Contains(err.Error(), "month_interval")) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func one(t arrow.DataType, flink ...string) job.Schema {
	f := arrow.Field{Name: "x", Type: t}
	if len(flink) > 0 {
		f.Metadata = arrow.MetadataFrom(map[string]string{"wadi.type": flink[0]})
	}
	return job.Schema{Schema: arrow.NewSchema([]arrow.Field{f}, nil)}
}

// TestCatalogRefuses: options that cannot be are named.
func TestCatalogRefuses(t *testing.T) {
	env := catalog.Env{Stores: objstore.New(objstore.Options{}), Catalogs: catalogs.Openers()}
	for want, options := range map[string]map[string]string{
		"'catalog-type' is missing":  {},
		"use 'rest'":                 {"catalog-type": "nessie"},
		"'glue', 'hive', 'rest'":     {"catalog-type": "x"},
		"want the URL":               {"catalog-type": "rest", "uri": "nowhere"},
		"thrift://host:9083":         {"catalog-type": "hive", "uri": "http://x"},
		"no region":                  {"catalog-type": "glue"},
		"go together":                {"catalog-type": "glue", "client.region": "x", "glue.access-key-id": "x"},
		"'warehouse' is missing":     {"catalog-type": "jdbc", "uri": "jdbc:postgresql://x/y"},
		"jdbc:sqlite:/path":          {"catalog-type": "jdbc", "uri": "jdbc:oracle:x", "warehouse": "/x"},
		"want none, oauth2 or sigv4": {"catalog-type": "rest", "uri": "http://x", "rest.auth.type": "google"},
	} {
		t.Setenv("AWS_REGION", "")
		_, err := catalog.Open(t.Context(), "c", options, env)
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	for want, options := range map[string]map[string]string{
		"Java class":       {"catalog-impl": "org.x.Y"},
		`no option "urii"`: {"catalog-type": "rest", "urii": "x"},
	} {
		if err := catalog.CheckOptions(options); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	if err := catalog.CheckOptions(map[string]string{"type": "iceberg", "header.X-A": "b", "s3.endpoint": "x", "token": "x"}); err != nil {
		t.Error(err)
	}
}
