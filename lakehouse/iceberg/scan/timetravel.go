package scan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// versionChoice is which state of a table is read; the zero value is the current one.
type versionChoice struct {
	snapshot *int64
	asOf     *int64 // milliseconds since 1970
	ref      string
	kind     table.RefType // of ref
}

// parseVersion reads the options that choose a snapshot, of which there can be one.
func parseVersion(o map[string]string) (v versionChoice, err error) {
	var given []string
	for _, key := range []string{catalog.OptSnapshot, catalog.OptAsOf, catalog.OptBranch, catalog.OptTag} {
		text := o[key]
		if text == "" {
			continue
		}
		given = append(given, "'"+key+"'")
		switch key {
		case catalog.OptSnapshot, catalog.OptAsOf:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return v, fmt.Errorf("%w: option %q is %q; want a number", job.ErrInvalid, key, text)
			}
			if key == catalog.OptSnapshot {
				v.snapshot = &n
			} else {
				v.asOf = &n
			}
		case catalog.OptBranch:
			v.ref, v.kind = text, table.BranchRef
		case catalog.OptTag:
			v.ref, v.kind = text, table.TagRef
		}
	}
	if len(given) > 1 {
		return v, fmt.Errorf("%w: options %s: only one of them chooses a snapshot", job.ErrInvalid, strings.Join(given, " and "))
	}
	return v, nil
}

// of finds the snapshot; nil is a table without any.
func (v versionChoice) of(t *table.Table) (*table.Snapshot, error) {
	switch {
	case v.snapshot != nil:
		if s := t.SnapshotByID(*v.snapshot); s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("%w: there is no snapshot %d; it may have expired", job.ErrInvalid, *v.snapshot)
	case v.asOf != nil:
		return asOf(t, *v.asOf)
	case v.ref != "":
		for name, ref := range t.Metadata().Refs() {
			if name == v.ref && ref.SnapshotRefType == v.kind {
				return t.SnapshotByID(ref.SnapshotID), nil
			}
		}
		if v.ref == table.MainBranch && v.kind == table.BranchRef {
			return t.CurrentSnapshot(), nil
		}
		return nil, fmt.Errorf("%w: there is no %s %q; there are %q", job.ErrInvalid, v.kind, v.ref, refs(t, v.kind))
	}
	return t.CurrentSnapshot(), nil
}

// asOf is the snapshot that was current at a time.
func asOf(t *table.Table, millis int64) (*table.Snapshot, error) {
	var id int64
	found := false
	for log := range t.Metadata().SnapshotLogs() {
		if log.TimestampMs <= millis {
			id, found = log.SnapshotID, true
		}
	}
	at := time.UnixMilli(millis).UTC().Format("2006-01-02 15:04:05.000")
	if !found {
		return nil, fmt.Errorf("%w: there is no snapshot as old as %s UTC", job.ErrInvalid, at)
	}
	if s := t.SnapshotByID(id); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: snapshot %d, which was current at %s UTC, has expired", job.ErrInvalid, id, at)
}

func refs(t *table.Table, kind table.RefType) []string {
	var out []string
	for name, ref := range t.Metadata().Refs() {
		if ref.SnapshotRefType == kind {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// schemaThen is the schema that the table had when the snapshot was made.
func schemaThen(t *table.Table, snapshot *table.Snapshot) *ice.Schema {
	if snapshot != nil && snapshot.SchemaID != nil {
		for _, s := range t.Metadata().Schemas() {
			if s.ID == *snapshot.SchemaID {
				return s
			}
		}
	}
	return t.Schema()
}

// AsOf is Connector.AsOf: the snapshot that was current then, with the
// columns that the table had.
func AsOf(ctx context.Context, t job.Table, millis int64, env catalog.Env) (job.Table, error) {
	for _, key := range []string{catalog.OptSnapshot, catalog.OptAsOf, catalog.OptBranch, catalog.OptTag} {
		if t.Options[key] != "" {
			return t, fmt.Errorf("%w: table %s: its option '%s' chooses a snapshot already", job.ErrInvalid, t.Ident, key)
		}
	}
	to, err := catalog.PlaceOf(t)
	if err != nil {
		return t, err
	}
	if t.Options[catalog.OptMetadata] != "" {
		return t, fmt.Errorf("%w: a metadata table has no versions", job.ErrInvalid)
	}
	c, there, err := to.Load(ctx, env)
	if err != nil {
		return t, err
	}
	defer c.Close()
	snapshot, err := asOf(there, millis)
	if err != nil {
		return t, fmt.Errorf("table %s: %w", to, err)
	}
	schema, err := schemas.ToEngine(schemaThen(there, snapshot))
	if err != nil {
		return t, fmt.Errorf("table %s: %w", to, err)
	}
	t.Schema = job.Schema{Schema: schema}
	t.Options = maps.Clone(t.Options)
	t.Options[catalog.OptAsOf], t.Options[catalog.OptThenSchema] = strconv.FormatInt(millis, 10), "true"
	return t, nil
}
