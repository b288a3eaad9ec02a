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
func (e *environment) log(get func(string) string) (*logs.Log, error) {
	value := func(flag, key string) string {
		if v, _ := e.command.Flags().GetString(flag); v != "" { // "" where there is no such flag
			return v
		}
		return get(key)
	}
	o := logs.Options{Level: slog.LevelWarn, Output: os.Stderr, Mask: mask.Value, Now: time.Now}
	verbose := e.verbosity()
	if e.serves != "" {
		verbose++
		o.Name, o.Dir = "wadi-"+e.serves, get(keyLogDir)
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
	o.JSON = strings.EqualFold(value("log-format", keyLogFormat), "json")
	if f := value("log-format", keyLogFormat); !o.JSON && !strings.EqualFold(f, "text") {
		return nil, usageError{fmt.Errorf("--log-format (%s) %q: want text or json", keyLogFormat, f)}
	}
	o.MaxSize, _ = units.ParseSize(get(keyLogSize)) // both have been checked
	o.MaxFiles, _ = strconv.Atoi(get(keyLogFiles))
	return logs.New(o)
}
