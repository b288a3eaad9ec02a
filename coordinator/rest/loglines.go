package rest

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// LogLines is the reply of /api/logs: the newest lines of the coordinator and of
// all workers, the oldest first.
type LogLines struct {
	Lines []LogLine `json:"lines"`
	// Next is what to ask for, as "after", to be told what follows.
	Next string `json:"next"`
	// Silent are the workers that did not answer.
	Silent []string `json:"silent"`
}

// LogLine is a line of the log of a process: "coordinator", or the id of a worker.
type LogLine struct {
	Process string `json:"process"`
	Millis  int64  `json:"time"`
	Level   string `json:"level"`
	Job     job.ID `json:"job,omitempty"`
	Text    string `json:"text"`
}

// LogLevels is the reply of /api/log/level: the levels of each process by
// component, "" being all that have no level of their own.
type LogLevels struct {
	Levels map[string]map[string]string `json:"levels"`
	Silent []string                     `json:"silent"`
}

// LogLevelRequest changes what is logged, by every process or by one.
type LogLevelRequest struct {
	// Level is DEBUG, INFO, WARN, ERROR, OFF, or "" to make the component log
	// again what it did at first.
	Level     string `json:"level"`
	Component string `json:"component"`
	// Process is "coordinator", the id of a worker, or "" for all.
	Process string `json:"process"`
}

const (
	nameOfCoordinator = "coordinator"
	defaultLines      = 1000
	// patience is how long workers may take to answer.
	patience = 5 * time.Second
)

// processes are the coordinator's, and those of workers that are others, by name.
func (s *Server) processes() map[string]string {
	all := map[string]string{nameOfCoordinator: coordinatorProcess}
	for _, w := range s.cluster.Workers() {
		if !w.Here {
			all[w.ID] = w.ID
		}
	}
	return all
}

// oneOf finds a process by its name. A worker that is this process is the
// coordinator's.
func (s *Server) oneOf(all map[string]string, name string) (map[string]string, error) {
	for _, w := range s.cluster.Workers() {
		if w.Here && w.ID == name {
			name = nameOfCoordinator
		}
	}
	if id, ok := all[name]; ok {
		return map[string]string{name: id}, nil
	}
	return nil, notFound("Process %s not found", name)
}

// askAll asks processes at the same time; those that do not answer are silent.
func (s *Server) askAll(ctx context.Context, all map[string]string, question func(name string) rpc.Ask) (answers map[string]rpc.Answer, silent []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var mu sync.Mutex
	var work sync.WaitGroup
	answers, silent = make(map[string]rpc.Answer), []string{}
	for name, process := range all {
		work.Go(func() {
			a, failed := s.cluster.Ask(ctx, process, question(name))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed != nil:
				silent = append(silent, name)
			case a.Error != "":
				err = badRequest("%s", a.Error)
			default:
				answers[name] = a
			}
		})
	}
	work.Wait()
	slices.Sort(silent)
	return answers, silent, err
}

func (s *Server) logLines(r *http.Request) (any, error) {
	limit, err := queryNumber(r, "limit")
	if err != nil {
		return nil, err
	}
	after, err := url.ParseQuery(r.URL.Query().Get("after"))
	if err != nil {
		return nil, unresolved("query", "after", r.URL.Query().Get("after"))
	}
	q := rpc.LogQuery{Limit: cmp.Or(limit, defaultLines), Job: job.ID(r.URL.Query().Get("job")), Level: r.URL.Query().Get("level")}
	all := s.processes()
	if name := r.URL.Query().Get("process"); name != "" {
		if all, err = s.oneOf(all, name); err != nil {
			return nil, err
		}
	}
	answers, silent, err := s.askAll(r.Context(), all, func(name string) rpc.Ask {
		q := q
		q.After, _ = strconv.ParseUint(after.Get(name), 10, 64) // what is no number is from the beginning
		return rpc.Ask{Lines: &q}
	})
	if err != nil {
		return nil, err
	}
	reply := LogLines{Lines: []LogLine{}, Silent: silent}
	for name, a := range answers {
		for _, l := range a.Lines {
			reply.Lines = append(reply.Lines, LogLine{name, l.Time.UnixMilli(), l.Level, l.Job, l.Text})
		}
		if n := len(a.Lines); n > 0 {
			after.Set(name, strconv.FormatUint(a.Lines[n-1].Number, 10))
		}
	}
	slices.SortStableFunc(reply.Lines, func(a, b LogLine) int {
		return cmp.Or(cmp.Compare(a.Millis, b.Millis), cmp.Compare(a.Process, b.Process))
	})
	reply.Next = after.Encode()
	return reply, nil
}

func (s *Server) logLevels(r *http.Request) (any, error) {
	return s.levels(r, s.processes(), nil)
}

func (s *Server) setLogLevel(r *http.Request) (any, error) {
	var q LogLevelRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	all := s.processes()
	if q.Process != "" {
		var err error
		if all, err = s.oneOf(all, q.Process); err != nil {
			return nil, err
		}
	}
	return s.levels(r, all, &rpc.LogLevel{Component: q.Component, Level: q.Level})
}

func (s *Server) levels(r *http.Request, all map[string]string, set *rpc.LogLevel) (any, error) {
	answers, silent, err := s.askAll(r.Context(), all, func(string) rpc.Ask { return rpc.Ask{Levels: true, Set: set} })
	if err != nil {
		return nil, err
	}
	reply := LogLevels{Levels: make(map[string]map[string]string), Silent: silent}
	for name, a := range answers {
		reply.Levels[name] = a.Levels
	}
	return reply, nil
}
