package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// AlterTable makes the table's columns, identifier fields, partition fields,
// sort order and properties those of t, in one commit. renamed gives the old names of columns
// that have another one now. A column that goes by its old name keeps its data,
// whatever its place; a type may only become wider, as Iceberg allows. The
// option 'partitioning' holds all partition fields; "none" is no field.
func (c *Catalog) AlterTable(ctx context.Context, t job.Table, renamed map[string]string) error {
	what := c.name + "." + t.Ident.Database + "." + t.Ident.Name
	load := func(ctx context.Context) (*table.Table, error) { return c.Load(ctx, t.Ident.Database, t.Ident.Name) }
	return c.Change(ctx, "alter table", what, load, func(old *table.Table) error {
		tx := old.NewTransaction()
		changed, err := alter(tx, old, t, renamed)
		if err == nil && changed {
			_, err = tx.Commit(ctx)
		}
		return err
	})
}

// alter stages the changes and reports whether there are any.
func alter(tx *table.Transaction, old *table.Table, t job.Table, renamed map[string]string) (bool, error) {
	columns, err := alterColumns(tx, old, t, renamed)
	if err != nil {
		return false, err
	}
	spec, err := alterPartitioning(tx, old, t)
	if err != nil {
		return false, err
	}
	sorted, err := alterOrder(tx, old, t)
	if err != nil {
		return false, err
	}
	want := tableProperties(t.Options)
	set, remove := ice.Properties{}, []string(nil)
	for k, v := range want {
		if old.Properties()[k] != v {
			set[k] = v
		}
	}
	for k := range old.Properties() {
		if _, keep := want[k]; !keep && shown(k) {
			remove = append(remove, k)
		}
	}
	if len(set) > 0 {
		err = tx.SetProperties(set)
	}
	if err == nil && len(remove) > 0 {
		err = tx.RemoveProperties(remove)
	}
	return columns || spec || sorted || len(set)+len(remove) > 0, err
}

// alterColumns stages another schema, when t has one.
func alterColumns(tx *table.Transaction, old *table.Table, t job.Table, renamed map[string]string) (bool, error) {
	have, err := schemas.ToEngine(old.Schema())
	if err != nil {
		return false, err
	}
	keys := identifiers(old.Schema())
	if t.Schema.Schema == nil || have.Equal(t.Schema.Schema) && slices.Equal(keys, t.PrimaryKey) {
		return false, nil
	}
	want, err := schemas.ToIceberg(t.Schema.Schema, t.PrimaryKey, old.Metadata().Version())
	if err != nil {
		return false, err
	}
	u := tx.UpdateSchema(true, false)
	order, err := alterFields(u, have, t.Schema.Schema, want, renamed)
	if err != nil {
		return false, err
	}
	if !slices.Equal(keys, t.PrimaryKey) {
		paths := make([][]string, len(t.PrimaryKey))
		for i, k := range t.PrimaryKey {
			paths[i] = []string{k}
		}
		u.SetIdentifierField(paths)
	}
	columns := schemas.Names(t.Schema.Schema)
	if !slices.Equal(order, columns) {
		for i, name := range columns { // moves know columns by their old names
			if was, ok := renamed[name]; ok {
				columns[i] = was
			}
		}
		u.MoveFirst([]string{columns[0]})
		for i := 1; i < len(columns); i++ {
			u.MoveAfter([]string{columns[i]}, []string{columns[i-1]})
		}
	}
	if err := u.Commit(); err != nil {
		return false, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return true, nil
}

// alterFields drops, renames, widens and adds columns, and returns the order in
// which they are then.
func alterFields(u *table.UpdateSchema, have, now *arrow.Schema, want *ice.Schema, renamed map[string]string) ([]string, error) {
	from := map[string]int{} // old columns to new ones
	for i, f := range now.Fields() {
		name := f.Name
		if was, ok := renamed[name]; ok {
			name = was
		}
		if have.HasField(name) {
			from[name] = i
		}
	}
	var order []string
	kept := map[int]bool{}
	for _, f := range have.Fields() {
		i, ok := from[f.Name]
		if !ok {
			u.DeleteColumn([]string{f.Name})
			continue
		}
		kept[i] = true
		g := now.Field(i)
		order = append(order, g.Name)
		if g.Name != f.Name {
			u.RenameColumn([]string{f.Name}, g.Name)
		}
		var update table.ColumnUpdate
		if !arrow.TypeEqual(f.Type, g.Type) {
			if arrow.IsNested(f.Type.ID()) || arrow.IsNested(g.Type.ID()) {
				return nil, fmt.Errorf("%w: column %q: fields within a column cannot be altered", job.ErrInvalid, f.Name)
			}
			update.FieldType = ice.Optional[ice.Type]{Valid: true, Val: want.Field(i).Type}
		}
		if f.Nullable && !g.Nullable {
			return nil, fmt.Errorf("%w: column %q may hold NULL in files that are there; it cannot become NOT NULL", job.ErrInvalid, f.Name)
		}
		if !f.Nullable && g.Nullable {
			update.Required = ice.Optional[bool]{Valid: true}
		}
		u.UpdateColumn([]string{f.Name}, update)
	}
	for i, f := range now.Fields() {
		if kept[i] {
			continue
		}
		if !f.Nullable {
			return nil, fmt.Errorf("%w: column %q is new: rows that are there have NULL in it, so it cannot be NOT NULL", job.ErrInvalid, f.Name)
		}
		u.AddColumn([]string{f.Name}, want.Field(i).Type, "", false, nil)
		order = append(order, f.Name)
	}
	return order, nil
}

// identifiers are the names of the identifier fields.
func identifiers(s *ice.Schema) []string {
	var keys []string
	for _, id := range s.IdentifierFieldIDs {
		name, _ := s.FindColumnName(id)
		keys = append(keys, name)
	}
	return keys
}

// alterPartitioning stages another partition spec, when 'partitioning' is not
// what describes the present one.
func alterPartitioning(tx *table.Transaction, old *table.Table, t job.Table) (bool, error) {
	_, described := schemas.DescribePartitioning(old.Schema(), old.Spec())
	text := t.Options[OptPartitioning]
	if text == described {
		return false, nil
	}
	if strings.EqualFold(text, "none") {
		text = ""
	}
	want, err := schemas.PartitionSpec(old.Schema(), nil, text)
	if err != nil {
		return false, err
	}
	same := func(a, b ice.PartitionField) bool {
		return slices.Equal(a.SourceIDs, b.SourceIDs) && a.Transform.Equals(b.Transform)
	}
	u, changed := tx.UpdateSpec(true), false
	var kept []ice.PartitionField
	spec := old.Spec()
	var fields []ice.PartitionField
	for _, f := range want.Fields() {
		fields = append(fields, f)
	}
	for _, f := range spec.Fields() {
		stays := slices.ContainsFunc(fields, func(g ice.PartitionField) bool { return same(f, g) })
		if _, void := f.Transform.(ice.VoidTransform); stays || void {
			kept = append(kept, f)
			continue
		}
		u, changed = u.RemoveField(f.Name), true
	}
	for _, f := range fields {
		if slices.ContainsFunc(kept, func(g ice.PartitionField) bool { return same(f, g) }) {
			continue
		}
		name, _ := old.Schema().FindColumnName(f.SourceIDs[0])
		u, changed = u.AddField(name, f.Transform, f.Name), true
	}
	if !changed {
		return false, nil
	}
	if err := u.Commit(); err != nil {
		return false, fmt.Errorf("%w: partitioning: %w", job.ErrInvalid, err)
	}
	return true, nil
}

// alterOrder stages another sort order, when 'sort-order' is not what describes
// the present one.
func alterOrder(tx *table.Transaction, old *table.Table, t job.Table) (bool, error) {
	text := t.Options[OptSortOrder]
	if text == schemas.DescribeOrder(old.Schema(), old.SortOrder()) {
		return false, nil
	}
	order, err := schemas.SortOrder(old.Schema(), "'sort-order'", text)
	if err != nil {
		return false, err
	}
	return true, tx.ReplaceSortOrder(order)
}
