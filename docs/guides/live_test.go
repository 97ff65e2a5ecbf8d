package guides_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
)

const (
	guide    = "live.md"
	makefile = "../../Makefile"
)

// placeholders stand in the page for a secret. They are put together here, so that
// no scanner finds the form of a real one.
var placeholders = map[string]string{
	"<the token>":           "a-token-" + strings.Repeat("x", 32),
	"<the Slack webhook>":   "https://hooks.slack.com/serv" + "ices/T00000000/B00000000/" + strings.Repeat("x", 24),
	"<the Discord webhook>": "https://discord.com/api/web" + "hooks/" + strings.Repeat("1", 18) + "/" + strings.Repeat("x", 68),
	"<the workflow>": "https://default0a1b.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc" +
		"/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&si" + "g=" + strings.Repeat("s", 43),
}

// A section is the text under one heading of the page.
type section struct {
	heading string
	text    string
}

// sections splits a page at its headings of the second level.
func sections(page string) []section {
	var all []section
	for _, part := range strings.Split("\n"+page, "\n## ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		all = append(all, section{heading, text})
	}

	return all
}

var (
	jsonBlocks = regexp.MustCompile("(?s)```json\n(.*?)```")
	commands   = regexp.MustCompile(`make live((?: [A-Z]+=[^ \n` + "`" + `]+)+)`)
	optionRows = regexp.MustCompile("(?m)^\\| `([A-Z]+)=")
)

// options are the NAME=value of all commands in a text.
func options(text string) map[string][]string {
	all := map[string][]string{}
	for _, command := range commands.FindAllStringSubmatch(text, -1) {
		for _, option := range strings.Fields(command[1]) {
			name, value, _ := strings.Cut(option, "=")
			all[name] = append(all[name], value)
		}
	}

	return all
}

// judge has the service accept each configuration of a section. It returns the
// provider that the section's commands name, "" for a section without a
// configuration, and the configurations as they are stored. The error says what is
// wrong with the section.
func judge(s section) (domain.Provider, []string, error) {
	blocks := jsonBlocks.FindAllStringSubmatch(s.text, -1)
	if len(blocks) == 0 {
		return "", nil, nil
	}

	named := options(s.text)["PROVIDER"]
	slices.Sort(named)
	named = slices.Compact(named)
	if len(named) != 1 || !slices.Contains(domain.Providers, domain.Provider(named[0])) {
		return "", nil, fmt.Errorf("its commands name the providers %q, want one", named)
	}

	provider := domain.Provider(named[0])
	var accepted []string
	for _, block := range blocks {
		public, err := accept(provider, block[1])
		if err != nil {
			return provider, nil, fmt.Errorf("%s: %w", block[1], err)
		}
		accepted = append(accepted, public)
	}

	return provider, accepted, nil
}

// accept has a configuration of the page accepted as the API would. Its secrets
// must be placeholders.
func accept(provider domain.Provider, text string) (string, error) {
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return "", err
	}

	for _, name := range configuration.Secrets(provider) {
		if value, given := members[name]; given && placeholders[fmt.Sprint(value)] == "" {
			return "", fmt.Errorf("the secret %s is none of the placeholders", name)
		}
	}

	for placeholder, instead := range placeholders {
		text = strings.ReplaceAll(text, placeholder, instead)
	}

	accepted, err := configuration.Accept(provider, text, nil)

	return accepted.Public, err
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// Each configuration in the guide is one that the service accepts, and each
// provider and flavor has one.
func TestConfigurationsInGuide(t *testing.T) {
	found := map[string]bool{}
	for _, s := range sections(read(t, guide)) {
		provider, accepted, err := judge(s)
		if err != nil {
			t.Errorf("%s: %v", s.heading, err)
		}

		for _, public := range accepted {
			found[way(t, provider, public)] = true
		}
	}

	want := []string{
		"discord bot_token", "discord webhook_url", "github token", "gitlab token", "jira cloud api_token", "jira datacenter token",
		"mantisbt token", "slack bot_token", "slack webhook_url", "teams workflow_url",
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("the guide shows\n%q, want\n%q", got, want)
	}
}

// way is the provider, its flavor and its kind of secret.
func way(t *testing.T, provider domain.Provider, public string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(public), &members); err != nil {
		t.Fatal(err)
	}

	words := []string{string(provider)}
	if flavor, ok := members["flavor"].(string); ok {
		words = append(words, flavor)
	}

	for _, name := range configuration.Secrets(provider) {
		if _, given := members[name]; given {
			words = append(words, name)
		}
	}

	return strings.Join(words, " ")
}

// judge finds each of these mistakes.
func TestJudgeFindsMistakes(t *testing.T) {
	const command = "\n    make live PROVIDER=github CONFIG=live.json\n"
	for name, tt := range map[string]struct{ text, want string }{
		"an unknown member":  {"```json\n{\"owner\": \"o\", \"repository\": \"r\", \"token\": \"<the token>\"}\n```" + command, "repository"},
		"a missing member":   {"```json\n{\"owner\": \"o\", \"token\": \"<the token>\"}\n```" + command, "repo"},
		"no JSON":            {"```json\n{\"owner\": \"o\",}\n```" + command, "invalid character"},
		"no placeholder":     {"```json\n{\"owner\": \"o\", \"repo\": \"r\", \"token\": \"a-secret\"}\n```" + command, "placeholders"},
		"no command":         {"```json\n{\"owner\": \"o\", \"repo\": \"r\", \"token\": \"<the token>\"}\n```\n", "name the providers []"},
		"another provider":   {"```json\n{\"owner\": \"o\", \"repo\": \"r\", \"token\": \"<the token>\"}\n```\n    make live PROVIDER=teams CONFIG=live.json\n", "owner"},
		"an unknown one":     {"```json\n{\"owner\": \"o\", \"repo\": \"r\", \"token\": \"<the token>\"}\n```\n    make live PROVIDER=trello CONFIG=live.json\n", "trello"},
		"two in one section": {"```json\n{\"owner\": \"o\", \"repo\": \"r\", \"token\": \"<the token>\"}\n```" + command + "    make live PROVIDER=teams\n", "teams"},
	} {
		_, _, err := judge(section{"A provider", tt.text})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each option of a command in the guide, and each row of its table, is one that
// the Makefile hands on.
func TestOptionsInGuide(t *testing.T) {
	page := read(t, guide)
	_, recipe, found := strings.Cut(read(t, makefile), "\nlive:")
	if !found {
		t.Fatal("the Makefile has no target live")
	}

	recipe, _, _ = strings.Cut(recipe, "\n\n")

	named := options(page)
	if len(named["PROVIDER"]) < len(domain.Providers) {
		t.Errorf("%d commands, fewer than providers", len(named["PROVIDER"]))
	}

	for _, row := range optionRows.FindAllStringSubmatch(page, -1) {
		named[row[1]] = append(named[row[1]], "")
	}

	for name := range named {
		if !strings.Contains(recipe, "$("+name+")") {
			t.Errorf("make live has no option %s", name)
		}
	}
}

var (
	links  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	unsaid = regexp.MustCompile(`[^a-z0-9 -]`)
)

// anchor is the name by which GitHub links to a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(unsaid.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Each link within the repository leads somewhere, and the table of contents has
// every section.
func TestLinksInGuide(t *testing.T) {
	page := read(t, guide)
	linked := map[string]bool{}
	for _, link := range links.FindAllStringSubmatch(page, -1) {
		target := link[1]
		switch {
		case strings.HasPrefix(target, "https://"):
		case strings.HasPrefix(target, "#"):
			linked[target[1:]] = true
		default:
			file, _, _ := strings.Cut(target, "#")
			if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
				t.Error(err)
			}
		}
	}

	for _, s := range sections(page) {
		name := anchor(s.heading)
		if !linked[name] {
			t.Errorf("the table of contents has no %q", s.heading)
		}
		delete(linked, name)
	}

	for name := range linked {
		t.Errorf("#%s leads nowhere", name)
	}
}
