package uitest_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestPages looks at every page, as everybody may see it.
func TestPages(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	failed, _, late := c.run(fails), c.run(ends), c.run(held)
	wide, job := c.run(joins), c.run(windows)
	vertex := c.vertex(job)
	b := open(t, path, c.base)
	for _, l := range looks {
		b.as(l)
		for _, p := range []struct{ name, hash, says string }{
			{"overview", "/", "a division that fails"},
			{"graph", "/jobs/" + wide, "Source orders"},
			{"graph of one vertex", "/jobs/" + job, "back-pr."},
			{"vertex", "/jobs/" + job + "/vertices/" + vertex, "Operators of the chain"},
			{"stuck", "/jobs/" + late + "/stuck", "holds the watermark"},
			{"gear", "/jobs/" + wide + "/gear", "The gear has not been changed."},
			{"cost", "/jobs/" + wide + "/cost", "What was used"},
			{"stuck at nothing", "/jobs/" + wide + "/stuck", "Nothing holds this job"},
			{"stuck at its end", "/jobs/" + failed + "/stuck", "The job has ended"},
			{"checkpoints", "/jobs/" + job + "/checkpoints", "Sizes"},
			{"checkpoint", "/jobs/" + wide + "/checkpoints/{last}", "Acknowledged"},
			{"exceptions", "/jobs/" + failed + "/exceptions", "division by zero"},
			{"timeline", "/jobs/" + wide + "/timeline", "Checkpoints"},
			{"metrics", "/jobs/" + wide + "/metrics", "Rows in, per second"},
			{"configuration", "/jobs/" + job + "/configuration", "pipeline.name"},
			{"sql", "/sql", "Submit as a job"},
			{"workers", "/workers", "Free slots"},
			{"coordinator", "/coordinator", "execution.checkpointing.interval"},
			{"log", "/coordinator/log", "wadi.log"},
			{"log of a job", "/jobs/" + job + "/log", "job_name="},
			{"goroutines", "/coordinator/goroutines", "goroutine"},
			{"coordinator metrics", "/coordinator/metrics", "numRunningJobs"},
			{"profiles", "/profile", "Download"},
			{"no such page", "/nowhere", "There is no such page"},
		} {
			t.Run(l.name+"/"+strings.ReplaceAll(p.name, " ", "-"), func(t *testing.T) {
				b.t = t
				b.visit(strings.Replace(p.hash, "{last}", c.checkpoint(wide), 1))
				b.text(p.says)
				if p.name == "metrics" {
					b.until(`[...document.querySelectorAll(".chart b")].some((v) => /\d/.test(v.textContent))`) // there is something to draw
				}
				b.audited()
				b.picture(p.name + " " + l.name)
				for _, m := range b.complaints() {
					t.Errorf("the console says: %s", m)
				}
			})
			b.t = t
		}
	}
}

// TestGear: the gear of a job is changed behind a question, and the page tells how
// that went.
func TestGear(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	job := c.run(windows)
	b := open(t, path, c.base)
	b.as(looks[0])
	b.visit("/jobs/" + job + "/gear")
	b.press("Change to functions…")
	b.text("an invocation of a function")
	b.press("Change it")
	b.text("want a URL of")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.press("Change to staged…")
	b.until(`document.querySelector("dialog[open]")`)
	b.audited()
	b.picture("gear asked light")
	b.press("Change it")
	b.until(`!document.querySelector("dialog")`)
	b.text("from checkpoint")
	b.text("somebody has asked for it")
	b.audited()
	b.picture("gear changed light")
}

// TestSQL: rows are seen as they come, and a query that never ends can be ended.
func TestSQL(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	b := open(t, path, c.base)
	b.as(looks[0])
	b.visit("/sql")
	b.write(`CREATE TABLE n (a BIGINT, s STRING) WITH ('connector'='datagen', 'rows-per-second'='50', 'fields.a.min'='1', 'fields.a.max'='9', 'fields.s.length'='6'); SELECT a, s FROM n;`)
	b.keys("\t\r") // the button Run
	b.text("more may come")
	b.until(`document.querySelectorAll("tbody tr").length > 20`)
	b.audited()
	b.picture("rows light")
	b.as(looks[1])
	b.audited()
	b.picture("rows dark")
	b.press("Stop")
	b.text("Stopped.")
	b.write("SELECT * FROM nothing")
	b.press("Run")
	b.text("nothing")
	b.audited()
	b.picture("error dark")
	b.write("SELECT s, COUNT(*) AS k FROM (VALUES ('x'), ('y'), ('x')) AS t (s) GROUP BY s")
	b.press("Run")
	b.until(`[...document.querySelectorAll("tbody td")].some((e) => e.textContent === "2")`)
	b.write(windows)
	b.press("Submit as a job of its own")
	b.text("runs.")
	for _, m := range b.complaints() {
		t.Errorf("the console says: %s", m)
	}
}

// TestProfile draws a flame graph of the tasks of a job.
func TestProfile(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	job := c.run(strings.Replace(windows, "'2000'", "'3000000'", 1))
	b := open(t, path, c.base)
	b.as(looks[0])
	b.visit("/profile?job=" + job)
	b.do(click(`input[type=number]`))
	b.keys("\b2")
	b.press("Look")
	b.until(`document.querySelectorAll(".flame button").length > 5`)
	b.audited()
	b.picture("flame light")
	b.as(looks[2])
	b.audited()
	b.picture("flame phone")
}
