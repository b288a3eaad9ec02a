package iceberg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
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
	for _, key := range []string{optSnapshot, optAsOf, optBranch, optTag} {
		text := o[key]
		if text == "" {
			continue
		}
		given = append(given, "'"+key+"'")
		switch key {
		case optSnapshot, optAsOf:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return v, fmt.Errorf("%w: option %q is %q; want a number", job.ErrInvalid, key, text)
			}
			if key == optSnapshot {
				v.snapshot = &n
			} else {
				v.asOf = &n
			}
		case optBranch:
			v.ref, v.kind = text, table.BranchRef
		case optTag:
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
