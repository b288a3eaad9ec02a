package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/internal/units"
)

// The keys of the log. Those that begin with env are Flink's.
const (
	keyLogDir    = "env.log.dir"
	keyLogLevel  = "env.log.level"
	keyLogFiles  = "env.log.max"
	keyLogFormat = "wadi.log.format"
	keyLogSize   = "wadi.log.max-size"
)

// logFlags are the flags of every command that say what is logged.
func logFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.CountP("verbose", "v", "log what jobs do; twice: every epoch")
	f.String("log-level", "", "log from this `level` on: debug, info, warn, error or off ("+keyLogLevel+")")
	f.String("log-format", "", "log lines of text or json ("+keyLogFormat+")")
}

// verbosity is how often -v was given.
func (e *environment) verbosity() int {
	n, _ := e.command.Flags().GetCount("verbose") // 0 where there is no such flag
	return n
}

// log makes the log that the flags and the configuration describe: on standard
// error and, of a process that serves others, in the files that are asked for.
func (e *environment) log(config map[string]string) (*logs.Log, error) {
	value := func(flag, key string) string {
		if v, _ := e.command.Flags().GetString(flag); v != "" { // "" where there is no such flag
			return v
		}
		return strings.TrimSpace(config[key])
	}
	o := logs.Options{Level: slog.LevelWarn, Output: os.Stderr, Mask: mask.Value, Now: time.Now}
	verbose := e.verbosity()
	if e.serves != "" {
		verbose++
		o.Name, o.Dir = "wadi-"+e.serves, config[keyLogDir]
	}
	switch level := value("log-level", keyLogLevel); {
	case level != "":
		var err error
		if o.Level, err = logs.ParseLevel(level); err != nil {
			return nil, fmt.Errorf("--log-level (%s): %w", keyLogLevel, err)
		}
	case verbose > 1:
		o.Level = slog.LevelDebug
	case verbose > 0:
		o.Level = slog.LevelInfo
	}
	switch format := value("log-format", keyLogFormat); strings.ToLower(format) {
	case "", "text":
	case "json":
		o.JSON = true
	default:
		return nil, usageError{fmt.Errorf("--log-format (%s) %q: want text or json", keyLogFormat, format)}
	}
	var err error
	if text := config[keyLogSize]; text != "" {
		if o.MaxSize, err = units.ParseSize(text); err != nil || o.MaxSize <= 0 {
			return nil, usageError{fmt.Errorf("%s = %q: want a size, such as 100 mb", keyLogSize, text)}
		}
	}
	if text := config[keyLogFiles]; text != "" {
		if o.MaxFiles, err = strconv.Atoi(text); err != nil || o.MaxFiles < 1 || o.MaxFiles > 1000 {
			return nil, usageError{fmt.Errorf("%s = %q: want a number from 1 to 1000", keyLogFiles, text)}
		}
	}
	return logs.New(o)
}
