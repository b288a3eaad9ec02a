package rest

import (
	"net/http"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
)

// flinkVersion is the version of the API, for clients that ask.
const flinkVersion = "2.1-wadi"

// Overview is the reply of /overview.
type Overview struct {
	TaskManagers        int    `json:"taskmanagers"`
	SlotsTotal          int    `json:"slots-total"`
	SlotsAvailable      int    `json:"slots-available"`
	JobsRunning         int    `json:"jobs-running"`
	JobsFinished        int    `json:"jobs-finished"`
	JobsCancelled       int    `json:"jobs-cancelled"`
	JobsFailed          int    `json:"jobs-failed"`
	FlinkVersion        string `json:"flink-version"`
	FlinkCommit         string `json:"flink-commit"`
	TaskManagersBlocked int    `json:"taskmanagers-blocked"`
	SlotsFreeAndBlocked int    `json:"slots-free-and-blocked"`
}

func (s *Server) overview(*http.Request) (any, error) {
	o := Overview{FlinkVersion: flinkVersion, FlinkCommit: s.o.Version}
	for _, w := range s.cluster.Workers() {
		o.TaskManagers++
		o.SlotsTotal += w.Slots
		o.SlotsAvailable += w.Free
	}
	for _, j := range s.cluster.Jobs() {
		switch j.Summary().Status {
		case coordinator.StatusFinished:
			o.JobsFinished++
		case coordinator.StatusCanceled:
			o.JobsCancelled++
		case coordinator.StatusFailed, coordinator.Suspended:
			o.JobsFailed++
		case coordinator.Initializing, coordinator.Created, coordinator.Running, coordinator.Failing,
			coordinator.Cancelling, coordinator.Restarting, coordinator.Reconciling:
			o.JobsRunning++
		}
	}
	return o, nil
}

// Dashboard is the reply of /config.
type Dashboard struct {
	RefreshMillis  int64    `json:"refresh-interval"`
	TimezoneName   string   `json:"timezone-name"`
	TimezoneOffset int      `json:"timezone-offset"`
	FlinkVersion   string   `json:"flink-version"`
	FlinkRevision  string   `json:"flink-revision"`
	Features       Features `json:"features"`
}

// Features are what the web UI may offer.
type Features struct {
	Submit  bool `json:"web-submit"`
	Cancel  bool `json:"web-cancel"`
	Rescale bool `json:"web-rescale"`
	History bool `json:"web-history"`
}

func (s *Server) dashboard(*http.Request) (any, error) {
	name, seconds := s.o.Clock.Now().Zone()
	return Dashboard{
		RefreshMillis: s.o.Refresh.Milliseconds(), TimezoneName: name, TimezoneOffset: int((time.Duration(seconds) * time.Second).Milliseconds()),
		FlinkVersion: flinkVersion, FlinkRevision: s.o.Version,
		Features: Features{Submit: !s.o.NoSubmit && !s.o.ReadOnly, Cancel: !s.o.NoCancel && !s.o.ReadOnly, Rescale: !s.o.ReadOnly},
	}, nil
}

func (s *Server) shutdown(*http.Request) (any, error) {
	s.cluster.Shutdown()
	return empty{}, nil
}

// DataSets is the reply of /datasets: there are none, as every job has its
// input to itself.
type DataSets struct {
	DataSets []struct{} `json:"dataSets"`
}

func (*Server) dataSets(*http.Request) (any, error) { return DataSets{[]struct{}{}}, nil }
