// Package crash kills the real binary, with SIGKILL, at random moments and in
// the middle of every phase of an epoch, lets it go on, and compares what is in
// the tables with the undisturbed run.
//
// TestChaos does the same to a cluster of processes, to which faults of many kinds
// happen at the same time: chaos_plan_test.go says which, from a seed;
// chaos_scene_test.go has the jobs and what is around them; chaos_faults_test.go does
// what the plan says; chaos_watch_test.go notes how long the jobs need to recover.
package crash
