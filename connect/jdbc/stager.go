package jdbc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

var _ ops.SinkWriter = (*stager)(nil)

// receipt is the committable of a writer's rows of an epoch: the pieces from First to
// Last.
type receipt struct {
	Version int          `json:"version"`
	Writer  string       `json:"writer"`
	Task    int          `json:"task"`
	Epoch   stream.Epoch `json:"epoch"`
	First   int64        `json:"first"`
	Last    int64        `json:"last"`
	Columns []string     `json:"columns"`       // with their types
	Key     []int        `json:"key,omitempty"` // columns
}

const receiptVersion = 1

func readReceipt(c ops.Committable) (r receipt, err error) {
	if err := json.Unmarshal(c, &r); err != nil || r.Version != receiptVersion {
		return r, fmt.Errorf("%w: staged rows that this version cannot read: %s", job.ErrInvalid, c)
	}
	return r, nil
}

// columns are the columns of the sink with their types, for receipts.
func (s *sink) columns() []string {
	all := make([]string, len(s.fields))
	for i, f := range s.fields {
		all[i] = f.Name + " " + expr.TypeName(f.Type)
	}
	return all
}

// stager is one task of a sink that stages rows until their checkpoint is complete.
// It sends them piece by piece; a random name tells its pieces from those of all
// others.
type stager struct {
	*statements
	id      ops.SinkID
	task    int
	name    string
	stage   string // INSERT INTO wadi_staged
	line    line
	retried ops.Counter
	packer  *packer
	binder  binder

	changes latest // not staged yet
	first   int64  // piece of the epoch
	next    int64  // piece

	piece []byte // scratch
}

func newStager(st *statements, l line, retried ops.Counter, t ops.TaskInfo) (*stager, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	p, err := newPacker()
	s := &stager{
		statements: st, id: ops.SinkID{Job: string(t.Job), Sink: t.UID}, task: t.Index, name: hex.EncodeToString(random[:]),
		line: l, retried: retried, packer: p, binder: newBinder(st), changes: latest{key: st.key},
	}
	d, own := st.dialect, st.staging()
	s.stage = "INSERT INTO " + own.staged + " (job, sink, writer, piece, payload) VALUES (" + d.text(s.id.Job) + ", " + d.text(s.id.Sink) + ", " + d.text(s.name) + ", " +
		d.param(1, arrow.PrimitiveTypes.Int64) + ", " + d.param(2, arrow.BinaryTypes.BinaryView) + ")" + d.upsert([]string{"job", "sink", "writer", "piece"}, nil)
	return s, err
}

// Write implements ops.SinkWriter.
func (s *stager) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	s.binder.fill(b)
	for row := range b.Len() {
		s.binder.add(&s.changes, b, row)
		if s.changes.bytes >= largestPiece || s.maxRows > 0 && len(s.changes.all) >= s.maxRows {
			if err := s.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// send stages a piece. It may come twice, and is there once.
func (s *stager) send(ctx context.Context) error {
	if len(s.changes.all) == 0 {
		return nil
	}
	s.piece = s.packer.pack(s.piece[:0], s.changes.take())
	args := [][]byte{strconv.AppendInt(nil, s.next, 10), s.dialect.bytes(nil, s.piece)}
	err := s.line.try(ctx, s.retries, func() { s.retried.Add(1) }, func(db database) error { return db.exec(ctx, s.stage, args) })
	if err != nil {
		return fmt.Errorf("stage rows of table %s: %w", s.table.Ident, err)
	}
	s.next++
	return nil
}

// Prepare implements ops.SinkWriter.
func (s *stager) Prepare(ctx context.Context, e stream.Epoch, _ bool) ([]ops.Committable, error) {
	if err := s.send(ctx); err != nil || s.first == s.next {
		return nil, err
	}
	c, err := json.Marshal(receipt{
		Version: receiptVersion, Writer: s.name, Task: s.task, Epoch: e, First: s.first, Last: s.next - 1, Columns: s.columns(), Key: s.key,
	})
	s.first = s.next
	return []ops.Committable{c}, err
}

// Close implements ops.SinkWriter.
func (s *stager) Close() error {
	s.line.close()
	return s.packer.zstd.Close()
}
