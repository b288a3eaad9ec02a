// Package read reads data files as the table's columns, whatever schema the table
// had when they were written, without the rows that delete files of any kind
// name. Scans, copies of files without rows that were deleted, and the index of
// keys read so.
//
//	Selection (columns by id) ─┐
//	DataFile ── parquet file ──┴─ binding ─ rows ─ not deleted? ─ shapes ─ batches
//	    └─ DeleteFiles ── positions, vectors, keys ─────┘
package read
