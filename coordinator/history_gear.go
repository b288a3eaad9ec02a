package coordinator

import (
	"slices"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Shifted is a change of gear that was decided on.
type Shifted struct {
	At       time.Time // of the decision
	From, To job.Gear
	Reason   string
	// Back says that nothing has succeeded in the gear From.
	Back bool
	// Epoch is the checkpoint from which the job went on in the new gear, Took the
	// time from the decision until all its tasks ran: both 0 until they do.
	Epoch uint64
	Took  time.Duration
}

// keptShifts is how many of them a Life holds.
const keptShifts = 32

// shift notes decisions about the gear and what becomes of them. It reports
// whether there is something new.
func (h *History) shift(now time.Time, old, s State) bool {
	news := false
	if g := s.gears; g.wish != "" && (g.wish != old.gears.wish || s.wished != old.wished) {
		h.life.Shifts = slices.Insert(h.life.Shifts, 0, Shifted{At: now, From: g.at, To: g.wish, Reason: g.reason, Back: g.back})
		if n := keptShifts; len(h.life.Shifts) > n {
			h.life.Shifts = h.life.Shifts[:n]
		}
		news = true
	}
	if s.gears.at != old.gears.at {
		h.life.Gear, news = s.gears.at, true
	}
	if s.phase != running || s.opening > 0 || s.gears.wish != "" || len(h.life.Shifts) == 0 {
		return news
	}
	if d := &h.life.Shifts[0]; d.Took == 0 && d.To == s.gears.at && old.opening > 0 {
		d.Took, d.Epoch, news = now.Sub(d.At), uint64(s.restored), true
	}
	return news
}
