// Package statetable makes the tables of checkpoints and savepoints tables that
// queries read: what stands behind STATE('path', 'uid', 'table').
//
//	path ─► _metadata ─► the tasks' parts of the table ─► splits ─► rows, merged from runs
package statetable
