// Package http takes rows that others send, and sends rows to others, as 'connector' =
// 'http'.
//
// A table that is read listens on an address. What happens to a request: its body is
// put into a bounded queue, or refused with 429. The reader takes it, decodes it and
// gives its rows; a body that cannot be read is refused with 400, all of it, unless
// the table's policy says otherwise. Requests are numbered; the position of the split
// is the number of the last one. When a checkpoint holds it, the request is answered
// with 200: whoever has that answer need not send the rows again. In a job without
// checkpoints it is answered when its rows have been taken.
//
// A table that is written sends rows in batches, again and again where that may help.
// Each batch has a key of its own in the header Idempotency-Key. A job that starts
// again from a checkpoint sends rows behind it again, in other batches.
package http
