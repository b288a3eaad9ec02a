package stream

import "slices"

// SelectMarks gives the marks of the rows that sel, ascending, selects of a
// batch: a mark moves to the first selected row at or behind its own, and
// marks that fall together become the last of them. A mark behind all
// selected rows stays behind them. With a nil sel every row is selected.
//
//	rows   a  b  c  d  e      marks  b≥5  d≥7  end≥9
//	sel    a        d         marks       d≥7  end≥9
//
// The filter and the exchange both use it, so that lateness does not depend
// on which rows were dropped or sent elsewhere.
func SelectMarks(marks []Mark, sel []uint32) []Mark {
	if sel == nil || len(marks) == 0 {
		return marks
	}
	out := make([]Mark, 0, len(marks))
	at := 0
	for _, m := range marks {
		n, _ := slices.BinarySearch(sel[at:], uint32(m.Row))
		at += n
		if k := len(out); k > 0 && out[k-1].Row == int32(at) {
			out[k-1].Time = m.Time
			continue
		}
		out = append(out, Mark{Row: int32(at), Time: m.Time})
	}
	return out
}

// SliceMarks gives the marks of the rows [lo, hi) of a batch. The watermark
// that holds before lo becomes a mark at row 0; a mark at hi or behind it
// belongs to the rows that follow and is left out.
func SliceMarks(marks []Mark, lo, hi int) []Mark {
	var out []Mark
	for _, m := range marks {
		if int(m.Row) >= hi {
			break
		}
		row := max(m.Row-int32(lo), 0)
		if k := len(out); k > 0 && out[k-1].Row == row {
			out[k-1].Time = m.Time
			continue
		}
		out = append(out, Mark{Row: row, Time: m.Time})
	}
	return out
}
