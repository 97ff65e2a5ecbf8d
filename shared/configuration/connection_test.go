package configuration

import (
	"encoding/json"
	"maps"
	"testing"

	"example.com/integrations/shared/domain"
)

// D10: for each provider, which members are part of the connection. Every member
// of every schema is here, so that a new one must be placed.
func TestSameConnection(t *testing.T) {
	const yes, no = true, false
	mask := domain.Mask
	for provider, c := range map[domain.Provider]struct {
		base map[string]any
		// members gives each member another value, and whether the connection
		// stays the same.
		members map[string]struct {
			value any
			same  bool
		}
	}{
		domain.GitHub: {map[string]any{"owner": "octo", "repo": "hello", "token": mask}, map[string]struct {
			value any
			same  bool
		}{
			"owner": {"other", no}, "repo": {"other", no}, "token": {nil, no}, "app_id": {"7", no}, "installation_id": {"8", no}, "private_key": {mask, no},
			"base_url": {"https://github.example.com", no}, "labels": {"none", yes}, "pull": {"all", yes}, "on_delete": {"leave", yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.GitLab: {map[string]any{"project": "a/b", "token": mask}, map[string]struct {
			value any
			same  bool
		}{
			"project": {"7", no}, "token": {nil, no}, "base_url": {"https://gitlab.example.com", no},
			"labels": {"none", yes}, "pull": {"all", yes}, "on_delete": {"leave", yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.Jira: {map[string]any{"flavor": "cloud", "base_url": "https://x.atlassian.net", "email": "a@example.com", "api_token": mask, "project_key": "K", "issue_type": "Task"}, map[string]struct {
			value any
			same  bool
		}{
			"flavor": {"datacenter", no}, "base_url": {"https://y.atlassian.net", no}, "email": {"b@example.com", no}, "api_token": {nil, no}, "token": {mask, no},
			"project_key": {"L", no}, "issue_type": {"Bug", no},
			"labels": {"none", yes}, "pull": {"all", yes}, "on_delete": {"leave", yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.MantisBT: {map[string]any{"base_url": "https://mantis.example.com", "token": mask, "project": "p", "category": "c"}, map[string]struct {
			value any
			same  bool
		}{
			"base_url": {"https://other.example.com", no}, "token": {nil, no}, "project": {"q", no}, "category": {"d", no},
			"pull": {"all", yes}, "on_delete": {"leave", yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.Discord: {map[string]any{"bot_token": mask, "channel_id": "7"}, map[string]struct {
			value any
			same  bool
		}{
			"webhook_url": {mask, no}, "thread_id": {"9", no}, "thread_name": {"x", no}, "bot_token": {nil, no}, "channel_id": {"8", no},
			"on_update": {"post", yes}, "digest_over": {9, yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.Slack: {map[string]any{"bot_token": mask, "channel": "C1"}, map[string]struct {
			value any
			same  bool
		}{
			"webhook_url": {mask, no}, "bot_token": {nil, no}, "channel": {"C2", no}, "base_url": {"https://slack-gov.com", no},
			"open": {"button", yes}, "on_update": {"post", yes}, "digest_over": {9, yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
		domain.Teams: {map[string]any{"workflow_url": mask}, map[string]struct {
			value any
			same  bool
		}{
			"workflow_url": {nil, no}, "payload": {"card", no}, "digest_over": {9, yes}, "templates": {map[string]any{"title": "x"}, yes},
		}},
	} {
		compare := func(name string, after map[string]any, want bool) {
			same, err := SameConnection(provider, encoded(t, c.base), encoded(t, after))
			if err != nil || same != want {
				t.Errorf("%s: %s: %v, want %v: %v", provider, name, same, want, err)
			}
		}

		compare("nothing", c.base, true)
		for name, m := range c.members {
			after := maps.Clone(c.base)
			after[name] = m.value
			if m.value == nil {
				delete(after, name)
			}

			compare(name, after, m.same)
		}

		properties, _ := schemas()[provider].raw["properties"].(map[string]any)
		if len(properties) == 0 {
			t.Errorf("%s: the schema has no members", provider)
		}

		for name := range properties {
			if _, placed := c.members[name]; !placed {
				t.Errorf("%s: is %s part of the connection?", provider, name)
			}
		}
	}
}

// What is written out and equals the default is the same.
func TestSameConnectionByDefault(t *testing.T) {
	before := `{"owner":"octo","repo":"hello","token":"********"}`
	after := `{"repo":"hello","owner":"octo","base_url":"https://api.github.com","token":"********"}`
	if same, err := SameConnection(domain.GitHub, before, after); err != nil || !same {
		t.Errorf("%v, %v", same, err)
	}
}

func encoded(t *testing.T, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
