// Package documents reads JSON objects into columns, and finds out which columns
// a table must get for them:
//
//	{"id": 1}                   id long
//	{"id": 2, "price": 1.5}     id long, price double
//
// An Outline is the columns of a table; Growth makes one fit documents.
package documents
