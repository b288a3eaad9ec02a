// Package postgres reads how a table of PostgreSQL changes, as 'connector' =
// 'postgres-cdc': first its rows, then every change, each exactly once.
//
// One split is read by one task, since a replication slot is one stream. What happens:
//
//  1. The enumerator looks whether the table is as it is declared and whether changes
//     are logged whole, creates the publication and the slot where they are not there,
//     and decides where to begin (prepare.go).
//  2. The reader's goroutine exports a snapshot by a slot that lives as long as its
//     connection. PostgreSQL says at which position in its log (LSN) the snapshot was
//     taken. The rows are read in the order of the primary key (snapshot.go).
//  3. It reads the log by pgoutput from there on (stream.go). A position is the LSN
//     behind the last transaction, and how many rows of the next one have been given.
//
// When a snapshot is interrupted, its rows up to some key are in the job. The rest is
// read from another snapshot, and so each part of the table has an LSN of its own
// (mark). While the log is read, a change of a row is left out when the part that has
// its key was read later:
//
//	keys 1–40 read at LSN 100 | crash | keys 41–… read at LSN 130
//	log   110: 7 changes → given   115: 55 changes → left out   140: both are given
//
// The slot keeps the log from where a restored job may begin again: the enumerator is
// told what a checkpoint holds, and the reader tells the server.
package postgres
