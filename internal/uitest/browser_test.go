package uitest_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/wadi-engine/wadi/internal/await"
)

var out = flag.String("ui", "", "where pictures of the pages are written; nowhere when it is not given")

//go:embed audit.js
var audit string

// browser is a tab of Chromium, and what it has complained about.
type browser struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // the life of the tab
	base string

	mu     sync.Mutex
	errors []string
}

// chromium finds the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is here (apt-get install chromium)")
	return ""
}

func open(t *testing.T, path, base string) *browser {
	t.Helper()
	alloc, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		cancel()
		stop()
	})
	b := &browser{t: t, ctx: ctx, base: base}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				b.mu.Lock()
				b.errors = append(b.errors, m.String()+" "+m.URL)
				b.mu.Unlock()
			}
		}
	}()
	b.do(chromedp.Navigate(base))
	return b
}

// complaints are what the console has said since the last call.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.errors
	b.errors = nil
	return all
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	if await.Within(b.t, 20*time.Second, func() bool { return eval[bool](b, "!!("+expression+")") }) {
		return
	}
	b.t.Fatalf("it never came to be that %s; the page says:\n%s", expression, eval[string](b, "document.body.innerText"))
}

// text waits until the page says something.
func (b *browser) text(want string) {
	b.t.Helper()
	said, _ := json.Marshal(want) //nolint:errchkjson // a string
	b.until(fmt.Sprintf("document.body?.innerText.includes(%s)", said))
}

// keys presses keys, one after the other.
func (b *browser) keys(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// look is how a page is shown.
type look struct {
	name, theme   string
	width, height int64
}

var looks = []look{{"light", "light", 1360, 900}, {"dark", "dark", 1360, 900}, {"phone", "light", 390, 844}}

func (b *browser) as(l look) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(l.width, l.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// visit goes to a page and waits until it has been drawn.
func (b *browser) visit(hash string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.base+"/#"+hash))
	b.until(`document.querySelector("main h1") && ![...document.querySelectorAll(".empty")].some((e) => e.textContent === "Loading…")`)
}

// audited fails for what a person who sees little, or uses no mouse, stumbles over.
func (b *browser) audited() {
	b.t.Helper()
	for _, problem := range eval[[]string](b, audit) {
		b.t.Error(problem)
	}
}

// picture writes what is seen now.
func (b *browser) picture(name string) {
	b.t.Helper()
	if *out == "" {
		return
	}
	data, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*out, strings.ReplaceAll(name, " ", "-")+".png"), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
