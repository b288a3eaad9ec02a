// Package agg holds columnar accumulators: add, merge and retract for whole
// batches of rows, with the accumulators in the rows of a hash table.
//
// A Layout is compiled once from the aggregate functions of a query; a Table
// holds the groups of one pane, or of all time. Each group is one row of a
// hashtable.Table: the key, and behind it the accumulators.
//
//	row of a group   │ key words … │ header │ (rows) │ acc 0 │ acc 1 │ …
//	                                  │        │
//	                                  │        └ int64: rows added minus retracted (Retract only)
//	                                  └ bit i: accumulator i has seen a value
//	                                    bit 63: changed since the last ClearDirty
//	                                    bit 62: known to the state table
//
// An accumulator of zero bytes is empty, so that new groups need no
// initialisation: minima and maxima are kept as unsigned words that grow with
// the value. What does not fit in a few words stands beside the table: strings
// in an arena, the values of DISTINCT and of a MIN or MAX that may be
// retracted in a second hash table (see multiset).
//
// A batch is added with one loop per accumulator over the group ids of its
// rows. NULLs and FILTER only shorten the list of rows before the loop.
//
// A Layout and its tables share scratch space: they belong to one goroutine.
package agg
