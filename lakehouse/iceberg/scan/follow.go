package scan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
)

// follower is the enumerator of a table that is read as a stream: it makes
// splits of one snapshot after the other.
type follower struct {
	source *Source
	state  followed
}

// followed is what a checkpoint holds of a follower.
type followed struct {
	Version int `json:"version"`
	// Begun says that the first snapshot was found; until then Empty says that
	// the table had none, so that its first is new.
	Begun bool `json:"begun,omitempty"`
	Empty bool `json:"empty,omitempty"`
	// Last is the snapshot whose splits were made last; 0 is none.
	Last   int64       `json:"last,omitempty"`
	Ended  bool        `json:"ended,omitempty"`
	Splits []ops.Split `json:"splits,omitempty"`
	// Next numbers the splits.
	Next int64 `json:"next,omitempty"`
}

func newFollower(s *Source, state []byte) (*follower, error) {
	f := &follower{source: s, state: followed{Version: 1}}
	if state == nil {
		return f, nil
	}
	if err := json.Unmarshal(state, &f.state); err != nil {
		return nil, fmt.Errorf("%w: state of the source of %s: %w", job.ErrInvalid, s.place, err)
	}
	if f.state.Version != 1 {
		return nil, fmt.Errorf("%w: state of the source of %s: it is of a table that is not read as a stream, or of another version of this program", job.ErrInvalid, s.place)
	}
	return f, nil
}

// Discover implements ops.SplitEnumerator.
func (f *follower) Discover(ctx context.Context) (bool, error) {
	if f.state.Ended {
		return true, nil
	}
	c, t, err := f.source.load(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	next := f.state
	next.Splits = slices.Clip(f.state.Splits)
	if err := f.discover(ctx, t, &next); err != nil {
		return false, fmt.Errorf("follow table %s: %w", f.source.place, err)
	}
	f.state = next
	return f.state.Ended, nil
}

// discover moves the state on. A failure leaves nothing behind.
func (f *follower) discover(ctx context.Context, t *table.Table, to *followed) error {
	head, err := f.source.plan.version.of(t)
	if err != nil {
		return err
	}
	if head == nil {
		to.Empty = !to.Begun
		if f.source.plan.stream.strategy == fromSnapshot {
			return fmt.Errorf("%w: there is no snapshot %d: the table is empty", job.ErrInvalid, f.source.plan.stream.start)
		}
		return nil
	}
	line := lineage(t, head)
	if !to.Begun {
		if line, err = f.begin(ctx, t, line, to); err != nil {
			return err
		}
		to.Begun = true
	} else if line, err = behind(line, to.Last); err != nil {
		return err
	}
	if most := f.source.plan.stream.most; most > 0 && len(line) > most {
		line = line[:most]
	}
	for _, s := range line {
		pieces, err := f.source.changesOf(ctx, t, s)
		if err != nil {
			return fmt.Errorf("snapshot %d: %w", s.SnapshotID, err)
		}
		if err := to.add(pieces); err != nil {
			return err
		}
		to.Last = s.SnapshotID
		if s.SnapshotID == f.source.plan.stream.end {
			to.Ended = true
			break
		}
	}
	return nil
}

// add makes splits of pieces.
func (s *followed) add(pieces []*piece) error {
	for _, p := range pieces {
		s.Next++
		p.Number = s.Next
		split, err := p.split()
		if err != nil {
			return err
		}
		s.Splits = append(s.Splits, split)
	}
	return nil
}

// lineage is head and the snapshots before it that are still there, oldest first.
func lineage(t *table.Table, head *table.Snapshot) []*table.Snapshot {
	var out []*table.Snapshot
	for s := head; s != nil; {
		out = append(out, s)
		if s.ParentSnapshotID == nil {
			break
		}
		s = t.SnapshotByID(*s.ParentSnapshotID)
	}
	slices.Reverse(out)
	return out
}

// behind are the snapshots that follow last.
func behind(line []*table.Snapshot, last int64) ([]*table.Snapshot, error) {
	if last == 0 {
		return line, nil
	}
	at := slices.IndexFunc(line, func(s *table.Snapshot) bool { return s.SnapshotID == last })
	if at < 0 {
		return nil, fmt.Errorf("%w: snapshot %d, the last one that was read, is no longer among those before the present one: it has expired, or the table went back to an older one. "+
			"What came behind it cannot be known; start the job without its state, and keep snapshots for longer", job.ErrInvalid, last)
	}
	return line[at+1:], nil
}

// begin finds where the stream starts: the snapshots to read, and what was
// before them.
func (f *follower) begin(ctx context.Context, t *table.Table, line []*table.Snapshot, to *followed) ([]*table.Snapshot, error) {
	plan := f.source.plan.stream
	head := line[len(line)-1]
	from := 0
	switch plan.strategy {
	case scanFirst:
		pieces, err := f.source.pieces(ctx, t, head)
		if err != nil {
			return nil, err
		}
		to.Last = head.SnapshotID
		to.Ended = head.SnapshotID == plan.end
		return nil, to.add(pieces)
	case fromLatest, behindLatest:
		if to.Empty {
			break
		}
		if from = len(line) - 1; plan.strategy == behindLatest {
			from++
		}
	case fromEarliest:
	case fromSnapshot:
		if from = slices.IndexFunc(line, func(s *table.Snapshot) bool { return s.SnapshotID == plan.start }); from < 0 {
			return nil, fmt.Errorf("%w: snapshot %d is not among those before the present one; it may have expired", job.ErrInvalid, plan.start)
		}
	case fromTimestamp:
		if from = slices.IndexFunc(line, func(s *table.Snapshot) bool { return s.TimestampMs >= plan.startTime }); from < 0 {
			from = len(line)
		}
	}
	if from > 0 {
		to.Last = line[from-1].SnapshotID
	}
	return line[from:], nil
}

// Take implements ops.SplitEnumerator. Changes are read by one task, in the
// order in which they were made.
func (f *follower) Take(reader, _, n int) []ops.Split {
	if f.source.plan.stream.changelog && reader != 0 {
		return nil
	}
	n = min(n, len(f.state.Splits))
	out := slices.Clone(f.state.Splits[:n])
	f.state.Splits = f.state.Splits[n:]
	return out
}

// Return implements ops.SplitEnumerator.
func (f *follower) Return(splits []ops.Split) {
	f.state.Splits = slices.Concat(splits, f.state.Splits)
	slices.SortStableFunc(f.state.Splits, func(a, b ops.Split) int { return cmp.Compare(numberOf(a), numberOf(b)) })
}

func numberOf(s ops.Split) int64 {
	p, _, _, _, err := parsePiece(s.Position)
	if err != nil {
		return 0 // its reader says so
	}
	return p.Number
}

// Snapshot implements ops.SplitEnumerator.
func (f *follower) Snapshot() ([]byte, error) { return json.Marshal(f.state) }

// Close implements ops.SplitEnumerator.
func (f *follower) Close() error { return nil }

// byWatermark orders pieces of one snapshot by the lower bounds of a column.
// Pieces without one come first.
func (s *Source) byWatermark(t *table.Table, pieces []*piece) error {
	name := s.plan.stream.watermark
	if name == "" {
		return nil
	}
	field, ok := t.Schema().FindFieldByName(name)
	if !ok {
		return fmt.Errorf("%w: option '%s': there is no column %q", job.ErrInvalid, catalog.OptWatermark, name)
	}
	switch field.Type.(type) {
	case ice.TimestampType, ice.TimestampTzType, ice.TimestampNsType, ice.TimestampTzNsType, ice.Int64Type:
	default:
		return fmt.Errorf("%w: option '%s': column %q is %s; it must be a timestamp or a BIGINT", job.ErrInvalid, catalog.OptWatermark, name, field.Type)
	}
	bound := func(p *piece) int64 {
		b := p.lower[field.ID]
		if len(b) != 8 {
			return -1 << 63
		}
		lit, err := ice.LiteralFromBytes(ice.PrimitiveTypes.Int64, b)
		if err != nil {
			return -1 << 63
		}
		return lit.Any().(int64)
	}
	slices.SortStableFunc(pieces, func(a, b *piece) int {
		switch x, y := bound(a), bound(b); {
		case a.removes() && !b.removes():
			return -1
		case !a.removes() && b.removes():
			return 1
		default:
			return cmp.Compare(x, y)
		}
	})
	return nil
}
