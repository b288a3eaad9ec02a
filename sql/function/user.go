package function

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// User is a scalar function of the user.
type User struct {
	Args   []datatype.Type
	Result datatype.Type
}

// Define adds a function of the user, whose kernel is called expr.UserPrefix
// and the name. The name must not be one of the catalogue.
func (c *Catalogue) Define(name string, u User) error {
	name = strings.ToUpper(name)
	if c.IsScalar(name) || c.IsAggregate(name) || slices.Contains(special, name) {
		return fmt.Errorf("there is a function %s already", name)
	}
	kernel := expr.UserPrefix + name
	c.kernels[kernel] = true
	c.scalars[name] = []scalar{{fn: kernel, user: &u, vol: true}}
	c.rename()
	return nil
}

// Alias makes name another name of the scalar function of.
func (c *Catalogue) Alias(name, of string) error {
	name, of = strings.ToUpper(name), strings.ToUpper(of)
	if !c.IsScalar(of) {
		return fmt.Errorf("there is no function %s", of)
	}
	if name != of && (c.IsScalar(name) || c.IsAggregate(name) || slices.Contains(special, name)) {
		return fmt.Errorf("there is a function %s already", name)
	}
	c.scalars[name] = c.scalars[of]
	c.rename()
	return nil
}

// Remove forgets a scalar function.
func (c *Catalogue) Remove(name string) {
	delete(c.scalars, strings.ToUpper(name))
	c.rename()
}

// rename lists the names anew.
func (c *Catalogue) rename() {
	c.names = slices.Clone(special)
	for name := range c.scalars {
		c.names = append(c.names, name)
	}
	for name := range c.aggregates {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
}

// resolve casts the arguments to what the function takes.
func (u *User) resolve(fn string, args []Arg) (Resolved, bool) {
	if len(args) != len(u.Args) {
		return Resolved{}, false
	}
	r := Resolved{Func: fn, Result: u.Result, Volatile: true}
	for i, a := range args {
		if a.Type.Kind != datatype.Null && !datatype.Assignable(a.Type, u.Args[i]) {
			return Resolved{}, false
		}
		r.Casts = append(r.Casts, u.Args[i].WithNull(true))
	}
	return r, true
}

// String shows the arguments to people.
func (u *User) String() string {
	parts := make([]string, len(u.Args))
	for i, t := range u.Args {
		parts[i] = t.Text()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
