// Package nats reads and writes streams of NATS JetStream, as 'connector' = 'nats'.
//
// A stream is one split: its messages are numbered, and the position of the split is
// the number of the next one, so that a restored job goes on exactly there. Nothing is
// acknowledged to the server: readers ask from a number on (an ordered consumer).
//
// Rows are written as messages, all of which the server has confirmed when a
// checkpoint is taken. A job that starts again from a checkpoint writes the rows behind
// it again.
package nats
