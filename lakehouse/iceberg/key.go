package iceberg

import (
	"fmt"
	"slices"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// takesChanges reports whether rows of t can be updated and deleted: it has a
// primary key.
func takesChanges(t job.Table) bool { return len(t.PrimaryKey) > 0 && t.Overwrite == nil }

// upserts reports whether rows of t are replaced and deleted by its primary
// key: its rows are changes, or it is to be so.
func upserts(t job.Table) bool {
	return takesChanges(t) && (t.Changes || strings.EqualFold(t.Options[optUpsert], "true") || strings.EqualFold(t.Options[optUpsertHint], "true"))
}

// checkKey checks that rows of the table can be found by key.
func (s *Sink) checkKey(t *table.Table) error {
	if s.key == nil {
		return nil
	}
	if s.aim.wapID != "" {
		return fmt.Errorf("table %s: %w: rows that replace others cannot be staged by %q: the rows of a snapshot that no branch has are not found by key; use %q", s.target, job.ErrInvalid, optWapID, optWapBranch)
	}
	if err := s.checkMode(t); err != nil {
		return err
	}
	if t.Metadata().Version() < 2 {
		return fmt.Errorf("table %s: %w: rows of a table of format version 1 cannot be deleted; set 'format-version' = '2' or '3'", s.target, job.ErrInvalid)
	}
	columns, err := s.keyColumns(t)
	if err != nil {
		return err
	}
	h, err := hashtable.New(hashtable.Options{}, newKeyReader(t, columns, nil).types(), 0)
	if err != nil {
		return fmt.Errorf("table %s: %w: primary key %q: %w", s.target, job.ErrInvalid, s.key, err)
	}
	h.Free()
	return nil
}

// keyColumns are the columns of the primary key, in the engine's types.
func (s *Sink) keyColumns(t *table.Table) ([]projected, error) {
	var columns []projected
	for _, name := range s.key {
		at := s.columns.FieldIndices(name)
		f, ok := t.Schema().FindFieldByName(name)
		if len(at) == 0 || !ok {
			return nil, fmt.Errorf("table %s: %w: column %q of the primary key is not written", s.target, job.ErrInvalid, name)
		}
		columns = append(columns, projected{path: []ice.NestedField{f}, engine: s.columns.Field(at[0])})
	}
	return columns, nil
}

// upsertMode says how rows are deleted: 'write.upsert.mode'.
type upsertMode string

const (
	byPosition upsertMode = "position"
	byRewrite  upsertMode = "copy-on-write"
	byEquality upsertMode = "equality"
)

// checkMode checks that rows of the table can be deleted in the way that is asked
// for.
func (s *Sink) checkMode(t *table.Table) error {
	switch s.mode {
	case byPosition, byRewrite:
		return nil
	case byEquality:
	default:
		return fmt.Errorf("table %s: %w: option %q is %q; want position, equality or copy-on-write", s.target, job.ErrInvalid, optUpsertMode, s.mode)
	}
	spec := t.Spec()
	for _, f := range spec.Fields() {
		if name, _ := t.Schema().FindColumnName(f.SourceID()); !slices.Contains(s.key, name) {
			return fmt.Errorf("table %s: %w: partition field %q is of column %q, which is not in the primary key: '%s' = 'equality' does not find the partition of a row that changes; use 'position'",
				s.target, job.ErrInvalid, f.Name, name, optUpsertMode)
		}
	}
	return nil
}
