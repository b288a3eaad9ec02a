// Package objstore reads and writes objects by URL, on local disk, in memory
// and in the clouds, with one set of promises:
//
//   - an object appears whole or not at all: readers never see half a write;
//   - PutIfAbsent has one winner, whatever crashes and races;
//   - what was reported written is durable;
//   - every error names the URL and its class: fs.ErrNotExist and fs.ErrExist
//     are answers, job.ErrInvalid wants the user to change something
//     (permissions, unknown scheme), job.ErrUnavailable may be tried again and
//     already was.
//
// The core knows local disk and memory. Cloud drivers live in the leaf
// packages objstore/s3, objstore/azure and objstore/gcs, which a main passes
// in through Options.Openers, so that nothing else links a cloud SDK.
//
//	Stores ── Open(url) ──> Bucket (a root and everything below it)
//	                          │ Get Put PutIfAbsent List Delete Move Create
//	                          └ Open(name) ──> Object (io.ReaderAt, pinned to one version)
package objstore
