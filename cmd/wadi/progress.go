package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/wadi-engine/wadi"
)

// progress shows how far a job is: a line that is redrawn on a terminal, and
// otherwise a line every few seconds.
type progress struct {
	run      *wadi.Run
	bar      *progressbar.ProgressBar // nil when standard error is no terminal
	ticker   *time.Ticker
	last     time.Time
	lastRead int64
	begun    time.Time
	stopped  bool
}

const (
	redraw   = 200 * time.Millisecond
	logEvery = 5 * time.Second
)

func newProgress(run *wadi.Run, bounded bool) *progress {
	p := &progress{run: run, begun: time.Now(), last: time.Now()}
	every := logEvery
	if term.IsTerminal(int(os.Stderr.Fd())) {
		every = redraw
		total := int64(-1)
		if bounded {
			total = 1000
		}
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(bounded), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))
	}
	p.ticker = time.NewTicker(every)
	return p
}

func (p *progress) tick() <-chan time.Time { return p.ticker.C }

// update shows the present state.
func (p *progress) update() {
	s := p.run.Progress()
	now := time.Now()
	rate := float64(s.Read-p.lastRead) / now.Sub(p.last).Seconds()
	p.last, p.lastRead = now, s.Read
	text := p.text(s, rate)
	if p.bar == nil {
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", now.UTC().Format("15:04:05"), p.run.Name(), text)
		return
	}
	p.bar.Describe(p.run.Name() + ": " + text)
	if f := s.Fraction(); f > 0 {
		_ = p.bar.Set64(int64(f * 1000)) // a bar that cannot be drawn is no reason to stop
	}
}

func (p *progress) text(s wadi.Progress, rate float64) string {
	parts := []string{thousands(s.Read) + " rows", thousands(int64(rate)) + " rows/s"}
	if s.Sources > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d readers done", s.Drained, s.Sources))
	}
	if !s.Watermark.IsZero() {
		parts = append(parts, "watermark "+s.Watermark.Format("2006-01-02 15:04:05"))
	}
	if s.Epoch > 0 {
		parts = append(parts, fmt.Sprintf("checkpoint %d, %v ago", s.Epoch, time.Since(s.Checkpoint).Round(time.Second)))
	}
	if s.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts", s.Restarts))
	}
	if s.Problem != "" {
		parts = append(parts, "waits: "+s.Problem)
	}
	return strings.Join(parts, ", ")
}

func (p *progress) say(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(os.Stderr, text)
}

func (p *progress) stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	p.ticker.Stop()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func lower(s string) string { return strings.ToLower(s) }
