package frame_test

import (
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/engine/exchange/frame"
	"github.com/wadi-engine/wadi/stream"
)

func TestControlComesBack(t *testing.T) {
	for _, e := range []stream.Element{
		stream.Watermark{Time: -7},
		stream.Tick{Now: 1 << 40},
		stream.Idle{},
		stream.EndOfInput{},
		stream.Barrier{Epoch: 12, Kind: stream.BarrierKind(1)},
		stream.Barrier{Epoch: 12, Since: 3, Overtake: -4},
	} {
		p := frame.Append(nil, e)
		if got, err := frame.Control(frame.KindOf(e), p); err != nil || got != e {
			t.Errorf("%#v came back as %#v, %v", e, got, err)
		}
		if _, err := frame.Control(frame.KindOf(e), append(p, 0)); err == nil {
			t.Errorf("%#v with a byte too many was taken", e)
		}
	}
	for _, k := range []frame.Kind{0, frame.Batch, frame.End + 1} {
		if _, err := frame.Control(k, nil); err == nil {
			t.Errorf("kind %d was taken for a control element", k)
		}
	}
}

func TestMarksComeBack(t *testing.T) {
	b := &stream.Batch{
		Marks: []stream.Mark{{Row: 0, Time: 5}, {Row: 3, Time: 9}},
		Kinds: []stream.RowKind{0, 1, 2, 3},
	}
	p := frame.Append(nil, b)
	var got stream.Batch
	rows, err := frame.CutBatch(&got, append(p, "rows"...))
	if err != nil || string(rows) != "rows" || !slices.Equal(got.Marks, b.Marks) || !slices.Equal(got.Kinds, b.Kinds) {
		t.Fatalf("came back as %+v and %q, %v", got, rows, err)
	}
	for n := range p {
		if _, err := frame.CutBatch(&stream.Batch{}, p[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken for the whole", n, len(p))
		}
	}
}
