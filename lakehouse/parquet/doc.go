// Package parquet reads and writes Apache Parquet files as Arrow records.
//
// A file is opened once; a Reader walks some of its row groups, some of its
// columns, and only the pages that a filter may need. Pages are decoded
// straight into buffers of the caller's allocator:
//
//	footer ─ schema ─┬─ column chunk ─ page ─ levels ─┬─ values ─ leaf array ─┐
//	                 │                                └─ validity, offsets ───┼─ record
//	                 └─ column chunk ─ …                                      ┘
//
// Strings are views (arrow.BinaryTypes.StringView) whose bytes stay where the
// page, or its dictionary, was decompressed: reading a string moves 16 bytes.
//
// Every size in a file is a claim by somebody else. It is checked against the
// bytes that are there before anything is allocated or indexed by it; what
// does not fit is an error that names the file, row group, column and page.
package parquet
