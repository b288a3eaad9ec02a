// Package write stages rows as data files of a table: divided by partition, in the
// table's order, and described as its manifests want it. A staged file is named by
// a committable, and by no snapshot yet.
//
//	batch ─ Fan ─ partitions ─ files ─ descriptions ─ committables
package write
