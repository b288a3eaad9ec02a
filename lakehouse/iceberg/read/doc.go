// Package read reads data files as the table's columns, whatever schema the table
// had when they were written, and tells which of their rows are deleted.
package read
