package sql

import (
	"context"
	"errors"
	"slices"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
)

// alterColumns applies the actions that are about the columns that a table has.
func (s *Session) alterColumns(ctx context.Context, t *catalog.Table, q *ast.Alter) error {
	if t.View != nil {
		return diag.At(q.Action.Position(), "%s is a view; ALTER VIEW … AS gives it another query", q.Name)
	}
	var err error
	switch a := q.Action.(type) {
	case *ast.AddSchema:
		if err := s.addSchema(t, &a.Schema); err != nil {
			return err
		}
		_, err := s.binder().Declared(ctx, t)
		return err
	case *ast.ModifySchema:
		err = modifySchema(t, &a.Schema)
	case *ast.DropColumns:
		err = dropColumns(t, a.Columns)
	case *ast.RenameColumn:
		err = renameColumn(t, a)
	case *ast.AddPartitions, *ast.DropPartitions:
		return diag.At(q.Action.Position(), "partitions come and go with their rows: INSERT INTO makes one, INSERT OVERWRITE %s PARTITION (…) with a query of no rows empties one, and SHOW PARTITIONS lists them", q.Name)
	default:
		return diag.Unsupported(q.Action.Position(), "this form of ALTER TABLE")
	}
	if err != nil {
		return err
	}
	// What remains may need what was taken away. The positions of such errors
	// are of the statement that made the table, so they are not shown.
	if _, err := s.binder().Declared(ctx, t); err != nil {
		return diag.At(q.Action.Position(), "the table would not be valid: %s", message(err))
	}
	return nil
}

// message is what an error says, without its place.
func message(err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Msg
	}
	return err.Error()
}

// columnAt finds a column of the table by its name.
func columnAt(t *catalog.Table, n ast.Name) (int, error) {
	if len(n.Parts) != 1 {
		return 0, diag.Unsupported(n.Pos, "columns within rows")
	}
	i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == n.Last() })
	if i < 0 {
		return 0, diag.At(n.Pos, "table %s has no column %q", t.Ident.Name, n.Last())
	}
	return i, nil
}

func dropColumns(t *catalog.Table, names []ast.Name) error {
	for _, n := range names {
		i, err := columnAt(t, n)
		switch {
		case err != nil:
			return err
		case slices.Contains(t.PrimaryKey, n.Last()):
			return diag.At(n.Pos, "column %q is in the primary key; DROP PRIMARY KEY first", n.Last())
		case slices.Contains(t.PartitionedBy, n.Last()):
			return diag.At(n.Pos, "the table is partitioned by column %q", n.Last())
		case len(t.Columns) == 1:
			return diag.At(n.Pos, "the table would have no column")
		}
		t.Columns = slices.Delete(t.Columns, i, i+1)
	}
	return nil
}

func renameColumn(t *catalog.Table, a *ast.RenameColumn) error {
	i, err := columnAt(t, a.From)
	if err != nil {
		return err
	}
	to := a.To.Last()
	if _, err := columnAt(t, a.To); err == nil {
		return diag.At(a.To.Pos, "table %s has a column %q already", t.Ident.Name, to)
	}
	if slices.Contains(t.PartitionedBy, a.From.Last()) {
		return diag.At(a.From.Pos, "the table is partitioned by column %q", a.From.Last())
	}
	if k := slices.Index(t.PrimaryKey, a.From.Last()); k >= 0 {
		t.PrimaryKey[k] = to
	}
	t.Columns[i].Name, t.Columns[i].Was = to, a.From.Last()
	return nil
}

// modifySchema puts the columns, the key and the watermark that are given in
// place of those of the same name. A column keeps its place unless told one.
func modifySchema(t *catalog.Table, schema *ast.Schema) error {
	for i := range schema.Columns {
		c := &schema.Columns[i]
		at, err := columnAt(t, c.Name)
		if err != nil {
			return err
		}
		old := t.Columns[at]
		key := slices.Contains(t.PrimaryKey, old.Name)
		if key && c.Kind != ast.PhysicalColumn {
			return diag.At(c.Pos, "column %q is in the primary key and stays a physical column", old.Name)
		}
		t.Columns = slices.Delete(t.Columns, at, at+1)
		here := *c
		here.Place = ast.ColumnPlace{}
		if err := addColumn(t, &here); err != nil {
			return err
		}
		last := len(t.Columns) - 1
		if key {
			t.Columns[last].Type.NotNull = true
		}
		if c.Comment == nil {
			t.Columns[last].Comment = old.Comment
		}
		moveColumn(t, last, at)
		if err := placeColumn(t, at, c); err != nil {
			return err
		}
	}
	for i := range schema.Constraints {
		if len(t.PrimaryKey) == 0 {
			return diag.At(schema.Constraints[i].Pos, "the table has no primary key to MODIFY; use ADD")
		}
		t.PrimaryKey = nil
		if err := addConstraint(t, &schema.Constraints[i], schema.Constraints[i].Columns); err != nil {
			return err
		}
	}
	if schema.Watermark != nil {
		if t.Watermark == nil {
			return diag.At(schema.Watermark.Pos, "the table has no watermark to MODIFY; use ADD")
		}
		t.Watermark = schema.Watermark
	}
	return nil
}

// placeColumn moves column i to where its declaration says: FIRST or AFTER one.
func placeColumn(t *catalog.Table, i int, c *ast.ColumnDef) error {
	switch {
	case c.Place.First:
		moveColumn(t, i, 0)
	case !c.Place.After.IsZero():
		after, err := columnAt(t, c.Place.After)
		if err != nil {
			return err
		}
		if after == i {
			return diag.At(c.Place.After.Pos, "column %q cannot stand after itself", c.Name.Last())
		}
		if after < i {
			after++
		}
		moveColumn(t, i, after)
	}
	return nil
}

func moveColumn(t *catalog.Table, from, to int) {
	c := t.Columns[from]
	t.Columns = slices.Insert(slices.Delete(t.Columns, from, from+1), to, c)
}
