package slack

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector/failure"
)

// What Slack says of one thread concerns one item. Only a channel that takes no
// replies at all concerns all of them, and the reason says what to do.
func TestRefusalsOfReplies(t *testing.T) {
	for code, want := range map[string]meaning{
		"message_not_found":                        {failure.Final, failure.ItemScope, "remote_deleted", "the message was deleted"},
		"thread_not_found":                         {failure.Final, failure.ItemScope, "remote_deleted", "the message was deleted"},
		"cannot_reply_to_message":                  {failure.Final, failure.ItemScope, "not_repliable", "the message takes no replies"},
		"restricted_action_thread_locked":          {failure.Final, failure.ItemScope, "not_repliable", "the thread is locked"},
		"restricted_action_non_threadable_channel": {failure.Final, failure.IntegrationScope, "forbidden", "the channel takes no replies: set on_update to edit or post"},
	} {
		f, b := startBot(t, false)
		f.answers(200, nil, `{"ok":false,"error":"`+code+`"}`)
		_, err := b.Reply(t.Context(), aReply())
		e := failureOf(t, err)
		if e.Class != want.class || e.Scope != want.scope || e.Code != want.code || !strings.HasPrefix(e.Detail, want.detail) {
			t.Errorf("%s: %+v", code, e)
		}
	}
}
