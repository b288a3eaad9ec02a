package jdbc

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// parseURL reads jdbc:postgresql://host:port/database?name=value&….
func (c *config) parseURL(text string) error {
	bad := func(why string) error {
		return fmt.Errorf("%w: option 'url': %s: want jdbc:postgresql://host:port/database or jdbc:mysql://host:port/database", job.ErrInvalid, why)
	}
	rest, ok := strings.CutPrefix(text, "jdbc:")
	if !ok {
		return bad("it does not begin with jdbc:")
	}
	kind, rest, ok := strings.Cut(rest, ":")
	if c.dialect = dialects[kind]; c.dialect == nil {
		return bad(fmt.Sprintf("there is no driver for %q", kind))
	}
	rest, slashes := strings.CutPrefix(rest, "//")
	if !ok || !slashes {
		return bad("there is no //host behind it")
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(rest, "/")
	if hosts == "" || database == "" {
		return bad("it names no host or no database")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return bad("behind the ? it is not name=value&…")
	}
	c.address = address{hosts: hosts, params: map[string]string{}}
	if c.address.database, err = url.PathUnescape(database); err != nil {
		return bad("the name of the database cannot be read")
	}
	for k, v := range values {
		c.address.params[k] = v[len(v)-1]
	}
	return c.dialect.check(c.address)
}
