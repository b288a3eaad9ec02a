package parquet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// part is what a split reads: row groups [from, to) of one version of a file.
// As the ID of a split it is
//
//	file:///data/flights.parquet#0-3@1c9a-18f2c-5e1
//
// and a position in it is "group/row" of the next row.
type part struct {
	url      string
	from, to int
	version  string
}

func (p part) String() string { return fmt.Sprintf("%s#%d-%d@%s", p.url, p.from, p.to, p.version) }

func parsePart(id string) (p part, err error) {
	at := strings.LastIndexByte(id, '@')
	hash := strings.LastIndexByte(id[:max(at, 0)], '#')
	if hash < 0 {
		return p, fmt.Errorf("split %q: not one of Parquet files", id)
	}
	p.url, p.version = id[:hash], id[at+1:]
	if n, err := fmt.Sscanf(id[hash+1:at], "%d-%d", &p.from, &p.to); n != 2 {
		return p, fmt.Errorf("split %q: %w", id, err)
	}
	return p, nil
}

func formatPosition(group int, row int64) []byte { return fmt.Appendf(nil, "%d/%d", group, row) }

func parsePosition(b []byte) (group int, row int64, err error) {
	g, r, ok := strings.Cut(string(b), "/")
	if ok {
		if group, err = strconv.Atoi(g); err == nil {
			row, err = strconv.ParseInt(r, 10, 64)
		}
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("position %q in a Parquet split", b)
	}
	return group, row, nil
}

const (
	// splitBytes is how large the row groups of a split are together, if
	// there is more than one: few enough splits for small row groups, many
	// enough to share out.
	splitBytes = 64 << 20
	// opensAtOnce bounds how many footers are read at the same time.
	opensAtOnce = 16
)

// enumerator lists the files, in the order of their names, and cuts them into
// splits. A file is looked at once.
type enumerator struct {
	source *Source

	state enumeratorState
}

// enumeratorState is what a snapshot holds.
type enumeratorState struct {
	Version int `json:"version"`
	// Listed says that a bounded table's files were found.
	Listed bool `json:"listed,omitempty"`
	// Seen are the URLs whose splits were made, ascending; unbounded tables only.
	Seen    []string    `json:"seen,omitempty"`
	Pending []ops.Split `json:"pending,omitempty"`
}

func newEnumerator(s *Source, state []byte) (*enumerator, error) {
	e := &enumerator{source: s, state: enumeratorState{Version: 1}}
	if state == nil {
		return e, nil
	}
	if err := json.Unmarshal(state, &e.state); err != nil {
		return nil, fmt.Errorf("restore the files of table %s: %w", s.table.Ident, err)
	}
	if e.state.Version != 1 {
		return nil, fmt.Errorf("%w: restore the files of table %s: state of version %d, this program knows 1",
			job.ErrInvalid, s.table.Ident, e.state.Version)
	}
	return e, nil
}

// Discover implements ops.SplitEnumerator.
func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	s := e.source
	if e.state.Listed {
		return true, nil
	}
	files, err := s.stores.Find(ctx, s.table.Options[optPath], s.table.Options[optRegex], objstore.Properties(s.table.Options))
	if err != nil {
		return false, fmt.Errorf("find files of table %s: %w", s.table.Ident, err)
	}
	if len(files) == 0 && s.Bounded() {
		if written, err := s.stores.Written(ctx, s.table.Options[optPath], objstore.Properties(s.table.Options)); written || err != nil {
			return err == nil, err
		}
		return false, fmt.Errorf("%w: table %s: no file matches %q", job.ErrInvalid, s.table.Ident, s.table.Options[optPath])
	}
	var urls []string
	for _, f := range files {
		if _, seen := slices.BinarySearch(e.state.Seen, f.URL); !seen && f.Size > 0 {
			urls = append(urls, f.URL)
		}
	}
	splits := make([][]ops.Split, len(urls))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(opensAtOnce)
	for i, url := range urls {
		g.Go(func() (err error) {
			splits[i], err = s.split(gctx, url)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return false, fmt.Errorf("table %s: %w", s.table.Ident, err)
	}
	e.state.Pending = append(e.state.Pending, slices.Concat(splits...)...)
	if s.Bounded() {
		e.state.Listed = true
		return true, nil
	}
	e.state.Seen = append(e.state.Seen, urls...)
	slices.Sort(e.state.Seen)
	return false, nil
}

// split checks the columns of a file and cuts it into splits.
func (s *Source) split(ctx context.Context, url string) ([]ops.Split, error) {
	f, err := openObject(ctx, s.stores, url, objstore.Properties(s.table.Options))
	if err != nil {
		return nil, err
	}
	defer f.close()
	if _, err := s.bind(f.File, url); err != nil {
		return nil, err
	}
	var out []ops.Split
	p := part{url: url, version: f.version()}
	size := int64(0)
	for i, g := range f.RowGroups() {
		if size > 0 && size+g.Bytes > splitBytes {
			out = append(out, ops.Split{ID: p.String()})
			p.from, size = i, 0
		}
		size += max(g.Bytes, 1)
		p.to = i + 1
	}
	if p.to > p.from {
		out = append(out, ops.Split{ID: p.String()})
	}
	return out, nil
}

// Take implements ops.SplitEnumerator.
func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.state.Pending))
	out := slices.Clone(e.state.Pending[:n])
	e.state.Pending = e.state.Pending[n:]
	return out
}

// Return implements ops.SplitEnumerator.
func (e *enumerator) Return(splits []ops.Split) {
	e.state.Pending = slices.Concat(splits, e.state.Pending)
}

// Snapshot implements ops.SplitEnumerator.
func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }

// Close implements ops.SplitEnumerator.
func (e *enumerator) Close() error { return nil }

// SplitFile is the URL of the file that a split of this connector reads.
func SplitFile(id string) string {
	p, err := parsePart(id)
	if err != nil {
		return id
	}
	return p.url
}
