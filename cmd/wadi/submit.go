package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/config"
)

// submission is what run -m sends to a cluster.
type submission struct {
	at               cluster
	detached         bool
	restore          string
	claim            string
	allowNonRestored bool
}

// options are the keys that go to the cluster with a job: what they refer to is
// here, and not there.
func (s submission) options(env *environment, set *config.Loaded) (map[string]string, error) {
	log, err := env.log(set.Get)
	if err != nil {
		return nil, err
	}
	all := set.All()
	for k := range all {
		switch {
		case config.OfJob(k):
			all[k] = strings.ReplaceAll(set.Get(k), "${", "$${")
		default:
			if set.Origin(k).Layer == config.CommandLine {
				log.Logger().Warn("this belongs to the processes of the cluster, and is not sent to it", slog.String("key", k))
			}
			delete(all, k)
		}
	}
	return all, nil
}

// submit starts the jobs of a script on a cluster and, unless it is detached,
// waits for their end.
func (s submission) submit(c *cobra.Command, env *environment, set *config.Loaded, script string) error {
	options, err := s.options(env, set)
	if err != nil {
		return err
	}
	client := s.at.client()
	jobs, err := client.Submit(c.Context(), rest.SQLRequest{
		Statement: script, Detached: true, Options: options, Parallelism: env.parallelism, Restore: s.restore, ClaimMode: s.claim, AllowNonRestored: s.allowNonRestored,
	})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		s.at.say(c, "Job has been submitted with JobID %s", j.JobID)
	}
	if s.detached {
		if s.at.json {
			return printJSON(c.OutOrStdout(), jobs)
		}
		return nil
	}
	for _, j := range jobs {
		r, err := client.Wait(c.Context(), string(j.JobID))
		if err != nil {
			return err
		}
		if s.at.json {
			if err := printJSON(c.OutOrStdout(), r.Result); err != nil {
				return err
			}
		}
		if r.Result.Failure != nil {
			return failedError{fmt.Errorf("job %s failed: %s", j.JobID, r.Result.Failure.Stack)}
		}
		s.at.say(c, "Program execution finished\nJob with JobID %s has finished.\nJob Runtime: %d ms", j.JobID, r.Result.RunMillis)
	}
	return nil
}
