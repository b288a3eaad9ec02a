package uitest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(selector)
}

// press presses a button by its name.
func (b *browser) press(name string) {
	b.t.Helper()
	said, _ := json.Marshal(name) //nolint:errchkjson // a string
	b.until(`[...document.querySelectorAll("button:not(:disabled)")].some((e) => e.textContent === ` + string(said) + `)`)
	eval[bool](b, `[...document.querySelectorAll("button:not(:disabled)")].find((e) => e.textContent === `+string(said)+`).click() ?? true`)
}

// write puts a statement into the editor.
func (b *browser) write(statement string) {
	b.t.Helper()
	said, _ := json.Marshal(statement) //nolint:errchkjson // a string
	eval[bool](b, `(() => { const e = document.querySelector("textarea"); e.value = `+string(said)+`; e.dispatchEvent(new Event("input", { bubbles: true })); e.focus(); return true; })()`)
}

// at is the name of what has the focus.
func (b *browser) at() string {
	b.t.Helper()
	return eval[string](b, `(document.activeElement?.innerText || document.activeElement?.ariaLabel || document.activeElement?.tagName || "").trim()`)
}

// tabTo presses Tab until something has the focus.
func (b *browser) tabTo(name string) {
	b.t.Helper()
	for range 80 {
		if b.at() == name {
			return
		}
		b.keys("\t")
	}
	b.t.Fatalf("Tab never comes to %q; it is at %q", name, b.at())
}

// TestKeyboard goes to a job, asks for a checkpoint, and cancels the job, without
// a mouse.
func TestKeyboard(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	job := c.run(windows)
	b := open(t, path, c.base)
	b.as(looks[0])
	b.visit("/")
	b.text("orders per window")
	b.keys("\t")
	if got := b.at(); got != "Skip to the page" {
		t.Errorf("the first Tab is at %q", got)
	}
	b.keys("\r")
	if got := b.at(); got != "Overview" {
		t.Errorf("skipping leads to %q", got)
	}
	b.keys("gw")
	b.until(`location.hash === "#/workers"`)
	b.until(`document.activeElement?.tagName === "H1"`)
	b.keys("?")
	b.until(`document.querySelector("dialog[open]")`)
	b.audited()
	b.picture("keys light")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.keys("go")
	b.until(`location.hash === "#/"`)
	b.tabTo("orders per window")
	b.keys("\r")
	b.until(`location.hash === "#/jobs/` + job + `"`)
	b.text("back-pr.")
	b.tabTo("Checkpoint")
	b.keys("\r")
	b.until(`document.querySelector("dialog[open]")`)
	b.tabTo("Take it")
	b.keys("\r")
	b.text("is complete.")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.press("Rescale…")
	b.until(`document.querySelector("dialog[open] input[type=number]")`)
	b.audited()
	b.picture("rescale light")
	eval[bool](b, `(() => { document.querySelector("dialog[open] input[type=number]").value = "2"; return true; })()`)
	b.press("Change it")
	b.text("It is being rescaled.")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog") && document.body.innerText.includes("2 tasks")`)
	b.tabTo("Cancel…")
	b.keys("\r")
	b.text("What it has done since its last checkpoint is lost.")
	b.audited()
	b.picture("cancel light")
	b.tabTo("No, go back")
	b.keys("\r")
	b.until(`!document.querySelector("dialog")`)
	if got := c.state(job); got != "RUNNING" {
		t.Errorf("nobody has said yes, and the job is %s", got)
	}
	b.tabTo("Cancel…")
	b.keys("\r")
	b.tabTo("Cancel it")
	b.keys("\r")
	b.text("Canceled")
	if got := c.state(job); got != "CANCELED" {
		t.Errorf("the job is %s", got)
	}
	for _, m := range b.complaints() {
		t.Errorf("the console says: %s", m)
	}
}

func (c *cluster) state(job string) string {
	c.t.Helper()
	var reply rest.JobStatus
	c.ask(http.MethodGet, "/jobs/"+job+"/status", nil, &reply)
	return reply.Status
}

// TestTheme: what is chosen stands, whatever the system says.
func TestTheme(t *testing.T) {
	path := chromium(t)
	c := serve(t, nil)
	b := open(t, path, c.base)
	b.as(looks[0])
	b.visit("/")
	ground := func() string { return eval[string](b, `getComputedStyle(document.body).backgroundColor`) }
	light := ground()
	eval[bool](b, `(() => { const e = document.querySelector(".theme select"); e.value = "dark"; e.dispatchEvent(new Event("change", { bubbles: true })); return true; })()`)
	dark := ground()
	if light == dark {
		t.Error("choosing dark changes nothing")
	}
	b.visit("/workers")
	if got := ground(); got != dark {
		t.Errorf("the next page is %s, not %s", got, dark)
	}
}

// TestToken: the page is there for everybody, and asks for the token that the API
// wants.
func TestToken(t *testing.T) {
	path := chromium(t)
	c := serve(t, map[string]string{"wadi.rest.token": "open sesame"})
	b := open(t, path, c.base)
	b.as(looks[0])
	b.text("This cluster wants a token")
	b.audited()
	b.picture("token light")
	b.do(click("input[type=password]"))
	b.keys("open sesame\r")
	b.text("Running jobs")
	if len(b.complaints()) == 0 {
		t.Error("nothing was refused before")
	}
}
