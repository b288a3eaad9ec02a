package upsert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// TakesChanges reports whether rows of t can be updated and deleted: it has a
// primary key.
func TakesChanges(t job.Table) bool { return len(t.PrimaryKey) > 0 && t.Overwrite == nil }

// Upserts reports whether rows of t are replaced and deleted by its primary
// key: its rows are changes, or it is to be so.
func Upserts(t job.Table) bool {
	return TakesChanges(t) && (t.Changes || strings.EqualFold(t.Options[optUpsert], "true") || strings.EqualFold(t.Options[optUpsertHint], "true"))
}

// The keys that say whether and how rows are replaced by key.
const (
	optUpsert     = "write.upsert.enabled"
	optUpsertHint = "upsert-enabled"
	OptMode       = "write.upsert.mode"
)

// Mode says how rows are deleted: 'write.upsert.mode'.
type Mode string

// The ways of deleting.
const (
	ByPosition Mode = "position"
	ByRewrite  Mode = "copy-on-write"
	ByEquality Mode = "equality"
)

// Key is how the rows of a table are found and deleted.
type Key struct {
	Names   []string      // none: rows are appended only
	Columns *arrow.Schema // of the batches
	Mode    Mode
}

// KeyOf is the key by which rows of t, which come with these columns, are
// replaced.
func KeyOf(t job.Table) Key {
	if !Upserts(t) {
		return Key{}
	}
	k := Key{Names: t.PrimaryKey, Mode: ByPosition}
	if mode := t.Options[OptMode]; mode != "" {
		k.Mode = Mode(mode)
	}
	return k
}

// Check checks that rows of the table can be found by key.
func (k Key) Check(t *table.Table, a catalog.Aim) error {
	if k.Names == nil {
		return nil
	}
	if a.WapID != "" {
		return fmt.Errorf("%w: rows that replace others cannot be staged by %q: the rows of a snapshot that no branch has are not found by key; use %q", job.ErrInvalid, catalog.OptWapID, catalog.OptWapBranch)
	}
	if err := k.checkMode(t); err != nil {
		return err
	}
	if t.Metadata().Version() < 2 {
		return fmt.Errorf("%w: rows of a table of format version 1 cannot be deleted; set 'format-version' = '2' or '3'", job.ErrInvalid)
	}
	columns, err := k.columnsIn(t)
	if err != nil {
		return err
	}
	h, err := hashtable.New(hashtable.Options{}, read.TypesOf(columns), 0)
	if err != nil {
		return fmt.Errorf("%w: primary key %q: %w", job.ErrInvalid, k.Names, err)
	}
	h.Free()
	return nil
}

// columnsIn are the columns of the key, in the engine's types.
func (k Key) columnsIn(t *table.Table) ([]read.Column, error) {
	var columns []read.Column
	for _, name := range k.Names {
		at := k.Columns.FieldIndices(name)
		f, ok := t.Schema().FindFieldByName(name)
		if len(at) == 0 || !ok {
			return nil, fmt.Errorf("%w: column %q of the primary key is not written", job.ErrInvalid, name)
		}
		columns = append(columns, read.Column{Path: []string{name}, Fields: []ice.NestedField{f}, Want: k.Columns.Field(at[0])})
	}
	return columns, nil
}

// checkMode checks that rows of the table can be deleted in the way that is asked
// for.
func (k Key) checkMode(t *table.Table) error {
	switch k.Mode {
	case ByPosition, ByRewrite:
		return nil
	case ByEquality:
	default:
		return fmt.Errorf("%w: option %q is %q; want position, equality or copy-on-write", job.ErrInvalid, OptMode, k.Mode)
	}
	spec := t.Spec()
	for _, f := range spec.Fields() {
		if name, _ := t.Schema().FindColumnName(f.SourceID()); !slices.Contains(k.Names, name) {
			return fmt.Errorf("%w: partition field %q is of column %q, which is not in the primary key: '%s' = 'equality' does not find the partition of a row that changes; use 'position'",
				job.ErrInvalid, f.Name, name, OptMode)
		}
	}
	return nil
}
