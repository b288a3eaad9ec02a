// Package hybrid reads several tables as one, each behind the other: history from a
// lake, and then a log that goes on. Its options are those of Flink's hybrid source
// (FLIP-278), as far as they go: source-identifiers names the parts in their order,
// and <identifier>.<option> is an option of one.
//
// The enumerator hands out the splits of a part when the one before it has no more to
// find and to give. A reader asks for splits when it has read all of its own, so it
// goes over to the next part by itself; event time is that of the slowest reader, as
// everywhere, so nothing comes late.
//
// Where the last part begins is decided once, before anything is read, and is part of
// the enumerator's state: behind the highest offsets in the parts before it
// (offsets.go), or at a time that divides the rows of all parts (cut.go).
package hybrid
