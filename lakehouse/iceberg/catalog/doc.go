// Package catalog knows where tables are: catalogs of all kinds with their
// databases, tables and views, directories without one, and the storage of each
// table's files. It also knows how the next state of a table is committed: an
// Aim says where snapshots go, and keeps the record of which epochs of which sink
// a table has.
//
//	Place ── Catalog ── table ── Aim: branch main ── s1 ─ s2 ─ s3 (epoch 42 of sink x)
package catalog
