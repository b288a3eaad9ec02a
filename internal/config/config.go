// Package config is the configuration: every key, what it may be set to, and
// where values come from.
//
// There is one table (Keys), from which everything else follows: what SET and
// config.yaml take, what wadi config explains, and docs/configuration.md. A key
// is read by whoever honours it, by its name; a test finds keys that nobody
// reads.
//
//	built in < config.yaml < the environment < -D < SET
package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

// Fate is what becomes of a key that is set.
type Fate int

const (
	// Honoured keys are read.
	Honoured Fate = iota
	// Unread keys are of Flink and have no meaning here; Key.Reason says why.
	Unread
	// Refused keys are names of Flink that mean nothing by themselves.
	Refused
)

// Key is one row of the table.
type Key struct {
	Name    string
	Type    Type
	Default string
	// Words are all that an enumeration may be, as it is written; of other types,
	// what it may be besides.
	Words []string
	// Least and Most bound numbers; a Most of 0 is no bound.
	Least, Most int64
	// Text says what the key does, in sentences.
	Text string
	// Older are names that it had.
	Older []string
	Fate  Fate
	// Reason is why the key is not read.
	Reason string
	// Section is under which heading it is explained.
	Section string
}

// Family is a beginning of names that people complete themselves.
type Family struct {
	// Prefix begins the names, and ends in a dot.
	Prefix string
	Text   string
	Fate   Fate
	Reason string
}

// index is the table by name; an older name may stand for several keys.
var index = func() map[string][]*Key {
	all := make(map[string][]*Key)
	for i := range table {
		all[table[i].Name] = []*Key{&table[i]}
	}
	for i := range table {
		for _, o := range table[i].Older {
			if k := all[o]; len(k) > 0 && k[0].Name == o {
				panic("config: " + o + " is a key and an older name of " + table[i].Name)
			}
			all[o] = append(all[o], &table[i])
		}
	}
	return all
}()

// Keys is the table, section by section. It is not to be changed.
func Keys() []Key { return table }

// Families are the beginnings of names that people complete.
func Families() []Family { return families }

// Resolve finds the keys that a name stands for: one, but several for some older
// names. The error names the nearest key.
func Resolve(name string) ([]*Key, error) {
	if found := index[name]; len(found) > 0 {
		if found[0].Fate == Refused {
			return nil, fmt.Errorf("%w: no configuration key '%s': %s", job.ErrInvalid, name, found[0].Reason)
		}
		return found, nil
	}
	for _, f := range families {
		if strings.HasPrefix(name, f.Prefix) && len(name) > len(f.Prefix) {
			return []*Key{{Name: name, Type: String, Fate: f.Fate, Reason: f.Reason, Text: f.Text}}, nil
		}
	}
	for i := len(name) - 1; i > 0; i-- { // an entry of a map
		if name[i] != '.' {
			continue
		}
		if k := index[name[:i]]; len(k) == 1 && k[0].Type == Map {
			return []*Key{{Name: name, Type: String, Fate: k[0].Fate, Reason: k[0].Reason, Text: k[0].Text}}, nil
		}
	}
	return nil, fmt.Errorf("%w: no configuration key '%s'%s", job.ErrInvalid, name, nearest.Hint(name, names(), "'"))
}

// names are those that may be set.
func names() []string {
	var all []string
	for _, k := range table {
		if k.Fate != Refused {
			all = append(all, k.Name)
		}
	}
	slices.Sort(all)
	return all
}

// Default is what a key is when nobody sets it.
func Default(name string) string {
	if k := index[name]; len(k) > 0 {
		return k[0].Default
	}
	return ""
}

// Reason says why keys have no meaning here, for those of the names that have
// none; reasons come in the order of the names.
func Reason(names []string) (reasons []string, by map[string][]string) {
	by = make(map[string][]string)
	for _, n := range names {
		keys, err := Resolve(n)
		if err != nil || keys[0].Fate != Unread || len(keys[0].Words) == 1 { // it is as it says
			continue
		}
		r := keys[0].Reason
		if by[r] == nil {
			reasons = append(reasons, r)
		}
		by[r] = append(by[r], n)
	}
	return reasons, by
}

// jobs are prefixes of the keys that belong to a job: its plan, its checkpoints,
// what becomes of it when it fails. All others belong to a process.
var jobs = []string{
	"cost.", "execution.", "parallelism.", "pipeline.", "restart-strategy.", "state.", "table.", "wadi.recursion.", "wadi.savepoint.", "wadi.staged.",
}

// OfJob reports whether a key belongs to a job, and goes with it wherever it
// runs. All others belong to a process, which has its own: where it listens, how
// it proves who it is, how much memory it has.
func OfJob(name string) bool {
	return slices.ContainsFunc(jobs, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Type is what a value must be.
type Type int

// The types of values. A Map has entries, each a key of its own.
const (
	String Type = iota
	Bool
	Int
	Float
	Duration
	Size
	Enum
	Zone
	List
	Map
)

func (t Type) String() string {
	return [...]string{"string", "bool", "int", "float", "duration", "size", "enum", "zone", "list", "map"}[t]
}

// Check says whether a value is good. Those of keys that nobody reads are not
// looked at, unless they have Words.
func (k *Key) Check(value string) error {
	if value == k.Default || k.Fate != Honoured && len(k.Words) == 0 {
		return nil
	}
	if slices.ContainsFunc(k.Words, func(w string) bool { return strings.EqualFold(w, value) }) {
		return nil
	}
	if k.Fate != Honoured || !k.fits(value) {
		text := fmt.Sprintf("'%s' must be %s, not '%s'", k.Name, k.want(), value)
		if k.Reason != "" {
			text += ": " + k.Reason
		}
		return fmt.Errorf("%w: %s", job.ErrInvalid, text)
	}
	return nil
}

func (k *Key) fits(value string) bool {
	switch k.Type {
	case Bool:
		return strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case Int:
		n, ok := number(value)
		return ok && n >= k.Least && (k.Most == 0 || n <= k.Most)
	case Float:
		f, ok := fraction(value)
		return ok && f >= 0
	case Duration:
		_, err := units.ParseDuration(value)
		return err == nil
	case Size:
		n, err := units.ParseSize(value)
		return err == nil && n >= k.Least
	case Zone:
		_, err := units.ParseZone(value)
		return err == nil
	case Enum:
		return false // it is none of the words
	case String, List, Map:
		return true
	}
	return false
}

// want is what a value must be, as a person reads it.
func (k *Key) want() string {
	var of []string
	switch k.Type {
	case Bool:
		of = append(of, "true", "false")
	case Int:
		of = append(of, numbers(k.Least, k.Most))
	case Float:
		of = append(of, "a number such as 1.5")
	case Duration:
		of = append(of, "a duration such as '200 ms'")
	case Size:
		of = append(of, "a size such as '256 mb'")
	case Zone:
		of = append(of, "a time zone such as 'UTC', 'Europe/Paris' or 'GMT-03:00'")
	case Enum, String, List, Map:
	}
	if k.Fate != Honoured {
		of = nil
	}
	for _, w := range k.Words {
		of = append(of, "'"+w+"'")
	}
	if len(of) == 1 {
		return of[0]
	}
	return strings.Join(of[:len(of)-1], ", ") + " or " + of[len(of)-1]
}
