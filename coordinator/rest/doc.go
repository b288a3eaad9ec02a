// Package rest serves the REST API of Flink's JobManager, version 1, over jobs
// that it does not run itself: paths, names of fields and status codes are
// Flink's, so that scripts and dashboards go on working. Beside it, under /api,
// stands what Flink has no word for: SQL text and a stream of events.
//
//	request ─► guard ─► route ─► handler ─► Cluster, Job ─► reply as JSON
//	             │        │         │
//	             │        │         └ an Error, with its status
//	             │        └ 404 or 405
//	             └ 401, 403, 413, 415, 503
//
// A handler stands beside the types of its reply. What takes long is an
// operation: it is started, has an id, and is asked for until it has ended.
package rest
