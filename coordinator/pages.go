package coordinator

import "iter"

// pages is a list that many states share: a state that changes an element has a
// page of its own from then on, so that a step costs what it changes, however many
// tasks there are.
type pages[T any] struct {
	of   [][]T
	mine []bool // pages that no other state has
	n    int
}

// page is how many elements a page has.
const page = 64

func newPages[T any](n int) pages[T] {
	p := pages[T]{n: n}
	all := make([]T, n)
	for len(all) > 0 {
		size := min(page, len(all))
		p.of, p.mine = append(p.of, all[:size:size]), append(p.mine, true)
		all = all[size:]
	}
	return p
}

// shared is the list for another state, which may change it.
func (p pages[T]) shared() pages[T] {
	return pages[T]{of: append([][]T(nil), p.of...), mine: make([]bool, len(p.of)), n: p.n}
}

func (p pages[T]) len() int { return p.n }

func (p pages[T]) at(i int) T { return p.of[i/page][i%page] }

// edit is an element that is about to change.
func (p *pages[T]) edit(i int) *T {
	k := i / page
	if !p.mine[k] {
		p.of[k], p.mine[k] = append([]T(nil), p.of[k]...), true
	}
	return &p.of[k][i%page]
}

// all yields the elements, which must not be changed.
func (p pages[T]) all() iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		for k, of := range p.of {
			for i := range of {
				if !yield(k*page+i, &of[i]) {
					return
				}
			}
		}
	}
}
