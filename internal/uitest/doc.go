// Package uitest drives the web UI in a real Chromium: every page, light, dark
// and as wide as a phone. There is nothing to import; make ui-test runs it, and
// writes what was seen to bin/ui.
package uitest
