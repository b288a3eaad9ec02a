package wadi

import (
	"log/slog"

	"github.com/wadi-engine/wadi/engine/logs"
)

// component is the logger of a part of the program, whose level can be changed by
// its name.
func (e *Env) component(name string) *slog.Logger {
	return e.log.With(slog.String(logs.Component, name))
}
