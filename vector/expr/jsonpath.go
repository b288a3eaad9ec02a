package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A path is [lax|strict] $, then steps: .name, ['name'], [index], which name
// one value; .*, [*], ..name, [from:to] and lists of names or indexes, which
// name several and make the result an array. Without a mode it is strict, as in
// Flink: what is not there is an error then, and an empty result if lax.
type jsonPath struct {
	text  string
	lax   bool
	steps []jsonStep
	many  bool // some step names several values
}

// jsonStep is one step of a path.
type jsonStep struct {
	kind     jsonStepKind
	names    []string
	indexes  []int
	from, to int // of a slice; to is the end if it is the largest int
}

type jsonStepKind uint8

const (
	jsonName  jsonStepKind = iota // one or more names
	jsonIndex                     // one or more indexes; negative ones from the end
	jsonSlice
	jsonAll
	jsonDeep // this value and all below it
)

const jsonEnd = int(^uint(0) >> 1)

func parseJSONPath(s string) (*jsonPath, error) {
	path := &jsonPath{text: strings.Clone(s)}
	p := strings.TrimSpace(path.text)
	switch mode, rest, _ := strings.Cut(p, " "); strings.ToLower(mode) {
	case "lax":
		path.lax, p = true, strings.TrimSpace(rest)
	case "strict":
		p = strings.TrimSpace(rest)
	}
	bad := fmt.Errorf("JSON path '%s' cannot be read; write it as $.name[0]['other name']", s)
	if !strings.HasPrefix(p, "$") {
		return nil, bad
	}
	for p = p[1:]; p != ""; {
		var step jsonStep
		rest, ok := p, false
		switch {
		case strings.HasPrefix(p, "..") && len(p) > 2:
			step, rest, ok = jsonStep{kind: jsonDeep}, p[1:], true
			if p[2] == '[' {
				rest = p[2:]
			}
		case strings.HasPrefix(p, ".["):
			rest, ok = p[1:], true
			p = rest
			continue
		case p[0] == '.':
			step, rest, ok = dottedStep(p[1:])
		case p[0] == '[':
			step, rest, ok = bracketStep(p[1:])
		}
		if !ok {
			return nil, bad
		}
		path.many = path.many || step.kind > jsonIndex || len(step.names)+len(step.indexes) > 1
		path.steps = append(path.steps, step)
		p = rest
	}
	return path, nil
}

func dottedStep(p string) (step jsonStep, rest string, ok bool) {
	end := strings.IndexAny(p, ".[")
	if end < 0 {
		end = len(p)
	}
	if p[:end] == "*" {
		return jsonStep{kind: jsonAll}, p[end:], true
	}
	return jsonStep{kind: jsonName, names: []string{p[:end]}}, p[end:], end > 0
}

// bracketStep reads what follows a [.
func bracketStep(p string) (step jsonStep, rest string, ok bool) {
	p = strings.TrimLeft(p, " ")
	if strings.HasPrefix(p, "'") || strings.HasPrefix(p, `"`) {
		return quotedStep(p)
	}
	text, rest, ok := strings.Cut(p, "]")
	text = strings.TrimSpace(text)
	if !ok || text == "*" {
		return jsonStep{kind: jsonAll}, rest, ok
	}
	if from, to, ok := strings.Cut(text, ":"); ok {
		step := jsonStep{kind: jsonSlice, to: jsonEnd}
		var err1, err2 error
		if from = strings.TrimSpace(from); from != "" {
			step.from, err1 = strconv.Atoi(from)
		}
		if to = strings.TrimSpace(to); to != "" {
			step.to, err2 = strconv.Atoi(to)
		}
		return step, rest, err1 == nil && err2 == nil
	}
	step = jsonStep{kind: jsonIndex}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return step, rest, false
		}
		step.indexes = append(step.indexes, n)
	}
	return step, rest, true
}

// quotedStep reads 'name', 'name', …].
func quotedStep(p string) (step jsonStep, rest string, ok bool) {
	step = jsonStep{kind: jsonName}
	for {
		if p == "" || p[0] != '\'' && p[0] != '"' {
			return step, p, false
		}
		end := strings.IndexByte(p[1:], p[0])
		if end < 0 {
			return step, p, false
		}
		step.names = append(step.names, p[1:end+1])
		p = strings.TrimLeft(p[end+2:], " ")
		if strings.HasPrefix(p, "]") {
			return step, p[1:], true
		}
		rest, found := strings.CutPrefix(p, ",")
		if !found {
			return step, p, false
		}
		p = strings.TrimLeft(rest, " ")
	}
}

// errJSON is wrapped by what ON ERROR is about: texts that are no JSON, values
// that a strict path does not find, and those of the wrong kind.
var errJSON = errors.New("JSON")

// errEmpty says that a lax path found nothing.
var errEmpty = errors.New("nothing at the JSON path")

// jsonPaths finds values by the paths of an argument, mostly a literal.
type jsonPaths struct {
	in   views
	last string
	path *jsonPath
	dec  jsontext.Decoder
}

// at is the path of row i.
func (x *jsonPaths) at(i int) (*jsonPath, error) {
	if p := x.in.at(i); x.path == nil || p != x.last {
		path, err := parseJSONPath(p)
		if err != nil {
			return nil, err
		}
		x.last, x.path = path.text, path
	}
	return x.path, nil
}

// find returns the value at the path of row i: errEmpty, or an error that wraps
// errJSON, or one of the path itself.
func (x *jsonPaths) find(text string, i int) (jsontext.Value, error) {
	path, err := x.at(i)
	if err != nil {
		return nil, err
	}
	if path.many {
		return path.all(text)
	}
	x.dec.Reset(strings.NewReader(text), jsontext.AllowDuplicateNames(true))
	for _, step := range path.steps {
		if !enterJSON(&x.dec, step) {
			return nil, path.missing(text)
		}
	}
	v, err := x.dec.ReadValue()
	if err != nil {
		return nil, fmt.Errorf("%w: the text cannot be read: %w", errJSON, err)
	}
	return v, nil
}

// missing is the error of a value that is not there.
func (p *jsonPath) missing(text string) error {
	switch {
	case !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)):
		return fmt.Errorf("%w: the text cannot be read", errJSON)
	case p.lax:
		return errEmpty
	}
	return fmt.Errorf("%w: nothing at path %s", errJSON, p.text)
}

// enterJSON moves to the member that step names.
func enterJSON(dec *jsontext.Decoder, step jsonStep) bool {
	open := jsontext.Kind('[')
	if step.kind == jsonName {
		open = '{'
	}
	if dec.PeekKind() != open || step.kind == jsonIndex && step.indexes[0] < 0 {
		return false
	}
	if _, err := dec.ReadToken(); err != nil {
		return false
	}
	for n := 0; ; n++ {
		switch dec.PeekKind() {
		case '}', ']', 0:
			return false
		default:
		}
		if step.kind == jsonName {
			name, err := dec.ReadToken()
			if err != nil {
				return false
			}
			if name.String() == step.names[0] {
				return true
			}
		} else if n == step.indexes[0] {
			return true
		}
		if dec.SkipValue() != nil {
			return false
		}
	}
}

// all is the array of the values at a path that names several.
func (p *jsonPath) all(text string) (jsontext.Value, error) {
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, fmt.Errorf("%w: the text cannot be read", errJSON)
	}
	found := []jsontext.Value{jsontext.Value(text)}
	for _, step := range p.steps {
		var next []jsontext.Value
		for _, v := range found {
			next = step.values(next, v)
		}
		found = next
	}
	out := jsontext.Value("[")
	for i, v := range found {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']'), nil
}

// values appends the values of v that the step names.
func (step *jsonStep) values(dst []jsontext.Value, v jsontext.Value) []jsontext.Value {
	if step.kind == jsonDeep {
		dst = append(dst, v)
		_, members := jsonMembers(v)
		for _, m := range members {
			dst = step.values(dst, m)
		}
		return dst
	}
	names, members := jsonMembers(v)
	switch step.kind {
	case jsonAll:
		return append(dst, members...)
	case jsonName:
		for _, want := range step.names {
			for i, name := range names {
				if name == want {
					dst = append(dst, members[i])
				}
			}
		}
	case jsonIndex:
		for _, i := range step.indexes {
			if i < 0 {
				i += len(members)
			}
			if names == nil && i >= 0 && i < len(members) {
				dst = append(dst, members[i])
			}
		}
	case jsonSlice:
		from, to := step.from, step.to
		if from < 0 {
			from += len(members)
		}
		if to < 0 {
			to += len(members)
		}
		if from, to = max(from, 0), min(to, len(members)); names == nil && from < to {
			dst = append(dst, members[from:to]...)
		}
	case jsonDeep:
	}
	return dst
}

// jsonMembers are the members of an object, with their names, or of an array.
func jsonMembers(v jsontext.Value) (names []string, members []jsontext.Value) {
	kind := v.Kind()
	if kind != '{' && kind != '[' {
		return nil, nil
	}
	dec := jsontext.NewDecoder(strings.NewReader(string(v)), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil
	}
	if kind == '{' {
		names = []string{}
	}
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		if kind == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, nil
			}
			names = append(names, name.String())
		}
		m, err := dec.ReadValue()
		if err != nil {
			return nil, nil
		}
		members = append(members, m.Clone())
	}
	return names, members
}
