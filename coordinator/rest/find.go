package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// isID reports whether text is 32 lower-case hex digits, as all ids are.
func isID(text string) bool {
	return len(text) == 32 && !strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) })
}

// pathID reads an id from the path.
func pathID(r *http.Request, name string) (string, error) {
	id := strings.ToLower(r.PathValue(name))
	if !isID(id) {
		return "", unresolved("path", name, r.PathValue(name))
	}
	return id, nil
}

func unresolved(kind, name, value string) error {
	return badRequest("Bad request, could not parse parameters: Cannot resolve %s parameter (%s) from value %q.", kind, name, value)
}

// pathNumber reads a number from the path.
func pathNumber(r *http.Request, name string) (int, error) {
	n, err := strconv.Atoi(r.PathValue(name))
	if err != nil || n < 0 {
		return 0, unresolved("path", name, r.PathValue(name))
	}
	return n, nil
}

// queryNumber reads a positive number from the query; 0 when it is not given.
func queryNumber(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return 0, unresolved("query", name, text)
	}
	return n, nil
}

// queryList reads a list whose items are separated by commas.
func queryList(r *http.Request, name string) []string {
	var all []string
	for _, v := range r.URL.Query()[name] {
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

// job finds the job of a path.
func (s *Server) job(r *http.Request) (Job, error) {
	id, err := pathID(r, "jobid")
	if err != nil {
		return nil, err
	}
	j, ok := s.cluster.Job(job.ID(id))
	if !ok {
		return nil, notFound("Job %s not found", id)
	}
	return j, nil
}

// lifeOf finds the job of a path and what has become of it.
func (s *Server) lifeOf(r *http.Request) (Job, coordinator.Life, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, coordinator.Life{}, err
	}
	return j, j.Life(), nil
}

// vertex is what Flink calls a job vertex: the vertices of a chain.
type vertex struct {
	id          string
	name        string
	chain       job.Chain
	parallelism int
	tasks       []coordinator.TaskLife
}

// VertexID is the id in paths of the chain whose first vertex has a UID: it
// stays the same as long as that does.
func VertexID(uid string) string { return metrics.ID(uid) }

// verticesOf are the vertices of a job, in topological order.
func verticesOf(l coordinator.Life) []vertex {
	var all []vertex
	for _, c := range l.Graph.Chains() {
		v := vertexOf(l.Graph, c)
		for _, t := range l.Tasks {
			if t.Task.Vertex == c.Head() {
				v.tasks = append(v.tasks, t)
			}
		}
		all = append(all, v)
	}
	return all
}

func vertexOf(g *job.Graph, c job.Chain) vertex {
	head := g.Vertices[c.Head()]
	return vertex{id: VertexID(head.UID), name: g.ChainName(c), chain: c, parallelism: head.Parallelism}
}

// vertexIn finds the vertex of a path.
func (s *Server) vertexIn(r *http.Request) (Job, coordinator.Life, vertex, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, l, vertex{}, err
	}
	id, err := pathID(r, "vertexid")
	if err != nil {
		return nil, l, vertex{}, err
	}
	all := verticesOf(l)
	i := slices.IndexFunc(all, func(v vertex) bool { return v.id == id })
	if i < 0 {
		return nil, l, vertex{}, notFound("JobVertex %s not found", id)
	}
	return j, l, all[i], nil
}

// taskIn finds the task of a path.
func (s *Server) taskIn(r *http.Request) (Job, coordinator.Life, vertex, coordinator.TaskLife, error) {
	var t coordinator.TaskLife
	j, l, v, err := s.vertexIn(r)
	if err != nil {
		return nil, l, v, t, err
	}
	i, err := pathNumber(r, "subtaskindex")
	if err != nil {
		return nil, l, v, t, err
	}
	if i >= len(v.tasks) {
		return nil, l, v, t, notFound("Invalid subtask index for vertex %s", v.id)
	}
	return j, l, v, v.tasks[i], nil
}

// countOf is what one task of a vertex has counted: at its first and at its last
// vertex, for a chain is one task.
func countOf(counts []Count, v vertex, index int) (head, tail Count) {
	for _, c := range counts {
		if c.Index != index {
			continue
		}
		if c.Vertex == v.chain.Head() {
			head = c
		}
		if c.Vertex == v.chain.Tail() {
			tail = c
		}
	}
	return head, tail
}

// nameOf is a task as people read it.
func nameOf(l coordinator.Life, t checkpoint.TaskID) string {
	for _, v := range verticesOf(l) {
		if v.chain.Head() == t.Vertex {
			return v.name + " (" + strconv.Itoa(t.Index+1) + "/" + strconv.Itoa(v.parallelism) + ")"
		}
	}
	return t.String()
}
