// Package opstest runs operators against text that a person can judge.
//
// A test file (datadriven) declares the input, the operator, and then runs:
//
//	schema
//	ts timestamp(3), k bigint, v bigint
//	----
//
//	operator
//	…what the package under test understands…
//	----
//	window_end timestamp[ms], k int64, sum int64     (its output, or the error)
//
//	run
//	+I 00:01 1 10
//	+I 00:02 1 5
//	wm 00:10
//	barrier
//	end
//	----
//	+I 00:10 1 15
//	wm 00:10
//	barrier 1
//	wm end
//
// The lines of a run: a row with its kind; "wm T", the watermark, of which
// "end" is the last; "tick T"; "barrier". Rows between two other lines come as
// one batch. Times are [[HH:]MM:SS[.mmm]] of 1970-01-01, or RFC 3339 without
// a zone.
//
// Every run is then repeated (STYLE 14: one case, many runs): row by row; cut
// at random with the watermarks as marks within the batches; with a barrier
// after each line and a crash after each barrier, also in the middle of the
// next epoch; rescaled at barriers; and all of it again with nulls in random
// places. The answers must be equal: as sets of rows, or as the table that
// the changelog describes ("run net", with "key=(0,1)" for an upsert key), or
// in order ("run ordered"). Every run ends with all memory released.
package opstest
