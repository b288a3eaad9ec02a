package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/mask"
)

// shownKey is a key as wadi config --json prints it.
type shownKey struct {
	Key   string `json:"key"`
	Value string `json:"value"` // ****** for a secret; references as they are written
	Layer string `json:"layer"`
	Place string `json:"place,omitempty"`
	// Unread is why the key has no meaning here.
	Unread string `json:"noMeaningBecause,omitempty"`
}

// explainedKey is what wadi config --explain --json prints.
type explainedKey struct {
	shownKey
	Type    string   `json:"type"`
	Words   []string `json:"words,omitempty"`
	Default string   `json:"default"`
	Older   []string `json:"olderNames,omitempty"`
	Text    string   `json:"text,omitempty"`
}

func newConfig() *cobra.Command {
	var define []string
	var explain string
	var all, json bool
	c := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration, and where each value was set",
		Long: `Config shows what a command with the same flags and environment would run with. Values
come from several places; what is further down wins:

  the defaults
  config.yaml        in --config-dir, WADI_CONF_DIR or FLINK_CONF_DIR: YAML, flat or nested
  WADI_PROPERTIES    lines of key: value in the environment
  -D key=value       on the command line
  SET 'key' = …      in a script

The keys are Flink's, and those that begin with wadi. In values, ${env:NAME} stands for
a variable of the environment and ${file:PATH} for what a file holds: secrets need not be
written down. They are masked here.`,
		Example: "  wadi config -D parallelism.default=4\n" +
			"  wadi config --explain execution.checkpointing.interval\n" +
			"  WADI_PROPERTIES='rest.port: 8090' wadi config --all --json",
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := configuration(c)
			if err != nil {
				return err
			}
			if explain != "" {
				return explainKey(c.OutOrStdout(), set, explain, json)
			}
			return showConfig(c.OutOrStdout(), set, all, json)
		},
	}
	defineFlag(c, &define)
	c.Flags().StringVar(&explain, "explain", "", "say what a `key` does, what it may be, and what it is")
	c.Flags().BoolVar(&all, "all", false, "also the keys that have their defaults")
	c.Flags().BoolVar(&json, "json", false, "print JSON")
	return c
}

// shown is a key with its value.
func shown(set *config.Loaded, name string) shownKey {
	value, was := set.All()[name]
	if !was {
		value = config.Default(name)
	}
	k := shownKey{Key: name, Value: value, Layer: set.Origin(name).Layer.String(), Place: set.Origin(name).Place}
	if was {
		k.Value = mask.Value(name, value)
	}
	if keys, err := config.Resolve(name); err == nil {
		k.Unread = keys[0].Reason
	}
	return k
}

func showConfig(out io.Writer, set *config.Loaded, all, json bool) error {
	var names []string
	defaults := 0
	for name := range set.All() {
		names = append(names, name)
	}
	for _, k := range config.Keys() {
		if k.Fate != config.Honoured || slices.Contains(names, k.Name) {
			continue
		}
		if defaults++; all {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	list := make([]shownKey, len(names))
	for i, name := range names {
		list[i] = shown(set, name)
	}
	if json {
		return printJSON(out, list)
	}
	if len(list) > 0 {
		t := table.NewWriter()
		t.SetOutputMirror(out)
		t.AppendHeader(table.Row{"key", "value", "from"})
		for _, k := range list {
			from := k.Layer
			if k.Place != "" && k.Place != "-D" {
				from += " " + k.Place
			}
			t.AppendRow(table.Row{k.Key, k.Value, from})
		}
		t.SetColumnConfigs([]table.ColumnConfig{{Name: "value", WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}, {Name: "from", WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}})
		t.Render()
	}
	reasons, by := config.Reason(names)
	for _, r := range reasons {
		fmt.Fprintf(out, "No meaning here, because %s:\n  %s\n", r, strings.Join(by[r], "\n  "))
	}
	if !all {
		fmt.Fprintf(out, "%d keys have their defaults; --all lists them.\n", defaults)
	}
	return nil
}

// explainKey says everything about a key.
func explainKey(out io.Writer, set *config.Loaded, name string, json bool) error {
	keys, err := config.Resolve(name)
	if err != nil {
		return err
	}
	for _, k := range keys {
		e := explainedKey{shownKey: shown(set, k.Name), Type: k.Type.String(), Words: k.Words, Default: k.Default, Older: k.Older, Text: k.Text}
		if json {
			if err := printJSON(out, e); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "%s (%s)\n", k.Name, k.Type)
		if k.Text != "" {
			fmt.Fprintf(out, "  %s\n", k.Text)
		}
		if e.Unread != "" {
			fmt.Fprintf(out, "  It has no meaning here, because %s.\n", e.Unread)
		}
		line := func(what, is string) {
			if is != "" {
				fmt.Fprintf(out, "  %-13s%s\n", what+":", is)
			}
		}
		line("may be", strings.Join(k.Words, ", "))
		line("default", k.Default)
		line("older names", strings.Join(k.Older, ", "))
		if e.Layer != config.BuiltIn.String() {
			line("now", e.Value+"  ("+strings.TrimSpace(e.Layer+" "+strings.TrimPrefix(e.Place, "-D"))+")")
		}
	}
	return nil
}
