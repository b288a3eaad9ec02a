package jdbc

import (
	"context"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/sqlrows"
)

// dialect is how one kind of database is spoken to.
type dialect struct {
	quote func(name string) string
	// param is the n-th parameter of a statement, from 1, for a value of type t.
	param func(n int, t arrow.DataType) string
	// text is a string in a query.
	text func(s string) string
	// zoned begins a time of UTC in a query; "" where there is no such type.
	zoned string
	// upsert stands behind the rows of an INSERT: what to do where there is a row of
	// the key already.
	upsert func(key, others []string) string
	// ordered is a column by which rows are put in order.
	ordered func(column string, t arrow.DataType) string
	// clean says how values are read.
	clean func(t arrow.DataType) sqlrows.Clean
	// value is a value that was written as SQL here writes it as the database reads it.
	value func(t arrow.DataType) func(dst, v []byte) []byte
	// bytes is a value of bytes as the database reads it, where param is of bytes, and
	// hex a column of bytes as their hexadecimal digits.
	bytes func(dst, v []byte) []byte
	hex   func(column string) string
	// words are how the columns of staged rows are declared.
	words words
	// atomic is a query that gives NO when a table cannot take a transaction back; nil
	// where all can.
	atomic func(name []string) string
	// patient begins a transaction that waits for locks for so long; nil where all have
	// a limit.
	patient func(wait time.Duration) string
	// fence makes writers of a table wait for each other; nil where rows that are not
	// committed are waited for in any case.
	fence func(ctx context.Context, db database, table string, wait time.Duration) (begin string, err error)
	// check refuses what the URL says and nobody knows.
	check   func(a address) error
	connect func(ctx context.Context, a address) (database, error)
	// transient reports errors that may pass, and misread those of a text that is
	// no value of a column's type.
	transient, misread func(err error) bool
}

var dialects = map[string]*dialect{"postgresql": &postgres, "mysql": &mysql, "mariadb": &mysql}

// database is one connection.
type database interface {
	// query gives each row to f: its values as text, nil for NULL, valid until f
	// returns.
	query(ctx context.Context, statement string, f func(values [][]byte) error) error
	// describe gives the columns of a query.
	describe(ctx context.Context, statement string) ([]arrow.Field, error)
	// exec runs a statement with parameters, as text; nil is NULL.
	exec(ctx context.Context, statement string, params [][]byte) error
	// together runs f in a transaction, behind a statement that begins it, if not "".
	together(ctx context.Context, begin string, f func() error) error
	close()
}

// words are parts of CREATE TABLE.
type words struct {
	text  string // the type of short texts that are compared by their bytes
	bytes string // the type of up to gigabytes
	end   string // behind the columns
}

// quoteWith puts a name between quotes.
func quoteWith(q string) func(string) string {
	return func(name string) string { return q + strings.ReplaceAll(name, q, q+q) + q }
}

// same is a value that the database reads as it is written here.
func same(dst, v []byte) []byte { return append(dst, v...) }

// utc is a time of UTC without the Z behind it.
func utc(dst, v []byte) []byte {
	if n := len(v); n > 0 && v[n-1] == 'Z' {
		v = v[:n-1]
	}
	return append(dst, v...)
}
