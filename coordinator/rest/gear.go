package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// Gear is the reply of GET /api/jobs/:jobid/gear, and of POST: how the tasks of the
// job live, and why.
type Gear struct {
	ID   job.ID   `json:"jid"`
	Gear job.Gear `json:"gear"`
	// Chosen is what was asked for: a gear, or auto.
	Chosen string `json:"chosen"`
	// Shifts are the newest changes, the newest first.
	Shifts []Shift `json:"shifts"`
	// Gears are the names that can be asked for.
	Gears []string `json:"gears"`
}

// Shift is a change of gear that was decided on.
type Shift struct {
	AtMillis int64    `json:"timestamp"`
	From     job.Gear `json:"from"`
	To       job.Gear `json:"to"`
	Reason   string   `json:"reason"`
	// Back says that nothing has succeeded in the gear From.
	Back bool `json:"back,omitempty"`
	// Checkpoint is the one from which the job went on, and TookMillis the time
	// until all its tasks ran; without Done it has not got there.
	Done       bool   `json:"done"`
	Checkpoint uint64 `json:"checkpoint,omitempty"`
	TookMillis int64  `json:"took,omitempty"`
}

// GearRequest is the body of POST /api/jobs/:jobid/gear.
type GearRequest struct {
	Gear string `json:"gear"`
}

func (s *Server) gear(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	return gearOf(j, l), nil
}

func gearOf(j Job, l coordinator.Life) Gear {
	g := Gear{ID: l.Job, Gear: l.Gear, Chosen: j.ChosenGear(), Shifts: []Shift{}}
	for _, to := range job.Gears() {
		g.Gears = append(g.Gears, string(to))
	}
	g.Gears = append(g.Gears, "auto")
	for _, d := range l.Shifts {
		g.Shifts = append(g.Shifts, Shift{
			AtMillis: coordinator.Millis(d.At), From: d.From, To: d.To, Reason: d.Reason, Back: d.Back, Checkpoint: d.Epoch, TookMillis: d.Took.Milliseconds(), Done: d.Took > 0,
		})
	}
	return g
}

func (s *Server) changeGear(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var q GearRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if q.Gear == "" {
		return nil, badRequest("Bad request received. Field gear is missing: the name of a gear.")
	}
	if err := j.ChangeGear(r.Context(), q.Gear); err != nil {
		return nil, err
	}
	return gearOf(j, j.Life()), nil
}
