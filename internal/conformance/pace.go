package conformance

// pace makes the sources of a program take turns: the n-th rows of all are in
// a checkpoint before any gives its next. Flink's tasks take from their inputs
// in turn, too; what is late for a join, and which of two changes comes first,
// would else depend on which source is read first.
type pace struct {
	on        bool
	published int
	given     map[string]int  // rows by table, since its reader began
	ended     map[string]bool // tables of which no rows are left
	begin     int             // how many epochs must be published before the next turn begins
}

// settledEpochs is how many published epochs are one with a barrier behind a
// row that was given before the first of them: two may be on their way.
const settledEpochs = 3

// paced makes the sources of the world take turns.
func (w *world) paced() {
	w.pace = pace{on: true, given: map[string]int{}, ended: map[string]bool{}}
}

// enters notes that a reader of a table begins.
func (w *world) enters(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pace.on {
		w.pace.given[id], w.pace.ended[id] = 0, false
	}
}

// turn is nil when a table may give its next row, or closed when it is time to
// ask again.
func (w *world) turn(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.pace.on || len(w.sources) < 2 || w.pace.given[id] == w.slowest() && w.pace.published >= w.pace.begin {
		return nil
	}
	c := make(chan struct{})
	w.waiting = append(w.waiting, c)
	return c
}

// slowest is the number of rows that all tables have given.
func (w *world) slowest() int {
	least := -1
	for s := range w.sources {
		if n := w.pace.given[s]; !w.pace.ended[s] && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}

// gave notes that a table gave a row, and whether it was the last one.
func (w *world) gave(id string, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.pace.on {
		return
	}
	before := w.slowest()
	w.pace.given[id]++
	w.pace.ended[id] = last
	if w.slowest() != before {
		w.pace.begin = w.pace.published + settledEpochs
	}
}
