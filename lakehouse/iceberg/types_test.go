package iceberg_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/variant"
	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// foreignTable makes the table lake.`default`.t of format 3 with iceberg-go, as
// another engine does, with the columns of a schema and the rows of a record,
// if there is one.
func foreignTable(t *testing.T, schema *ice.Schema, rec arrow.RecordBatch) *wadi.Env {
	t.Helper()
	dir := t.TempDir()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	sqltest.Run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:"+dir+"/c.db', 'warehouse' = '"+dir+"/wh'); USE CATALOG lake")
	db, err := sql.Open("sqlite", dir+"/c.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	other, err := sqlcatalog.NewCatalog("lake", db, sqlcatalog.SQLite, ice.Properties{"warehouse": "file://" + dir + "/wh"})
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := other.CreateTable(t.Context(), table.Identifier{"default", "t"}, schema, icecatalog.WithProperties(ice.Properties{"format-version": "3"}))
	if err != nil {
		t.Fatal(err)
	}
	if rec == nil {
		return env
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, rec.Schema(), parquet.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rows.parquet")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := ice.NewDataFileBuilder(tbl.Spec(), ice.EntryContentData, "file://"+path, ice.ParquetFile, nil, nil, nil, rec.NumRows(), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	delta := tx.NewRowDelta(nil)
	delta.AddRows(b.Build())
	if err := delta.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return env
}

// TestLakeRareTypes: columns whose types have no equal here do not keep others
// from being read.
func TestLakeRareTypes(t *testing.T) {
	id := func(n string) arrow.Metadata { return arrow.NewMetadata([]string{parquet.FieldIDKey}, []string{n}) }
	rec := func() arrow.RecordBatch {
		schema := arrow.NewSchema([]arrow.Field{
			{Name: "id", Type: arrow.PrimitiveTypes.Int64, Metadata: id("1")},
			{Name: "place", Type: arrow.BinaryTypes.BinaryView, Nullable: true, Metadata: id("2")},
			{Name: "v", Nullable: true, Metadata: id("3"), Type: arrow.StructOf(
				arrow.Field{Name: "metadata", Type: arrow.BinaryTypes.BinaryView}, arrow.Field{Name: "value", Type: arrow.BinaryTypes.BinaryView, Nullable: true})},
		}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		v, err := variant.ParseJSON(`{"b": [1, "<x>", null], "a": 2.5}`, false)
		if err != nil {
			t.Fatal(err)
		}
		b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2}, nil)
		b.Field(1).(*array.BinaryViewBuilder).Append([]byte{1, 2, 3})
		b.Field(1).AppendNull()
		s := b.Field(2).(*array.StructBuilder)
		s.Append(true)
		s.FieldBuilder(0).(*array.BinaryViewBuilder).Append(v.Metadata().Bytes())
		s.FieldBuilder(1).(*array.BinaryViewBuilder).Append(v.Bytes())
		s.AppendNull()
		return b.NewRecordBatch()
	}()
	defer rec.Release()
	env := foreignTable(t, ice.NewSchema(0,
		ice.NestedField{ID: 1, Name: "id", Type: ice.PrimitiveTypes.Int64, Required: true},
		ice.NestedField{ID: 2, Name: "place", Type: ice.GeometryType{}},
		ice.NestedField{ID: 3, Name: "v", Type: ice.VariantType{}},
		ice.NestedField{ID: 4, Name: "later", Type: ice.UnknownType{}}), rec)

	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM t ORDER BY id", "1", "2")
	sqltest.Same(t, env, "SELECT COALESCE(JSON_STRING(v), 'none') FROM t ORDER BY id", "none", `{"a":2.5,"b":[1,"<x>",null]}`)
	sqltest.Same(t, env, "SELECT CAST(v['b'][1] AS STRING) FROM t WHERE v IS NOT NULL", "1")
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM t WHERE v IS NULL", "2")
	sqltest.Same(t, env, "SELECT COALESCE(HEX(place), 'none') || COALESCE(later, '-') FROM t ORDER BY id", "010203-", "none-")
	if got, err := sqltest.Line(t, env, "SELECT COUNT(*) FROM (SELECT * FROM t)"); got != "2" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for statement, want := range map[string]string{
		"INSERT INTO t SELECT * FROM t":                     `column "place" has Iceberg's type geometry`,
		"INSERT INTO t (id) VALUES (3)":                     `column "place" has Iceberg's type geometry`,
		"UPDATE t SET later = 'x'":                          `column "place" has Iceberg's type geometry`,
		"DELETE FROM t WHERE id = 1":                        `column "place" has Iceberg's type geometry`,
		"CREATE TABLE u (v VARIANT)":                        "a VARIANT is read from Iceberg tables and not written",
		"CREATE TABLE u (n INT, r ROW<v VARIANT NOT NULL>)": "a VARIANT is read from Iceberg tables and not written",
	} {
		err := env.Execute(t.Context(), statement, func(o wadi.Outcome) error {
			if o.Pipeline == nil {
				return nil
			}
			_, err := o.Pipeline.Run(t.Context())
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestLakeUUIDs: columns of UUIDs, which tables of others have, are written and
// read as BINARY(16).
func TestLakeUUIDs(t *testing.T) {
	env := foreignTable(t, ice.NewSchema(0,
		ice.NestedField{ID: 1, Name: "id", Type: ice.PrimitiveTypes.Int64, Required: true},
		ice.NestedField{ID: 2, Name: "u", Type: ice.UUIDType{}},
		ice.NestedField{ID: 3, Name: "us", Type: &ice.ListType{ElementID: 4, Element: ice.UUIDType{}}},
		ice.NestedField{ID: 5, Name: "r", Type: &ice.StructType{FieldList: []ice.NestedField{{ID: 6, Name: "u", Type: ice.UUIDType{}}}}}), nil)
	const a, b = "X'000102030405060708090A0B0C0D0EFF'", "X'F0000000000000000000000000000001'"
	sqltest.Run(t, env, "INSERT INTO t VALUES (1, "+a+", ARRAY["+a+", "+b+"], ROW("+b+")), (2, CAST(NULL AS BINARY(16)), CAST(NULL AS ARRAY<BINARY(16)>), CAST(NULL AS ROW<u BINARY(16)>))")
	sqltest.Run(t, env, "ALTER TABLE t SET ('partitioning' = 'bucket(4, u), u'); INSERT INTO t (id, u) VALUES (3, "+b+")")
	sqltest.Same(t, env, "SELECT COALESCE(HEX(u), '-') || COALESCE(HEX(us[2]), '-') || COALESCE(HEX(r.u), '-') FROM t",
		"---", "000102030405060708090A0B0C0D0EFF"+"F0000000000000000000000000000001"+"F0000000000000000000000000000001", "F0000000000000000000000000000001--")
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM t WHERE u = "+b, "3")
	sqltest.Run(t, env, "UPDATE t SET u = "+a+" WHERE id = 3")
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM t WHERE u = "+a+" ORDER BY id", "1", "3")
}

// TestLakeUUIDsByKey: rows with UUIDs take the place of others in each way.
func TestLakeUUIDsByKey(t *testing.T) {
	for _, mode := range []string{"position", "copy-on-write", "equality"} {
		t.Run(mode, func(t *testing.T) {
			env := foreignTable(t, ice.NewSchemaWithIdentifiers(0, []int{2},
				ice.NestedField{ID: 1, Name: "id", Type: ice.PrimitiveTypes.Int64},
				ice.NestedField{ID: 2, Name: "u", Type: ice.UUIDType{}, Required: true}), nil)
			const a, b = "X'000102030405060708090A0B0C0D0EFF'", "X'F0000000000000000000000000000001'"
			sqltest.Run(t, env, "ALTER TABLE t SET ('write.upsert.enabled' = 'true', 'write.upsert.mode' = '"+mode+"')")
			sqltest.Run(t, env, "INSERT INTO t VALUES (1, "+a+"), (2, "+b+")")
			sqltest.Run(t, env, "INSERT INTO t VALUES (3, "+b+")")
			sqltest.Same(t, env, "SELECT CAST(id AS STRING) || HEX(u) FROM t", "1000102030405060708090A0B0C0D0EFF", "3F0000000000000000000000000000001")
		})
	}
}
