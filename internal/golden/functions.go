package golden

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/wadi-engine/wadi"
)

// share is the state of WEIGHTED: numbers alone.
type share struct{ Sum, Weight int64 }

// values is the state of SPAN: how often each value is there.
type values struct{ Times map[int64]int64 }

// MarshalBinary implements encoding.BinaryMarshaler.
func (v *values) MarshalBinary() ([]byte, error) { return json.Marshal(v.Times) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (v *values) UnmarshalBinary(data []byte) error { return json.Unmarshal(data, &v.Times) }

func (v *values) add(x, times int64) {
	if v.Times == nil {
		v.Times = map[int64]int64{}
	}
	if v.Times[x] += times; v.Times[x] == 0 {
		delete(v.Times, x)
	}
}

// span is the greatest value less the smallest.
func (v *values) span() (int64, bool) {
	first := true
	var low, high int64
	for x := range v.Times {
		if first {
			low, high, first = x, x, false
		}
		low, high = min(low, x), max(high, x)
	}
	return high - low, !first
}

// word is a row of WORDS.
type word struct {
	Word   string
	Length int32
}

// withFunctions gives the cases functions in Go.
func withFunctions(o wadi.Options) wadi.Options {
	o.Functions = []wadi.Function{
		wadi.Func1("twice", func(n int64) (int64, error) { return 2 * n, nil }),
		wadi.Func2("near", func(a, b int64) (bool, error) { return a-b <= 1 && b-a <= 1, nil }),
		{Name: "dice", Args: []string{"BIGINT"}, Result: "BIGINT", Volatile: true, Call: wadi.Func1("dice", func(n int64) (int64, error) { return n, nil }).Call},
	}
	o.Aggregates = []wadi.AggregateFunction{
		wadi.Agg2("weighted", wadi.Agg[func(*share, int64, int64) error, share, int64]{
			Add:     func(s *share, v, w int64) error { s.Sum, s.Weight = s.Sum+v*w, s.Weight+w; return nil },
			Retract: func(s *share, v, w int64) error { s.Sum, s.Weight = s.Sum-v*w, s.Weight-w; return nil },
			Merge:   func(s, o *share) error { s.Sum, s.Weight = s.Sum+o.Sum, s.Weight+o.Weight; return nil },
			Result: func(s *share) (int64, bool) {
				if s.Weight == 0 {
					return 0, false
				}
				return s.Sum / s.Weight, true
			},
		}),
		wadi.Agg1("span", wadi.Agg[func(*values, int64) error, values, int64]{
			Add:     func(s *values, v int64) error { s.add(v, 1); return nil },
			Retract: func(s *values, v int64) error { s.add(v, -1); return nil },
			Merge: func(s, o *values) error {
				for v, n := range o.Times {
					s.add(v, n)
				}
				return nil
			},
			Result: (*values).span,
		}),
		wadi.Agg1("longest", wadi.Agg[func(*longest, string) error, longest, string]{
			Add: func(s *longest, v string) error {
				if len(v) > len(s.text) || len(v) == len(s.text) && v < s.text {
					s.text = v
				}
				return nil
			},
			Result: func(s *longest) (string, bool) { return s.text, s.text != "" },
			Encode: func(dst []byte, s *longest) ([]byte, error) { return append(dst, s.text...), nil },
			Decode: func(s *longest, data []byte) error { s.text = string(data); return nil },
		}),
	}
	o.Aggregates = append(o.Aggregates, failing()...)
	o.TableFunctions = []wadi.TableFunction{
		wadi.Table1("words", func(s string, yield func(word)) error {
			for _, w := range strings.Fields(s) {
				yield(word{Word: w, Length: int32(len(w))})
			}
			return nil
		}),
		wadi.Table2("between_of", func(a, b int64, yield func(int64)) error {
			for i := a; i <= b; i++ {
				yield(i)
			}
			return nil
		}),
	}
	return o
}

// longest is the state of LONGEST, which can neither retract nor merge.
type longest struct{ text string }

// failing are aggregate functions that fail: TOUCHY for the value 7, WORDLESS
// where its state is saved.
func failing() []wadi.AggregateFunction {
	return []wadi.AggregateFunction{
		wadi.Agg1("touchy", wadi.Agg[func(*int64, int64) error, int64, int64]{
			Add: func(s *int64, v int64) error {
				if *s += v; v == 7 {
					panic("seven")
				}
				return nil
			},
			Merge:  func(s, o *int64) error { *s += *o; return nil },
			Result: func(s *int64) (int64, bool) { return *s, true },
		}),
		wadi.Agg1("wordless", wadi.Agg[func(*int64, int64) error, int64, int64]{
			Add:    func(s *int64, v int64) error { *s += v; return nil },
			Merge:  func(s, o *int64) error { *s += *o; return nil },
			Result: func(s *int64) (int64, bool) { return *s, true },
			Encode: func([]byte, *int64) ([]byte, error) { return nil, errors.New("no words for it") },
			Decode: func(*int64, []byte) error { return nil },
		}),
	}
}
