package top

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// View is what of a sample is shown, and how.
type View struct {
	// Selected is the number of the job whose vertices are shown; negative shows
	// those of all jobs that run.
	Selected int
	// Width is that of the terminal, in characters; 0 is any.
	Width int
	// Ended says that jobs that have ended are shown, too.
	Ended bool
}

// jobs are those that are shown.
func (v View) jobs(s *Sample) []Job {
	if v.Ended {
		return s.Jobs
	}
	for i := range s.Jobs {
		if s.Jobs[i].ended() {
			return s.Jobs[:i]
		}
	}
	return s.Jobs
}

// Text is the view of a sample as lines.
func (v View) Text(s *Sample) string {
	var b strings.Builder
	o := s.Overview
	fmt.Fprintf(&b, "%s  workers %d  slots %d, %d free  jobs %d running, %d finished, %d canceled, %d failed\n\n",
		s.At.UTC().Format("15:04:05"), o.TaskManagers, o.SlotsTotal, o.SlotsAvailable, o.JobsRunning, o.JobsFinished, o.JobsCancelled, o.JobsFailed)
	jobs := v.jobs(s)
	if len(jobs) == 0 {
		b.WriteString("No job runs.\n")
		return v.cut(b.String())
	}
	b.WriteString(v.jobTable(jobs))
	for i, j := range jobs {
		if (v.Selected < 0 || i == v.Selected) && len(j.Vertices) > 0 {
			fmt.Fprintf(&b, "\n%s\n%s", j.Name, vertexTable(j))
		}
	}
	return v.cut(b.String())
}

func newTable(header table.Row, right ...int) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatLower
	t.SetStyle(style)
	t.AppendHeader(header)
	var columns []table.ColumnConfig
	for _, n := range right {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	return t
}

func (v View) jobTable(jobs []Job) string {
	t := newTable(table.Row{"", "job", "name", "state", "for", "tasks", "read/s", "written/s", "checkpoint", "ago", "took", "state size"}, 5, 6, 7, 8, 9, 10, 11, 12)
	for i, j := range jobs {
		mark := ""
		if i == v.Selected {
			mark = ">"
		}
		checkpoint, ago, took, size := "-", "-", "-", "-"
		if j.Checkpoint > 0 {
			checkpoint, ago, took, size = fmt.Sprint(j.Checkpoint), span(j.CheckpointAgeMillis), span(j.CheckpointTookMillis), bytes(j.StateBytes)
		}
		if j.FailedCheckpoints > 0 {
			checkpoint += fmt.Sprintf(" (%d failed)", j.FailedCheckpoints)
		}
		t.AppendRow(table.Row{mark, j.ID[:min(8, len(j.ID))], short(j.Name, 32), j.State, span(j.DurationMillis), fmt.Sprintf("%d/%d", j.Running, j.Tasks), rate(j.Read), rate(j.Written), checkpoint, ago, took, size})
	}
	return t.Render() + "\n"
}

func vertexTable(j Job) string {
	t := newTable(table.Row{"vertex", "tasks", "state", "in/s", "out/s", "busy", "back", "idle", "watermark"}, 2, 4, 5, 6, 7, 8)
	for _, v := range j.Vertices {
		mark := "-"
		if v.WatermarkMillis != nil {
			mark = time.UnixMilli(*v.WatermarkMillis).UTC().Format("2006-01-02 15:04:05")
		}
		t.AppendRow(table.Row{short(v.Name, 48), v.Parallelism, v.Status, rate(v.In), rate(v.Out), percent(v.Busy), percent(v.Back), percent(v.Idle), mark})
	}
	return t.Render() + "\n"
}

// cut cuts lines that are wider than the terminal.
func (v View) cut(s string) string {
	if v.Width <= 0 {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = short(strings.TrimRight(l, " "), v.Width)
	}
	return strings.Join(lines, "\n")
}

// short is s in so many characters.
func short(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width-1)]) + "…"
}

func percent(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) }

func rate(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.1fM", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.1fk", x/1e3)
	case x >= 10 || x == 0:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

func bytes(n int64) string {
	x := float64(n)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if x < 1000 {
			return fmt.Sprintf("%.3g %s", x, unit)
		}
		x /= 1000
	}
	return fmt.Sprintf("%.3g TB", x)
}

func span(millis int64) string {
	d := time.Duration(millis) * time.Millisecond
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
