// Package golden runs SQL cases that a person can judge, each in many ways: as
// batch, as a stream cut into single rows and at random, on several tasks, with
// a crash after every epoch, rescaled, as functions, and in another gear behind every
// epoch. The answers must be equal.
//
// Cases stand in text files of blocks, with a blank line between two. A line
// that begins with # is a comment.
//
//	table bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3),
//	  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
//	1, 10, 2020-01-01 00:00:01
//	-D 1, 10, 2020-01-01 00:00:02
//	----
//
//	query
//	SELECT auction, SUM(price) FROM bids GROUP BY auction
//	----
//	1, 10
//
//	error
//	SELECT nothing FROM bids
//	----
//	unknown column
//
//	statement
//	CREATE TEMPORARY VIEW v AS SELECT * FROM bids
//	----
//
// A row may begin with its kind; NULL is written NULL, a text of no characters
// ”, text with a comma in double quotes. The expected rows of a query are
// sorted, unless it says "query ordered". "query streaming-only: why" and "query
// batch-only: why" leave out the other modes, "query one-task: why" those at a
// higher parallelism. What is expected of an error is part of its text.
package golden

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// world is what stays when a job crashes: the tables that it reads, and what
// its sinks have published.
type world struct {
	tables map[string]*table
	cut    func(rows int) []int // batch ends of a table of so many rows

	mu        sync.Mutex
	published map[string]*published // by table
	// paced makes a source give one batch and then wait for an epoch, so that
	// every batch has an epoch of its own.
	paced   bool
	waiting []chan struct{}
	// behind makes sinks slow, and sources give several batches before they wait, so
	// that some are on their way when an epoch ends.
	behind bool
	// onEpoch, if set, is called after each published epoch.
	onEpoch func()
	// progress is how many rows the splits of this incarnation had behind them
	// when they were assigned.
	progress int
}

// published is the content of one sink.
type published struct {
	epochs map[ops.SinkID]stream.Epoch // the highest of each sink
	rows   []row
}

// row is one published row, as text.
type row struct {
	kind stream.RowKind
	text string
}

func newWorld() *world {
	return &world{tables: make(map[string]*table), published: make(map[string]*published)}
}

// wait returns a channel that is closed with the next published epoch.
func (w *world) wait() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{})
	w.waiting = append(w.waiting, c)
	return c
}

// publish appends rows to a sink's table, unless the epoch is there already.
func (w *world) publish(name string, id ops.SinkID, e stream.Epoch, rows []row) {
	w.mu.Lock()
	p := w.published[name]
	if p == nil {
		p = &published{epochs: make(map[ops.SinkID]stream.Epoch)}
		w.published[name] = p
	}
	fresh := e > p.epochs[id]
	if fresh {
		p.epochs[id] = e
		p.rows = append(p.rows, rows...)
	}
	for _, c := range w.waiting {
		close(c)
	}
	w.waiting = nil
	hook := w.onEpoch
	w.mu.Unlock()
	if fresh && hook != nil {
		hook()
	}
}

// table is the content of a sink after all its changes: a multiset of rows. It
// is an error when a row is taken away that is not there: at the end, or, when
// the changes came in one order, at any time.
func (w *world) table(name string, inOrder bool) (map[string]int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := make(map[string]int)
	if p := w.published[name]; p != nil {
		for i, r := range p.rows {
			if !r.kind.Retracts() {
				rows[r.text]++
				continue
			}
			if rows[r.text]--; inOrder && rows[r.text] < 0 {
				return nil, fmt.Errorf("change %d, %v [%s], takes away a row that is not there", i+1, r.kind, r.text)
			}
		}
	}
	for text, n := range rows {
		if n < 0 {
			return nil, fmt.Errorf("row [%s] is retracted %d times more than it is added", text, -n)
		}
	}
	return rows, nil
}

// lines is a multiset as sorted lines.
func lines(rows map[string]int) []string {
	var out []string
	for _, text := range slices.Sorted(maps.Keys(rows)) {
		for range rows[text] {
			out = append(out, text)
		}
	}
	return out
}

// inOrder is the content of a sink in the order in which its rows came, which
// must all be inserts.
func (w *world) inOrder(name string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	if p := w.published[name]; p != nil {
		for _, r := range p.rows {
			out = append(out, r.text)
		}
	}
	return out
}

var _ ops.Committer = (*committer)(nil)

// committer publishes to a table of the world.
type committer struct {
	world *world
	table string
	id    ops.SinkID
}

func (c *committer) Published(context.Context) (stream.Epoch, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if p := c.world.published[c.table]; p != nil {
		return p.epochs[c.id], nil
	}
	return 0, nil
}

func (c *committer) Commit(_ context.Context, pending []ops.Pending, _ bool) (stream.Epoch, error) {
	var last stream.Epoch
	for _, p := range pending {
		var rows []row
		for _, cm := range p.Committables {
			r, err := decodeRows(cm)
			if err != nil {
				return last, err
			}
			rows = append(rows, r...)
		}
		last = p.Epoch
		c.world.publish(c.table, c.id, p.Epoch, rows)
	}
	return last, nil
}

func (c *committer) Close() error { return nil }

// pace says whether every batch is to have an epoch of its own.
func (w *world) pace(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paced, w.waiting = on, nil
}

// slow says whether rows are to be on their way when an epoch ends.
func (w *world) slow(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behind = on
}

// after sets what is called after each published epoch.
func (w *world) after(hook func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onEpoch = hook
}

// resumed notes that a split is read on behind so many rows.
func (w *world) resumed(rows int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress += rows
}

// begin starts an incarnation, and gives the progress with which the one before
// it began.
func (w *world) begin() (progress int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	progress, w.progress = w.progress, 0
	return progress
}
