package form

import (
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

func TestParseFillsDefaultsAndSecrets(t *testing.T) {
	public := `{"owner":"Octo","repo":"Repo","app_id":12,"installation_id":"9007199254740993","private_key":"********","templates":{"title":"{{title}}"}}`
	got, err := Parse[GitHub](public, map[string]string{"private_key": "line\nline", "token": "never asked for", "owner": "not a mask"})
	if err != nil {
		t.Fatal(err)
	}

	want := GitHub{
		Tracker: Tracker{Pull: "off", OnDelete: "close", Templates: Templates{Title: "{{title}}"}},
		Owner:   "Octo", Repo: "Repo", AppID: "12", InstallationID: "9007199254740993", PrivateKey: "line\nline",
		BaseURL: "https://api.github.com", Labels: "sync",
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestParseKeepsMaskWithoutSecret(t *testing.T) {
	got, err := Parse[GitLab](`{"project":42,"token":"********"}`, nil)
	if err != nil || got.Token != domain.Mask || got.Project != "42" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecode(t *testing.T) {
	for _, provider := range domain.Providers {
		form, err := Decode(provider, `{}`, nil)
		if err != nil || form == nil {
			t.Errorf("%s: %v", provider, err)
		}
	}

	if _, err := Decode("svn", `{}`, nil); err == nil {
		t.Error("an unknown provider has a form")
	}

	for _, bad := range []string{"", "[]", `{"owner":5}`} {
		if _, err := Decode(domain.GitHub, bad, nil); err == nil {
			t.Errorf("Decode(%q) took it", bad)
		}
	}
}

func TestDestination(t *testing.T) {
	hook := WebhookOf(domain.Discord, "https://discord.com/api/v10/webhooks/"+strings.Repeat("1", 18)+"/"+strings.Repeat("x", 60))
	for _, c := range []struct {
		provider                   domain.Provider
		public, same, origin, want string
	}{
		{domain.GitHub, `{"owner":"Octo","repo":"R"}`, `{"owner":"octo","repo":"r","base_url":"https://api.github.com"}`, "https://api.github.com", `["github","https://api.github.com","octo","r"]`},
		{domain.GitHub, `{"owner":"o","repo":"r","base_url":"https://ghe.example.com:8443"}`, `{"owner":"o","repo":"r","base_url":"https://ghe.example.com:8443/api/v3"}`, "https://ghe.example.com:8443", `["github","https://ghe.example.com:8443/api/v3","o","r"]`},
		{domain.GitHub, `{"owner":"o","repo":"r","base_url":"https://api.octo.ghe.com"}`, "", "https://api.octo.ghe.com", `["github","https://api.octo.ghe.com","o","r"]`},
		{domain.GitLab, `{"project":"Group/P"}`, `{"project":"group/p","base_url":"https://gitlab.com/api/v4"}`, "https://gitlab.com", `["gitlab","https://gitlab.com/api/v4","group/p"]`},
		{domain.Jira, `{"flavor":"cloud","base_url":"https://s.atlassian.net","project_key":"K"}`, "", "https://s.atlassian.net", `["jira","https://s.atlassian.net","K"]`},
		{domain.MantisBT, `{"base_url":"https://b.example.com/m","project":7}`, `{"base_url":"https://b.example.com/m/api/rest","project":"7"}`, "https://b.example.com", `["mantisbt","https://b.example.com/m/api/rest","7"]`},
		{domain.Discord, `{"bot_token":"x","channel_id":"1"}`, "", "https://discord.com", `["discord","https://discord.com","channel","1"]`},
		{domain.Discord, `{"webhook_url":"********","thread_id":"5"}`, "", "https://discord.com", `["discord","https://discord.com","webhook","` + hook.Hash + `","5"]`},
		{domain.Slack, `{"bot_token":"x","channel":"C1"}`, "", "https://slack.com", `["slack","https://slack.com","channel","C1"]`},
		{domain.Slack, `{"webhook_url":"x"}`, "", "https://discord.com", `["slack","https://discord.com","webhook","` + hook.Hash + `"]`},
		{domain.Teams, `{"workflow_url":"x"}`, "", "https://discord.com", `["teams","https://discord.com","webhook","` + hook.Hash + `"]`},
	} {
		for _, public := range []string{c.public, c.same} {
			if public == "" {
				continue
			}

			form, err := Decode(c.provider, public, nil)
			if err != nil {
				t.Fatal(err)
			}

			if d := form.Destination(hook); d.Target != c.want || d.Origin != c.origin || d.Provider != c.provider || len(d.Hash()) != 32 {
				t.Errorf("%s %s: %+v", c.provider, public, d)
			}
		}
	}
}

func TestWebhookOf(t *testing.T) {
	tail := strings.Repeat("1", 18) + "/" + strings.Repeat("x", 60)
	a := WebhookOf(domain.Discord, "https://discord.com/api/webhooks/"+tail)
	b := WebhookOf(domain.Discord, "https://discord.com/api/v10/webhooks/"+tail)
	c := WebhookOf(domain.Discord, "https://discord.com/api/webhooks/"+tail+"y")
	if a != b || a.Hash == c.Hash || a.Origin != "https://discord.com" || strings.Contains(a.Hash, "x") {
		t.Errorf("%v %v %v", a, b, c)
	}

	for _, text := range []string{"", domain.Mask, "https://evil.com/api/webhooks/" + tail} {
		if got := WebhookOf(domain.Discord, text); got != (Webhook{}) {
			t.Errorf("WebhookOf(%q) = %v", text, got)
		}
	}
}

func TestAPI(t *testing.T) {
	cloud := &Jira{Flavor: Cloud, BaseURL: "https://s.atlassian.net"}
	server := &Jira{Flavor: Datacenter, BaseURL: "https://j.example.com/jira"}
	if cloud.API() != "https://s.atlassian.net/rest/api/3" || server.API() != "https://j.example.com/jira/rest/api/2" {
		t.Error(cloud.API(), server.API())
	}
}

func TestSlackWebhookCannotEdit(t *testing.T) {
	hook, err := Parse[Slack](`{"webhook_url":"********","on_update":"edit","digest_over":0}`, nil)
	if err != nil || hook.OnUpdate != OnUpdatePost || hook.DigestOver() != 0 || hook.Open != OpenLink {
		t.Errorf("%+v %v", hook, err)
	}

	bot, err := Parse[Slack](`{"bot_token":"********","channel":"C1"}`, nil)
	if err != nil || bot.OnUpdate != OnUpdateEdit || bot.DigestOver() != DigestOver || bot.Open != OpenLink {
		t.Errorf("%+v %v", bot, err)
	}
}

func TestExpand(t *testing.T) {
	item := domain.Item{
		FormattedNumber: "W-1", Title: "{{url}}", Description: "d", URL: "u", State: domain.Open, Status: "s", Priority: "p",
		Labels: []string{"a", "b"}, ItemType: "work_item", UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	for text, want := range map[string]string{
		"":                        "",
		"plain }} {":              "plain }} {",
		"[{{formatted_number}}]":  "[W-1]",
		"{{ title }}!":            "{{url}}!", // a field's text is not expanded again
		"{{description}}{{url}}":  "du",
		"{{state}} {{status}}":    "open s",
		"{{priority}} {{labels}}": "p a, b",
		"{{item_type}}":           "work_item",
		"{{updated_at}}":          "2026-01-02T03:04:05Z",
	} {
		if got, err := Expand(text, item); err != nil || got != want {
			t.Errorf("Expand(%q) = %q, %v; want %q", text, got, err, want)
		}
	}

	item.Type = &domain.Named{ID: 31, Name: "Bug"}
	item.Project = &domain.Named{ID: 32, Name: "Apollo"}
	item.Milestone = &domain.Named{ID: 33, Name: "{{url}}"}
	item.Owner = &domain.Named{ID: 34, Name: "Ada L."}
	item.UpdatedBy = &domain.Named{ID: 35, Name: "Bob"}
	item.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.FixedZone("", 7200))
	for text, want := range map[string]string{
		"{{type}}":           "Bug",
		"{{project}}":        "Apollo",
		"{{ milestone }}":    "{{url}}",
		"{{owner}}":          "Ada L.",
		"{{due_at}}":         "2026-12-01",
		"by {{updated_by}}.": "by Bob.",
	} {
		if got, err := Expand(text, item); err != nil || got != want {
			t.Errorf("Expand(%q) = %q, %v; want %q", text, got, err, want)
		}

		bare, _, _ := strings.Cut(text, "{{")
		_, end, _ := strings.Cut(text, "}}")
		if got := Fill(text, "unused", domain.Item{}); got != bare+end {
			t.Errorf("without it, Fill(%q) = %q", text, got)
		}
	}

	for _, text := range []string{"{{", "{{title", "{{}}", "{{Title}}", "{{#if title}}", "{{title.x}}", "{{{title}}}", "{{title}} {{id}}"} {
		if got, err := Expand(text, item); err == nil {
			t.Errorf("Expand(%q) = %q", text, got)
		}
	}

	for _, name := range Fields {
		if Field(item, name) == "" {
			t.Errorf("field %s is empty", name)
		}
	}
}

// The worker and its connectors link this package: it must stay small.
func TestImports(t *testing.T) {
	for _, folder := range []string{".", "../address"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}

		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
				continue
			}

			file, err := parser.ParseFile(token.NewFileSet(), folder+"/"+entry.Name(), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}

			for _, spec := range file.Imports {
				path := strings.Trim(spec.Path.Value, `"`)
				own := strings.Contains(path, "/shared/")
				if !own && strings.Contains(path, ".") || strings.HasPrefix(path, "net/http") || strings.HasSuffix(path, "/shared/configuration") {
					t.Errorf("%s imports %s: the worker would link the schema library or more", entry.Name(), path)
				}
			}
		}
	}
}

func TestRenderingTellsWhatIsRendered(t *testing.T) {
	base := &Jira{Flavor: Cloud, IssueType: "Task", Labels: "sync"}
	for _, other := range []*Jira{
		{Flavor: Datacenter, IssueType: "Task", Labels: "sync"}, {Flavor: Cloud, IssueType: "Bug", Labels: "sync"}, {Flavor: Cloud, IssueType: "Task", Labels: "none"},
		{Flavor: Cloud, IssueType: "Task", Labels: "sync", Tracker: Tracker{Templates: Templates{Body: "x"}}},
	} {
		if reflect.DeepEqual(base.Rendering(), other.Rendering()) {
			t.Errorf("%+v renders like %+v", other, base)
		}
	}

	if !reflect.DeepEqual(base.Rendering(), (&Jira{Flavor: Cloud, IssueType: "Task", Labels: "sync", Token: "x", Tracker: Tracker{Pull: "all"}}).Rendering()) {
		t.Error("token and pull change nothing that is rendered")
	}
}
