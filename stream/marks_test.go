package stream_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/stream"
)

// before is the watermark that holds before row i, by its definition.
func before(marks []stream.Mark, i int) stream.Timestamp {
	wm := stream.Start
	for _, m := range marks {
		if int(m.Row) <= i {
			wm = max(wm, m.Time)
		}
	}
	return wm
}

func drawMarks(t *rapid.T, rows int) []stream.Mark {
	var marks []stream.Mark
	for row, wm := 0, stream.Timestamp(0); row <= rows; row++ {
		if rapid.Bool().Draw(t, "mark") {
			wm += stream.Timestamp(rapid.IntRange(1, 9).Draw(t, "grow"))
			marks = append(marks, stream.Mark{Row: int32(row), Time: wm})
		}
	}
	return marks
}

func TestSelectMarksKeepsLateness(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(0, 20).Draw(t, "rows")
		marks := drawMarks(t, rows)
		sel := []uint32{}
		for i := range rows {
			if rapid.Bool().Draw(t, "keep") {
				sel = append(sel, uint32(i))
			}
		}
		got := stream.SelectMarks(marks, sel)
		for i, row := range sel {
			if before(got, i) != before(marks, int(row)) {
				t.Fatalf("row %d: watermark %v, want %v", row, before(got, i), before(marks, int(row)))
			}
		}
		if before(got, len(sel)) != before(marks, rows) {
			t.Fatalf("behind the rows: %v of %v", got, marks)
		}
		for i := 1; i < len(got); i++ {
			if got[i].Row <= got[i-1].Row || got[i].Time <= got[i-1].Time {
				t.Fatalf("marks do not ascend: %v", got)
			}
		}
	})
}

func TestSliceMarksKeepsLateness(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 20).Draw(t, "rows")
		marks := drawMarks(t, rows)
		lo := rapid.IntRange(0, rows-1).Draw(t, "lo")
		hi := rapid.IntRange(lo+1, rows).Draw(t, "hi")
		got := stream.SliceMarks(marks, lo, hi)
		for i := lo; i < hi; i++ {
			if before(got, i-lo) != before(marks, i) {
				t.Fatalf("row %d: watermark %v, want %v", i, before(got, i-lo), before(marks, i))
			}
		}
	})
}
