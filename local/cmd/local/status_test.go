package main

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/local/providers"
	"example.com/integrations/shared/domain"
)

// cost is what a chat was sent for one change.
type cost struct{ edits, messages, replies, threads int }

// costOf counts writes. A reply is a message in a thread.
func costOf(writes []providers.Write) (c cost) {
	for _, w := range writes {
		body := string(w.Body)
		switch {
		case w.Method == http.MethodPatch, strings.HasSuffix(w.Path, "chat.update"):
			c.edits++
		case strings.HasSuffix(w.Path, "/threads"):
			c.threads++
		case strings.Contains(body, "thread_ts"), strings.Contains(body, `"enforce_nonce":true`) && !strings.Contains(body, `"embeds"`):
			c.replies++
		default:
			c.messages++
		}
	}

	return c
}

// C1, C13: a change of the status alone costs exactly one edit, one message, or one
// edit and one reply; it says the old status and the new one; and another sync
// costs nothing.
func TestAChangeOfStatusAtEachChat(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, c := range []struct {
		name, onUpdate string
		want           cost
	}{
		{"slack", "edit", cost{edits: 1}},
		{"slack", "reply", cost{edits: 1, replies: 1}},
		{"slack", "post", cost{messages: 1}},
		{"slack_webhook", "", cost{messages: 1}},
		{"discord", "edit", cost{edits: 1}},
		{"discord", "reply", cost{edits: 1, replies: 1, threads: 1}}, // the first reply opens the thread
		{"discord", "post", cost{messages: 1}},
		{"discord_webhook", "edit", cost{edits: 1}},
		{"discord_webhook", "post", cost{messages: 1}},
		{"teams", "", cost{messages: 1}},
	} {
		t.Run(c.name+" "+c.onUpdate, func(t *testing.T) {
			more := map[string]any{}
			if c.onUpdate != "" {
				more["on_update"] = c.onUpdate
			}

			s := staged(t, endpoint, c.name, more)
			item := domain.Item{ID: 1, FormattedNumber: "WI-1", Version: 1, Title: "Site is down", State: domain.Open, Status: "planned", URL: "https://items.example/1"}
			s.put(item)
			s.sync(domain.Incremental)
			before := len(s.received().Writes)

			item.Version = 2
			item.Status = "in review"
			s.put(item)
			s.sync(domain.Incremental)
			writes := s.received().Writes[before:]
			if got := costOf(writes); got != c.want {
				t.Errorf("it cost %+v, want %+v", got, c.want)
			}

			for _, w := range writes {
				if !strings.HasSuffix(w.Path, "/threads") && !strings.Contains(string(w.Body), "status: planned → in review") {
					t.Errorf("%s does not say what changed: %.500s", w.Path, w.Body)
				}
			}

			before = len(s.received().Writes)
			s.sync(domain.Full)
			same(t, "writes of another sync", len(s.received().Writes), before)
			s.noViolations()
		})
	}
}
