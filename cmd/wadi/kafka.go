package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/connect/kafka"
	"github.com/wadi-engine/wadi/job"
)

func newKafka() *cobra.Command {
	c := &cobra.Command{Use: "kafka", Short: "Look after topics that jobs write", Long: "Kafka looks after topics that jobs write."}
	c.AddCommand(newAbortTransactions())
	return c
}

func newAbortTransactions() *cobra.Command {
	var servers, prefix string
	var more []string
	var dry, asJSON bool
	c := &cobra.Command{
		Use:   "abort-transactions",
		Short: "Abort transactions that a job has left open",
		Long: `Abort-transactions ends the open transactions whose ids begin with a prefix: the
'sink.transactional-id-prefix' of a table. Until they end, by this or when their
timeout has passed, those who read what is committed wait behind them.

A job that is started again from its checkpoint does this by itself. Use the command
for a job that will not be; of a job that runs, it ends transactions whose rows are
lost then, and the job fails.`,
		Example: "  wadi kafka abort-transactions --bootstrap-servers localhost:9092 --transactional-id-prefix expensive-bids --dry-run",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			props := map[string]string{"bootstrap.servers": servers}
			for _, p := range more {
				k, v, ok := strings.Cut(p, "=")
				if !ok {
					return usageError{fmt.Errorf("--property %s: want key=value", p)}
				}
				props[k] = v
			}
			if prefix == "" {
				return usageError{fmt.Errorf("%w: --transactional-id-prefix is missing: every transaction of the cluster would be aborted", job.ErrInvalid)}
			}
			t, err := kafka.OpenTransactions(props)
			if err != nil {
				return err
			}
			defer t.Close()
			return abortTransactions(c, t, prefix, dry, asJSON)
		},
	}
	c.Flags().StringVar(&servers, "bootstrap-servers", "", "host:port of a broker, or several separated by commas")
	c.Flags().StringVar(&prefix, "transactional-id-prefix", "", "what the ids of the transactions begin with")
	c.Flags().StringArrayVar(&more, "property", nil, "a property of a Kafka client, as `key=value`, such as security.protocol=SASL_SSL; may be given again")
	c.Flags().BoolVar(&dry, "dry-run", false, "list the transactions, and abort none")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: a line for each transaction")
	return c
}

// transactionLine is a transaction in JSON.
type transactionLine struct {
	ID            string    `json:"transaction"`
	Producer      int64     `json:"producer"`
	Began         time.Time `json:"began"`
	TimeoutMillis int64     `json:"timeout"`
	Topics        []string  `json:"topics"`
	State         string    `json:"state"`
}

// abortTransactions shows what is open, and ends it.
func abortTransactions(c *cobra.Command, t *kafka.Transactions, prefix string, dry, asJSON bool) error {
	all, err := t.Lingering(c.Context(), prefix)
	if err != nil {
		return err
	}
	w := table.NewWriter()
	w.SetOutputMirror(c.OutOrStdout())
	w.AppendHeader(table.Row{"transaction", "producer", "began", "timeout", "topics", ""})
	for _, l := range all {
		state := "open"
		if !dry {
			if err := t.Abort(c.Context(), l.ID); err != nil {
				return err
			}
			state = "aborted"
		}
		if asJSON {
			line := transactionLine{ID: l.ID, Producer: l.Producer, Began: l.Began.UTC(), TimeoutMillis: l.Timeout.Milliseconds(), Topics: l.Topics, State: state}
			if err := printJSON(c.OutOrStdout(), line); err != nil {
				return err
			}
		}
		w.AppendRow(table.Row{l.ID, l.Producer, l.Began.UTC().Format(time.DateTime), l.Timeout, strings.Join(l.Topics, ", "), state})
	}
	if asJSON {
		return nil
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(c.OutOrStdout(), "no transaction of %s is open\n", prefix)
		return err
	}
	w.Render()
	return nil
}
