package wadi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/corpora"
)

// absent are the operations of Flink's API that are not there, and why.
var absent = map[string]string{
	"DELETE /datasets/{datasetid}":            "no data sets outlive a job",
	"GET /datasets/delete/{triggerid}":        "no data sets outlive a job",
	"PATCH /jobs/{jobid}/rescaling":           "Flink refuses it too (FLINK-12312)",
	"GET /jobs/{jobid}/rescaling/{triggerid}": "Flink refuses it too (FLINK-12312)",
}

// arrays are replies that Flink sends as arrays, although its document says that
// they are objects: the field whose items they have.
var arrays = map[string]string{
	"GET /jobs/metrics": "", "GET /taskmanagers/metrics": "", "GET /jobs/{jobid}/vertices/{vertexid}/subtasks/metrics": "",
	"GET /jobmanager/metrics": "metrics", "GET /jobs/{jobid}/metrics": "metrics", "GET /taskmanagers/{taskmanagerid}/metrics": "metrics",
	"GET /jobs/{jobid}/vertices/{vertexid}/jm-operator-metrics":             "metrics",
	"GET /jobs/{jobid}/vertices/{vertexid}/metrics":                         "metrics",
	"GET /jobs/{jobid}/vertices/{vertexid}/watermarks":                      "metrics",
	"GET /jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/metrics": "metrics",
}

// TestRESTConformance walks every path of Flink's OpenAPI document on a cluster
// with a running job, and validates the replies.
func TestRESTConformance(t *testing.T) {
	file := corpora.Path(t, "flink_rest", "docs", "static", "generated", "rest_v1_dispatcher.yml")
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Components.Schemas {
		anyOf(s)
	}
	checkpoints, savepoints := t.TempDir(), t.TempDir()
	w := walk{served: serve(t, map[string]string{"parallelism.default": "2"})}
	w.prepare(checkpoints, savepoints)
	var keys []string
	operations := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			keys = append(keys, method+" "+path)
			operations[method+" "+path] = op
		}
	}
	last := []string{"PATCH /jobs/{jobid}", "POST /jobs/{jobid}/stop", "DELETE /jars/{jarid}", "DELETE /cluster"}
	slices.SortFunc(keys, func(a, b string) int {
		if x, y := slices.Index(last, a), slices.Index(last, b); x != y {
			return x - y
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		t.Run(key, func(t *testing.T) { w.check(t, key, operations[key]) })
	}
	if len(keys) < 60 {
		t.Errorf("%d operations in the document", len(keys))
	}
}

// anyOf makes alternatives of which several may fit, as those of objects whose
// fields are all optional do, ones of which any must.
func anyOf(s *openapi3.SchemaRef) {
	for _, p := range s.Value.Properties {
		if p.Ref == "" {
			p.Value.AnyOf, p.Value.OneOf = append(p.Value.AnyOf, p.Value.OneOf...), nil
		}
	}
}

// walk is what paths are filled in with.
type walk struct {
	served
	script string
	with   map[string]string
	form   string
	kind   string
}

func (w *walk) prepare(checkpoints, savepoints string) {
	w.script = fmt.Sprintf(counting, checkpoints)
	id := w.submit(w.script)
	w.with = map[string]string{"jobid": id, "subtaskindex": "1", "attempt": "0", "taskmanagerid": w.Workers()[0].ID}
	await.That(w.t, "a checkpoint", func() bool {
		var c rest.Checkpoints
		w.get("/jobs/"+id+"/checkpoints", &c)
		if c.Latest.Completed == nil || c.Latest.Completed.Acknowledged < 4 {
			return false
		}
		w.with["checkpointid"] = fmt.Sprint(c.Latest.Completed.ID)
		return true
	})
	w.with["vertexid"] = w.details(id).Vertices[1].ID
	var form bytes.Buffer
	out := multipart.NewWriter(&form)
	part, _ := out.CreateFormFile("jarfile", "job.sql")
	fmt.Fprint(part, w.script)
	out.Close()
	w.form, w.kind = form.String(), out.FormDataContentType()
	w.with["target"] = savepoints
}

// body is what an operation is sent.
func (w *walk) body(key string) string {
	switch key {
	case "POST /jobs/{jobid}/savepoints":
		return `{"target-directory": "` + w.with["target"] + `", "cancel-job": false, "formatType": "CANONICAL"}`
	case "POST /jobs/{jobid}/stop":
		return `{"targetDirectory": "` + w.with["target"] + `", "drain": false}`
	case "POST /savepoint-disposal":
		return `{"savepoint-path": "` + w.with["location"] + `"}`
	case "POST /jobs/{jobid}/checkpoints":
		return `{"checkpointType": "CONFIGURED"}`
	}
	return ""
}

// before does what an operation needs to have been done.
func (w *walk) before(key string) {
	var t rest.Trigger
	start := func(path string, body string) {
		_, text := w.ask("POST", path, body)
		if err := json.Unmarshal([]byte(text), &t); err != nil || t.ID == "" {
			w.t.Fatal(text, err)
		}
		w.with["triggerid"] = t.ID
	}
	job := "/jobs/" + w.with["jobid"]
	switch key {
	case "GET /jobs/{jobid}/savepoints/{triggerid}", "POST /savepoint-disposal":
		start(job+"/savepoints", w.body("POST /jobs/{jobid}/savepoints"))
		await.That(w.t, "the savepoint", func() bool {
			_, text := w.ask("GET", job+"/savepoints/"+t.ID, "")
			var s struct{ Operation rest.Location }
			_ = json.Unmarshal([]byte(text), &s)
			w.with["location"] = s.Operation.Path
			return strings.Contains(text, "COMPLETED")
		})
	case "GET /savepoint-disposal/{triggerid}":
		w.before("POST /savepoint-disposal")
		start("/savepoint-disposal", w.body("POST /savepoint-disposal"))
	case "GET /jobs/{jobid}/checkpoints/{triggerid}":
		start(job+"/checkpoints", "")
	case "PATCH /jobs/{jobid}":
		w.with["other"], w.with["jobid"] = w.with["jobid"], w.submit(w.script)
	case "POST /jobs/{jobid}/stop":
		w.with["jobid"] = w.with["other"]
	case "POST /jars/{jarid}/run", "POST /jars/{jarid}/plan", "DELETE /jars/{jarid}", "GET /jars":
		_, text := w.ask("POST", "/jars/upload", w.form, "Content-Type", w.kind)
		var u rest.Upload
		_ = json.Unmarshal([]byte(text), &u)
		w.with["jarid"] = u.Filename[strings.LastIndex(u.Filename, "/")+1:]
	}
}

func (w *walk) check(t *testing.T, key string, op *openapi3.Operation) {
	method, path, _ := strings.Cut(key, " ")
	_, left := absent[key]
	if !left {
		w.before(key)
	}
	for name, value := range w.with {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	for _, gone := range []string{"{triggerid}", "{datasetid}"} {
		path = strings.ReplaceAll(path, gone, strings.Repeat("0", 32))
	}
	body, header := w.body(key), []string{}
	if key == "POST /jars/upload" {
		body, header = w.form, []string{"Content-Type", w.kind}
	}
	for _, query := range append([]string{""}, queriesOf(key)...) {
		code, text := w.ask(method, path+query, body, header...)
		if left {
			if code != http.StatusNotFound && code != http.StatusMethodNotAllowed {
				t.Errorf("it is there after all: %d %s", code, text)
			}
			return
		}
		want := op.Responses.Status(code)
		if want == nil {
			t.Fatalf("%s: status %d, which the document does not have: %s", query, code, text)
		}
		if err := valid(key, want.Value, text); err != nil {
			t.Errorf("%s%s: %v\n%s", key, query, err, text)
		}
	}
}

// queriesOf are queries to ask with, too.
func queriesOf(key string) []string {
	switch {
	case strings.HasSuffix(key, "/subtasks/metrics"):
		return []string{"?get=numRecordsIn&agg=min,max,avg,sum,skew&subtasks=0-1"}
	case strings.HasSuffix(key, "/metrics"):
		return []string{"?get=numRecordsIn,0.numRecordsIn,numRestarts,taskSlotsTotal,Status.JVM.Memory.Heap.Used"}
	case strings.HasSuffix(key, "/exceptions"):
		return []string{"?maxExceptions=1&failureLabelFilter=type:USER"}
	}
	return nil
}

// dropNulls removes fields that are null: Flink sends them, although its document
// calls nothing nullable.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, f := range v {
			if f == nil {
				delete(v, k)
			}
			dropNulls(f)
		}
	case []any:
		for _, item := range v {
			dropNulls(item)
		}
	}
}

func valid(key string, r *openapi3.Response, text string) error {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	media := r.Content.Get("application/json")
	if media == nil {
		return nil
	}
	schema := media.Schema.Value
	dropNulls(v)
	field, wire := arrays[key]
	if !wire {
		return schema.VisitJSON(v)
	}
	items, ok := v.([]any)
	if !ok {
		return fmt.Errorf("it is not an array")
	}
	for _, item := range items {
		one := openapi3.NewObjectSchema()
		if field != "" {
			one = schema.Properties[field].Value.Items.Value
		}
		if err := one.VisitJSON(item); err != nil {
			return err
		}
	}
	return nil
}
