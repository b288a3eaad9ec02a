package function

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// User is a function of the user.
type User struct {
	Kind   UserKind
	Args   []datatype.Type
	Result datatype.Type // of a table function: a row, or its only column
	// Volatile says that two calls of equal arguments may give different results.
	Volatile bool

	// The others are of aggregate functions.

	// Nulls says that rows with a NULL argument count.
	Nulls bool
	// NoRetract says that rows cannot be taken away again, NoMerge that two
	// parts of a group cannot be put together.
	NoRetract, NoMerge bool
}

// UserKind is what a function of the user gives.
type UserKind uint8

// The kinds of functions.
const (
	ScalarKind UserKind = iota
	AggregateKind
	TableKind
)

// Has reports whether there is a function called name.
func (c *Catalogue) Has(name string) bool {
	name = strings.ToUpper(name)
	_, table := c.tables[name]
	return table || c.IsScalar(name) || c.IsAggregate(name) || slices.Contains(special, name)
}

// IsTable reports whether name is a table function of the user.
func (c *Catalogue) IsTable(name string) bool {
	_, ok := c.tables[strings.ToUpper(name)]
	return ok
}

// TableNames lists the table functions of the user, sorted.
func (c *Catalogue) TableNames() []string { return slices.Sorted(maps.Keys(c.tables)) }

// Define adds a function of the user, whose kernel is called expr.UserPrefix
// and the name. The name must not be one of the catalogue.
func (c *Catalogue) Define(name string, u User) error {
	name = strings.ToUpper(name)
	if c.Has(name) {
		return fmt.Errorf("there is a function %s already", name)
	}
	kernel := expr.UserPrefix + name
	switch u.Kind {
	case ScalarKind:
		c.kernels[kernel] = true
		c.scalars[name] = []scalar{{fn: kernel, user: &u, vol: true}}
	case AggregateKind:
		c.aggregates[name] = aggregate{fn: kernel, user: &u}
	case TableKind:
		c.tables[name] = tableFunction{fn: kernel, user: &u}
	}
	c.rename()
	return nil
}

// tableFunction is a function of the user that gives rows.
type tableFunction struct {
	fn   string
	user *User
}

// Volatile reports that two calls of equal arguments may differ.
func (c *Catalogue) Volatile(name string) bool {
	for _, s := range c.scalars[strings.ToUpper(name)] {
		if s.user != nil {
			return s.user.Volatile
		}
		if s.vol {
			return true
		}
	}
	t, ok := c.tables[strings.ToUpper(name)]
	return ok && t.user.Volatile
}

// Signature shows how a function is called: "LEFT(STRING, INT)".
func (c *Catalogue) Signature(name string) string {
	name = strings.ToUpper(name)
	var forms []string
	for _, s := range c.scalars[name] {
		if s.user != nil {
			forms = append(forms, name+s.user.String())
			continue
		}
		forms = append(forms, name+s.sig.String())
	}
	if t, ok := c.tables[name]; ok {
		forms = append(forms, name+t.user.String())
	}
	if a, ok := c.aggregates[name]; ok && a.user != nil {
		forms = append(forms, name+a.user.String())
	} else if ok {
		forms = append(forms, name+"("+classNames[a.takes]+")")
	}
	return strings.Join(forms, " or ")
}

// Alias makes name another name of the function of.
func (c *Catalogue) Alias(name, of string) error {
	name, of = strings.ToUpper(name), strings.ToUpper(of)
	if name != of && c.Has(name) {
		return fmt.Errorf("there is a function %s already", name)
	}
	switch {
	case c.IsScalar(of):
		c.scalars[name] = c.scalars[of]
	case c.IsTable(of):
		c.tables[name] = c.tables[of]
	case c.IsAggregate(of):
		c.aggregates[name] = c.aggregates[of]
	default:
		return fmt.Errorf("there is no function %s", of)
	}
	c.rename()
	return nil
}

// Remove forgets a function.
func (c *Catalogue) Remove(name string) {
	name = strings.ToUpper(name)
	delete(c.scalars, name)
	delete(c.aggregates, name)
	delete(c.tables, name)
	c.rename()
}

// rename lists the names anew.
func (c *Catalogue) rename() {
	c.names = slices.Clone(special)
	c.names = slices.AppendSeq(c.names, maps.Keys(c.scalars))
	c.names = slices.AppendSeq(c.names, maps.Keys(c.aggregates))
	c.names = slices.AppendSeq(c.names, maps.Keys(c.tables))
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
}

// resolve casts the arguments to what the function takes.
func (u *User) resolve(fn string, args []Arg) (Resolved, bool) {
	if len(args) != len(u.Args) {
		return Resolved{}, false
	}
	r := Resolved{Func: fn, Result: u.Result, Volatile: true, User: u}
	for i, a := range args {
		if a.Type.Kind != datatype.Null && !datatype.Assignable(a.Type, u.Args[i]) {
			return Resolved{}, false
		}
		r.Casts = append(r.Casts, u.Args[i].WithNull(true))
	}
	return r, true
}

// call is resolve, with the error of a call by name.
func (u *User) call(name, fn string, args []Arg) (Resolved, error) {
	r, ok := u.resolve(fn, args)
	if !ok {
		types := make([]string, len(args))
		for i, a := range args {
			types[i] = a.Type.Text()
		}
		return r, fmt.Errorf("%s cannot be applied to arguments of type (%s); it is called as %s%s", name, strings.Join(types, ", "), name, u)
	}
	return r, nil
}

// Table resolves a call of a table function; the result is an ARRAY of its rows.
func (c *Catalogue) Table(name string, args []Arg) (Resolved, error) {
	name = strings.ToUpper(name)
	t, ok := c.tables[name]
	if !ok {
		return Resolved{}, fmt.Errorf("no table function %s", name)
	}
	r, err := t.user.call(name, t.fn, args)
	r.Result = datatype.ArrayOf(t.user.Result.WithNull(t.user.Result.Kind != datatype.Row))
	return r, err
}

// String shows the arguments to people.
func (u *User) String() string {
	parts := make([]string, len(u.Args))
	for i, t := range u.Args {
		parts[i] = t.Text()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
