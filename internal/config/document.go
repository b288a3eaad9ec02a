package config

import (
	"fmt"
	"slices"
	"strings"
)

// Document is docs/configuration.md.
func Document() string {
	var b strings.Builder
	b.WriteString(head)
	title := ""
	for _, k := range table {
		if k.Fate != Honoured {
			continue
		}
		if k.Section != title {
			title = k.Section
			fmt.Fprintf(&b, "\n## %s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", title)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Takes(), code(k.Default), cell(k.Text+older(k.Older)))
	}
	b.WriteString("\n## Names that you complete\n\n| keys | meaning |\n| --- | --- |\n")
	for _, f := range families {
		text := f.Text
		if f.Fate != Honoured {
			text = "No meaning here, because " + f.Reason + "."
		}
		fmt.Fprintf(&b, "| `%s…` | %s |\n", f.Prefix, cell(text))
	}
	b.WriteString(unreadHead)
	var reasons []string
	by := make(map[string][]string)
	for _, k := range table {
		if k.Fate != Unread {
			continue
		}
		if by[k.Reason] == nil {
			reasons = append(reasons, k.Reason)
		}
		by[k.Reason] = append(by[k.Reason], "`"+k.Name+"`")
	}
	for _, r := range reasons {
		slices.Sort(by[r])
		fmt.Fprintf(&b, "\n**%s%s.** %s\n", strings.ToUpper(r[:1]), r[1:], strings.Join(by[r], ", "))
	}
	return b.String()
}

// Takes is what a key may be set to, in a word or a few.
func (k *Key) Takes() string {
	var words []string
	for _, w := range k.Words {
		words = append(words, "`"+w+"`")
	}
	if k.Type == Enum {
		return strings.Join(words, ", ")
	}
	if len(words) > 0 {
		return k.Type.String() + " or " + strings.Join(words, ", ")
	}
	return k.Type.String()
}

func older(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " Older: `" + strings.Join(names, "`, `") + "`."
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

const head = `# Configuration

The keys are Flink's, and those that begin with ` + "`wadi.`" + `. They come from several places; what is further down wins:

1. the defaults below;
2. ` + "`config.yaml`" + ` in the directory that ` + "`--config-dir`, `WADI_CONF_DIR` or `FLINK_CONF_DIR`" + ` names, if one does: YAML, flat or nested
   (` + "`rest.port: 8081`, or `port: 8081` below `rest:`" + `);
3. ` + "`WADI_PROPERTIES` (or `FLINK_PROPERTIES`)" + ` in the environment: lines as in that file;
4. ` + "`-D key=value`" + `;
5. ` + "`SET 'key' = 'value'`" + ` in a script.

A key may go by its older names everywhere: it is the same key, so that the place decides and not the name. In one place the
newest name wins. ` + "`${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}`" + ` stand for a variable of the environment or what a file
holds, and ` + "`$${`" + ` for itself; what is stored, shown and sent keeps the reference, and every process that reads the key needs what it refers to.

What is wrong is refused, with its place and with what was probably meant. ` + "`wadi config`" + ` shows what holds and where it was set,
` + "`wadi config --explain KEY`" + ` what a key does. A job takes the keys that begin with ` + "`execution.`, `parallelism.`, `pipeline.`, `restart-strategy.`,\n`state.`, `table.`, `wadi.recursion.` and `wadi.staged.`" + ` with it to wherever it runs; all others belong to a process and stay there.
`

const unreadHead = `
## Keys without a meaning here

These keys of Flink may be set, so that its files and scripts work; whoever sets one is told, in one line, that it has no meaning
here and why.
`
