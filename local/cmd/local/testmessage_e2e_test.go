//go:build e2e

package main

import (
	"net/http"
	"testing"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// C14: the function that is shipped, wired by the template, posts a test message
// into each kind of chat, once a minute.
func TestTestMessages(t *testing.T) {
	e := started(t, func(o *environment.Options) { o.Limits = true }) // so that the pace is kept
	for id, want := range map[domain.Snowflake]string{
		sample.Slack: "post=ok", sample.SlackWebhook: "post=ok", sample.Discord: "post=ok", sample.DiscordWebhook: "post=ok", sample.Teams: "post=?(accepted)",
	} {
		var answer struct{ Checks []connector.Check }
		status := ask(t, e, id, http.MethodPost, "/check", `{"post":true}`, &answer)
		if n := len(answer.Checks); status != http.StatusOK || n == 0 || answer.Checks[n-1].String() != want {
			t.Errorf("%s: %d %v", id, status, answer.Checks)
		}

		if again := ask(t, e, id, http.MethodPost, "/check", `{"post":true}`, &answer); again != http.StatusTooManyRequests {
			t.Errorf("%s: a second one is answered %d", id, again)
		}
	}
}
