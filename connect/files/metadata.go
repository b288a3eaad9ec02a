package files

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// The pieces of metadata of a row, which are of its file.
const (
	metaPath     = "file.path"
	metaName     = "file.name"
	metaSize     = "file.size"
	metaModified = "file.modification-time"
)

var metadataTypes = map[string]arrow.DataType{
	metaPath: arrow.BinaryTypes.StringView, metaName: arrow.BinaryTypes.StringView, metaSize: arrow.PrimitiveTypes.Int64,
	metaModified: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"},
}

// Metadata are the keys of what is known of a row besides its data.
var Metadata = slices.Sorted(maps.Keys(metadataTypes))

func metaKey(f arrow.Field) string {
	key, _ := f.Metadata.GetValue(ops.MetadataColumn)
	return key
}

// unwritten refuses a table that is written with metadata.
func unwritten(s *arrow.Schema) error {
	for _, f := range s.Fields() {
		if key := metaKey(f); key != "" {
			return fmt.Errorf("%w: column %s: the metadata '%s' of files is only read; declare the column VIRTUAL", errInvalid, f.Name, key)
		}
	}
	return nil
}

// inName reports whether the URL of a file is enough to know the column.
func (c partColumn) inName() bool { return c.meta == "" || c.meta == metaPath || c.meta == metaName }

// place is a piece of metadata that is in the URL of a split's file.
func (s *partSource) place(split string, c partColumn) expr.Expr {
	file := s.fileOf(split)
	if u, err := objstore.Parse(file); err == nil {
		file = u.Path
	}
	if c.meta == metaName {
		file = path.Base(file)
	}
	return typed(&expr.Literal{Value: file, Of: metadataTypes[c.meta]}, c.field.Type)
}

// metadata is the value of a column for the rows of a split.
func (r *partReader) metadata(ctx context.Context, split string, c partColumn) (expr.Expr, error) {
	if c.inName() {
		return r.source.place(split, c), nil
	}
	if r.known != split {
		b, name, err := r.source.stores.Split(ctx, r.source.fileOf(split), r.source.props)
		if err != nil {
			return nil, err
		}
		if r.file, err = b.Stat(ctx, name); err != nil {
			return nil, err
		}
		r.known = split
	}
	l := &expr.Literal{Value: r.file.Size, Of: metadataTypes[c.meta]}
	if c.meta == metaModified {
		l.Value = r.file.ModTime.UnixMilli()
	}
	return typed(l, c.field.Type), nil
}

// typed is a literal as a value of a type.
func typed(l *expr.Literal, t arrow.DataType) expr.Expr {
	if arrow.TypeEqual(t, l.Of) {
		return l
	}
	return &expr.Call{Func: "cast", Args: []expr.Expr{l}, Of: t}
}
