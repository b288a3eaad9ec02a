// Package crash kills the real binary, with SIGKILL, at random moments and in
// the middle of every phase of an epoch, lets it go on, and compares what is in
// the tables with the undisturbed run.
package crash
