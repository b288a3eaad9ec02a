// Package scan is the source of a table's rows: it chooses a snapshot, or follows
// one after the other, divides what they hold or change into splits, leaves out
// the files in which a filter is true of no row, and reads the splits. It reads
// what is told about a table, too, as the tables t$snapshots, t$files and so on.
//
//	snapshot ─ pruning ─ tasks ─ pieces ─ splits ─── reader ─ package read ─ batches
package scan
