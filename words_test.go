package integrations_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A word is a pattern, and what to write instead of what it finds.
type word struct{ pattern, instead string }

// dialect lists words of earlier versions that readers did not understand, and what to
// write instead. docs/glossary.md has the terms that we use.
var dialect = []word{
	{`\bstand-?ins?\b`, "fake server"},
	{`[Ww]hoever`, "name who: the caller, the manager, the code that …"},
	{`[Nn]obody's`, "say what it is: not an item's, unknown"},
	{`(?:tell|tells|told) of\b`, "report, show, announce"},
	{`(?:know|knows|knew) of\b`, "have, store, find"},
	{`\bheed(?:s|ed)?\b`, "acknowledge the signal"},
	{`\b(?:poke|poked|pokes)\b`, "resume"},
	{`\bwoken\b|\bwakes?\b`, "signal, resume"},
	{`\bbequeath`, "hand over to the next run"},
	{`\brehears`, "dry run"},
	{`\bparked\b`, "given up"},
	{`\bcool(?:s|ed)?[ -]down`, "pause"},
	{`\bfall(?:s|en)? ill\b|\bfell ill\b`, "becomes unhealthy"},
	{`\bno news\b|\bis news\b`, "say whether it is announced"},
	{`\bverdicts?\b`, "outcome, Stop"},
	{`\bthe wall\b|\bwall clock\b`, "system clock"},
	{`\bto nobody\b|\btells nobody\b`, "say what is missing"},
}

// patterns are those of dialect.
var patterns = func() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, one := range dialect {
		all = append(all, regexp.MustCompile(one.pattern))
	}

	return all
}()

// exempt are files in which an old word is right: a list of the words, past releases,
// and texts of others.
var exempt = regexp.MustCompile(`^words_test\.go$|^CHANGELOG\.md$|/testdata/|^docs/openapi/landed\.json$|^package-lock\.json$|^docs/adr/`)

// Code, comments, messages and docs use the terms of AWS, of HTTP and of the
// providers, and those of the glossary.
func TestPlainWords(t *testing.T) {
	listed, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		t.Skip("the code is not in a Git repository:", err)
	}

	for _, name := range strings.Fields(string(listed)) {
		if exempt.MatchString(name) || !slices.Contains([]string{".go", ".md", ".yaml", ".json", ".html"}, filepath.Ext(name)) {
			continue
		}
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if found, instead := dialectIn(line); found != "" {
				t.Errorf("%s:%d: %q: %s", name, i+1, found, instead)
			}
		}
	}
}

// dialectIn is the first word of the dialect in a line, "" for none.
func dialectIn(line string) (found, instead string) {
	for i, one := range dialect {
		found = patterns[i].FindString(line)
		if found != "" {
			return found, one.instead
		}
	}

	return "", ""
}

// The list finds what it is for, and leaves plain sentences alone.
func TestDialect(t *testing.T) {
	for line, want := range map[string]string{
		"// whoever asks":                   "whoever",
		"// an event tells of it":           "tells of",
		"a stand-in of GitHub":              "stand-in",
		"the item is parked":                "parked",
		"while it cools down":               "cools down",
		"The caller is told the reason.":    "",
		"The item is given up.":             "",
		"a standing order, a wall of text":  "",
		"This is awake; it knows the path.": "",
	} {
		if got, _ := dialectIn(line); got != want {
			t.Errorf("%q: found %q, want %q", line, got, want)
		}
	}
}
