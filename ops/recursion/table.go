// Package recursion is the tables behind WITH RECURSIVE: what the query as a
// whole gives, and the rows that its step reads.
//
//	base ──▶ rows ─┬─▶ result
//	               │      ▲
//	               ▼      │ new rows, until there are none
//	              step ───┘
//
// The jobs of base and step are options of the table, so that the plan is
// complete wherever it runs. What runs them is given by the program.
package recursion

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/wadi-engine/wadi/job"
)

// The names of the connectors: of the result, and of what a step reads.
const (
	Name     = "recursion"
	StepName = "recursion-step"
)

// The options of the result's table.
const (
	baseOption       = "base"
	stepOption       = "step"
	allOption        = "all"
	iterationsOption = "max-iterations"
	bytesOption      = "max-bytes"
)

// Query is a query of WITH RECURSIVE.
type Query struct {
	// Name is how it calls itself.
	Name string
	// Schema is that of its rows.
	Schema job.Schema
	// Base gives the first rows, Step the next ones of those that a scan of the
	// table StepTable gives; both end in a sink of Schema.
	Base, Step job.Graph
	// All keeps rows that are there already: UNION ALL.
	All bool
	// MaxIterations is how often Step may give rows, MaxBytes how large the
	// result may be.
	MaxIterations int
	MaxBytes      int64
}

// Table is the table of the result.
func (q Query) Table() (job.Table, error) {
	options := map[string]string{
		"connector": Name, allOption: strconv.FormatBool(q.All),
		iterationsOption: strconv.Itoa(q.MaxIterations), bytesOption: strconv.FormatInt(q.MaxBytes, 10),
	}
	for key, g := range map[string]job.Graph{baseOption: q.Base, stepOption: q.Step} {
		text, err := json.Marshal(g)
		if err != nil {
			return job.Table{}, fmt.Errorf("plan of %s: %w", q.Name, err)
		}
		options[key] = string(text)
	}
	return job.Table{Ident: job.Ident{Name: q.Name}, Schema: q.Schema, Connector: Name, Options: options}, nil
}

// StepTable is the table that a step reads.
func StepTable(name string, schema job.Schema) job.Table {
	return job.Table{Ident: job.Ident{Name: name}, Schema: schema, Connector: StepName, Options: map[string]string{"connector": StepName}}
}

// queryOf reads the options of a table.
func queryOf(t job.Table) (q Query, err error) {
	q = Query{Name: t.Ident.Name, Schema: t.Schema}
	q.All = t.Options[allOption] == "true"
	if q.MaxIterations, err = strconv.Atoi(t.Options[iterationsOption]); err == nil {
		q.MaxBytes, err = strconv.ParseInt(t.Options[bytesOption], 10, 64)
	}
	if err == nil {
		err = json.Unmarshal([]byte(t.Options[baseOption]), &q.Base)
	}
	if err == nil {
		err = json.Unmarshal([]byte(t.Options[stepOption]), &q.Step)
	}
	if err != nil || t.Schema.Schema == nil {
		return q, fmt.Errorf("%w: connector %q is for WITH RECURSIVE alone", job.ErrInvalid, Name)
	}
	return q, nil
}
