package conformance

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Report is docs/conformance.md: the table of all sets, then what failed and
// what was skipped.
func Report(tallies []*Tally) string {
	var b strings.Builder
	b.WriteString(`# Conformance

How Wadi answers the test material of others: Flink's own tests, what real Flink answered, TPC-H, RisingWave's and
Arroyo's queries. ` + "`make corpora`" + ` runs every case and writes this page; a case passes when the rows, or the error,
are those that the corpus says. Cases that need a Java class, a model or a clock are skipped, and say which.

| set | cases | passed | failed | skipped | passed of those that were run | asked for |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
`)
	for _, t := range tallies {
		want := ""
		if t.Want > 0 {
			want = fmt.Sprintf("%d %%", t.Want)
		}
		fmt.Fprintf(&b, "| `%s` | %d | %d | %d | %d | %.1f %% | %s |\n", t.Set, t.Cases, t.Passed, t.Failed, t.Skipped, t.Percent(), want)
	}
	for _, t := range tallies {
		if t.Want > 0 { // of the other sets nothing is asked
			list(&b, t, Failed, "Failed")
		}
	}
	for _, t := range tallies {
		list(&b, t, Skipped, "Skipped")
	}
	return b.String()
}

// shown is how much of a reason the page shows.
const shown = 160

// place is where in the text an error is, which is another for every case.
var place = regexp.MustCompile(`line \d+, column \d+: `)

// list names the cases of a set with an outcome, the reason of each on one line.
// Cases with the same reason share a line.
func list(b *strings.Builder, t *Tally, o Outcome, title string) {
	var order []string
	names := map[string][]string{}
	for _, r := range t.Results {
		if r.Outcome != o {
			continue
		}
		why, _, _ := strings.Cut(place.ReplaceAllString(r.Why, ""), "\n")
		if len(why) > shown {
			why = strings.ToValidUTF8(why[:shown], "") + " …"
		}
		if names[why] == nil {
			order = append(order, why)
		}
		names[why] = append(names[why], r.Case)
	}
	if len(order) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s: %s\n\n", title, t.Set)
	for _, why := range order {
		fmt.Fprintf(b, "- %s: %s\n", strings.Join(names[why], ", "), strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(why))
	}
}

// WriteReport writes the page.
func WriteReport(path string, tallies []*Tally) error {
	return os.WriteFile(path, []byte(Report(tallies)), 0o644)
}
