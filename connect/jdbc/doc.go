// Package jdbc reads and writes tables of PostgreSQL, MySQL and MariaDB, with the
// options of Flink's connector jdbc. Nothing of Java is needed: jdbc: is how the URL
// of a database begins.
//
// What happens to a table that is read: the enumerator makes one split, or with
// scan.partition.column one for each range of its values. A reader runs the query of
// a split beside the task (fetch.go) and turns its rows into batches. In a job with
// checkpoints the rows come in order, by the primary key or else by all columns, and
// the position of a split says where to go on (position).
//
// What happens to rows that are written: a writer gathers them (buffer), keeps the
// last change of each key, and sends them in a transaction: when there are enough,
// when the oldest has waited long enough, and at the end of each epoch. Rows of a
// table with a primary key are written by key, so that it does not matter when they
// are written again after a crash. With exactly-once they are staged instead, in a table
// of the same database (staging.go, stager.go), and carried out by the committer when
// their checkpoint is complete (commit.go).
package jdbc
