package rest

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/google/pprof/profile"
)

// Frame is a function in a flame graph, with what it has called. The root stands
// for everything.
type Frame struct {
	Name     string   `json:"name"`
	Value    int64    `json:"value"`
	Children []*Frame `json:"children,omitempty"`
}

// The labels of goroutines that run a task.
const (
	labelJob    = "job"
	labelVertex = "vertex"
)

// maxProfile is for how long a profile of the CPU may be taken.
const maxProfile = 30

// profile is a profile of this process, as Go takes it: a tree of functions, or
// with format=pprof the file that go tool pprof reads. One of the CPU is taken
// for some seconds. job and vertex leave the tasks of others out, where a profile
// knows whose goroutine it was: cpu and goroutine.
func (s *Server) profile(r *http.Request) (any, error) {
	kind := r.PathValue("kind")
	seconds, err := queryNumber(r, "seconds")
	if err != nil {
		return nil, err
	}
	if seconds == 0 {
		seconds = 5
	}
	if seconds > maxProfile {
		return nil, badRequest("A profile takes %d seconds at the most.", maxProfile)
	}
	var raw bytes.Buffer
	if err := s.takeProfile(r.Context(), kind, time.Duration(seconds)*time.Second, &raw); err != nil {
		return nil, err
	}
	if r.URL.Query().Get("format") == "pprof" {
		return streaming(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", `attachment; filename="`+kind+`.pb.gz"`)
			_, _ = w.Write(raw.Bytes()) // the client may be gone
		}), nil
	}
	p, err := profile.ParseData(raw.Bytes())
	if err != nil {
		return nil, err
	}
	return flame(p, r.URL.Query().Get("job"), r.URL.Query().Get("vertex")), nil
}

func (s *Server) takeProfile(ctx context.Context, kind string, took time.Duration, to *bytes.Buffer) error {
	switch kind {
	case "cpu":
		if err := pprof.StartCPUProfile(to); err != nil {
			return Error{http.StatusConflict, "Somebody else takes a profile of the CPU; try again in a moment."}
		}
		select {
		case <-s.o.Clock.After(took):
		case <-ctx.Done():
		}
		pprof.StopCPUProfile()
		return ctx.Err()
	case "heap":
		runtime.GC() // what is garbage is not held
	case "allocs", "goroutine", "mutex", "block":
	default:
		return notFound("There is no profile %s: there are cpu, heap, allocs, goroutine, mutex and block.", kind)
	}
	return pprof.Lookup(kind).WriteTo(to, 0)
}

// flame adds up the samples of a profile by what was called from where.
func flame(p *profile.Profile, job, vertex string) *Frame {
	root := &Frame{Name: "all"}
	value := len(p.SampleType) - 1 // by convention, the one that matters most
	for i, t := range p.SampleType {
		if t.Type == p.DefaultSampleType {
			value = i
		}
	}
	for _, s := range p.Sample {
		if job != "" && !slices.Contains(s.Label[labelJob], job) || vertex != "" && !ofTheVertex(s, vertex) {
			continue
		}
		at := root
		root.Value += s.Value[value]
		for _, l := range slices.Backward(s.Location) {
			for _, line := range slices.Backward(l.Line) {
				at = at.child(line.Function.Name)
				at.Value += s.Value[value]
			}
		}
	}
	root.sort()
	return root
}

// ofTheVertex reports whether a sample is of a task of the vertex with an id.
func ofTheVertex(s *profile.Sample, id string) bool {
	return slices.ContainsFunc(s.Label[labelVertex], func(uid string) bool { return VertexID(uid) == id })
}

func (f *Frame) child(name string) *Frame {
	for _, c := range f.Children {
		if c.Name == name {
			return c
		}
	}
	c := &Frame{Name: name}
	f.Children = append(f.Children, c)
	return c
}

func (f *Frame) sort() {
	slices.SortFunc(f.Children, func(a, b *Frame) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range f.Children {
		c.sort()
	}
}
