// Command cmd starts the servers that tests need and that Go alone does not
// start, from package registries, runs the tests that use them, and stops them.
// `make test-services` runs it.
//
//	go run ./internal/testserver/cmd [-cache dir] [-only rest,kafka] [-serve | -install] [package…]
//
// Everything is downloaded once, by go, mvn, npm and pip as they are configured,
// into the cache. A server that cannot be started is named in one line with the
// reason; tests that need it are listed as skipped. It fails when a test fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wadi-engine/wadi/internal/testserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "test-services:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("test-services", flag.ContinueOnError)
	cache := flags.String("cache", "", "where downloads are kept; by default WADI_TEST_CACHE, or in the user's cache")
	only := flags.String("only", "", "start these servers only, divided by commas")
	serve := flags.Bool("serve", false, "print the variables and wait for Ctrl-C in place of running tests")
	install := flags.Bool("install", false, "end once they could be started, without tests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *cache == "" {
		if *cache, err = testserver.Cache(); err != nil {
			return err
		}
	}
	if *cache, err = filepath.Abs(*cache); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "wadi-services")
	if err != nil {
		return err
	}
	p := &place{cache: *cache, temp: temp, env: map[string]string{
		"WADI_TEST_BIN": filepath.Join(*cache, "bin"), "WADI_TEST_SHARED": filepath.Join(temp, "shared"), "WADI_TEST_USED": filepath.Join(temp, "used"),
	}}
	defer func() { err = errors.Join(err, p.stop(), os.RemoveAll(temp)) }()
	for _, dir := range []string{p.env["WADI_TEST_BIN"], p.env["WADI_TEST_SHARED"]} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	p.startAll(ctx, *only, out)
	if *install {
		return nil
	}
	if *serve {
		for _, k := range slices.Sorted(maps.Keys(p.env)) {
			fmt.Fprintf(out, "export %s='%s'\n", k, p.env[k])
		}
		<-ctx.Done()
		return nil
	}
	return p.test(ctx, flags.Args(), out)
}

// startAll starts every server, or those in only, and says what became of each.
func (p *place) startAll(ctx context.Context, only string, out io.Writer) {
	for _, s := range servers {
		if only != "" && !slices.Contains(strings.Split(only, ","), s.short) {
			continue
		}
		began := time.Now() //nolint:forbidigo // it is told to people
		how, err := s.start(ctx, p)
		took := time.Since(began).Round(100 * time.Millisecond)
		if err != nil {
			fmt.Fprintf(out, "%-42s cannot be started: %s\n", s.name, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		fmt.Fprintf(out, "%-42s %s, in %v\n", s.name, how, took)
	}
}
