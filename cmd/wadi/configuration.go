package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wadi-engine/wadi/internal/config"
)

// configFlags are the flags of every command that say where configuration comes
// from, beside -D.
func configFlags(root *cobra.Command) {
	root.PersistentFlags().String("config-dir", "", "the `directory` of config.yaml (WADI_CONF_DIR)")
}

// defineFlag is -D.
func defineFlag(c *cobra.Command, define *[]string) {
	c.Flags().StringArrayVarP(define, "define", "D", nil, "set a configuration key, as `key=value`; may be repeated; see wadi config --help")
}

// configuration is what config.yaml, the environment and the flags of a command
// say together.
func configuration(c *cobra.Command) (*config.Loaded, error) {
	s := config.Sources{Getenv: os.Getenv}
	s.Dir, _ = c.Flags().GetString("config-dir") // "" where there is no such flag
	if f := c.Flags().Lookup("define"); f != nil {
		if v, ok := f.Value.(pflag.SliceValue); ok {
			s.Define = v.GetSlice()
		}
	}
	l, err := config.Load(s)
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: %w", err)}
	}
	return l, nil
}
