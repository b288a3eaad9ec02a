package stream

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// Batch is a set of rows that share a schema. Whoever receives a Batch owns it
// and must either pass it on or Release it. The rows are immutable.
type Batch struct {
	Rows arrow.RecordBatch
	// Kinds says of each row how it changes the table that the stream
	// describes; nil means that every row is an Insert.
	Kinds []RowKind
	// Marks are the watermark's moves within the batch, in ascending order of
	// Row and Time; nil means that it does not move before the end of the
	// batch. They make lateness a property of rows, not of how rows are cut
	// into batches.
	Marks []Mark
}

// Mark says that from row Row on (Row may be the number of rows: after the
// last one) the watermark of the batch's channel is at least Time.
type Mark struct {
	Row  int32
	Time Timestamp
}

// NewBatch returns a batch of inserts. It takes over the caller's reference to rows.
func NewBatch(rows arrow.RecordBatch) *Batch { return &Batch{Rows: rows} }

// Len is the number of rows.
func (b *Batch) Len() int { return int(b.Rows.NumRows()) }

// Release gives up the owner's reference to the rows.
func (b *Batch) Release() { b.Rows.Release() }

// Share returns a second owner's view of the same rows.
func (b *Batch) Share() *Batch {
	b.Rows.Retain()
	c := *b
	return &c
}

// Kind is the row kind of row i.
func (b *Batch) Kind(i int) RowKind {
	if b.Kinds == nil {
		return Insert
	}
	return b.Kinds[i]
}

// RowKind says how a row changes the table that the stream describes.
type RowKind uint8

const (
	Insert RowKind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

func (k RowKind) String() string {
	switch k {
	case Insert:
		return "+I"
	case UpdateBefore:
		return "-U"
	case UpdateAfter:
		return "+U"
	case Delete:
		return "-D"
	}
	return fmt.Sprintf("RowKind(%d)", uint8(k))
}

// Retracts reports whether the kind takes a row away: -U or -D.
func (k RowKind) Retracts() bool { return k == UpdateBefore || k == Delete }
