// Package upsert replaces and deletes rows of tables by their primary key. The
// writer's index knows the data file and the position of the row of each key, and
// stages which rows go; the deleter of the committer turns that into delete files,
// or into data files without these rows, for the table as it is then.
//
//	writer     batch ─ index ─┬─ new rows ─ data files
//	                          └─ old rows ─ Deletions
//	committer  Deletions ─ view of the snapshot ─ where are they now? ─ delete files
package upsert
