package top

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// Live shows a cluster on the terminal until the user has seen enough.
func Live(ctx context.Context, a Asker, every time.Duration, now func() time.Time) error {
	m := &live{ctx: ctx, asker: a, every: every, now: now}
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithAltScreen()).Run()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// live is the model of the screen.
type live struct {
	ctx   context.Context //nolint:containedctx // the life of the screen, which the library does not pass on
	asker Asker
	every time.Duration
	now   func() time.Time

	view   View
	sample *Sample
	err    error
}

// taken is a new sample, or why there is none.
type taken struct {
	sample *Sample
	err    error
}

// due asks for the next one.
type due struct{}

var _ tea.Model = (*live)(nil)

// Init implements tea.Model.
func (m *live) Init() tea.Cmd { return m.take(nil) }

func (m *live) take(before *Sample) tea.Cmd {
	return func() tea.Msg {
		s, err := Take(m.ctx, m.asker, m.now(), before)
		return taken{s, err}
	}
}

// Update implements tea.Model.
func (m *live) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.view.Width = msg.Width
	case taken:
		if m.err = msg.err; msg.err == nil {
			m.sample = msg.sample
		}
		m.clamp()
		return m, tea.Tick(m.every, func(time.Time) tea.Msg { return due{} })
	case due:
		return m, m.take(m.sample)
	case tea.KeyMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		case "down", "j", "tab":
			m.view.Selected++
		case "up", "k", "shift+tab":
			m.view.Selected--
		case "a":
			m.view.Ended = !m.view.Ended
		}
		m.clamp()
	}
	return m, nil
}

// clamp keeps the selection on a job.
func (m *live) clamp() {
	last := 0
	if m.sample != nil {
		last = len(m.view.jobs(m.sample)) - 1
	}
	m.view.Selected = max(0, min(m.view.Selected, last))
}

// View implements tea.Model.
func (m *live) View() string {
	body := "Asking the cluster …\n"
	if m.sample != nil {
		body = m.view.Text(m.sample)
	}
	if m.err != nil {
		body += "\n" + m.view.cut(m.err.Error()) + "\n"
	}
	return body + "\n↑ ↓ another job   a jobs that have ended   q quit\n"
}
