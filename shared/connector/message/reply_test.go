package message

import (
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// C13: a reply says what has changed in one short line.
func TestReplyText(t *testing.T) {
	open := domain.Progress{State: domain.Open, Status: "planned", Priority: "low"}
	closed := domain.Progress{State: domain.Closed, Status: "done", Priority: "low"}
	gone := domain.Progress{Deleted: true}
	for want, r := range map[string]connector.Reply{
		"closed · status: planned → done":         {From: open, To: closed},
		"reopened · status: done → planned — Ada": {From: closed, To: open, ChangedBy: "Ada"},
		"deleted":                {From: open, To: gone},
		"restored":               {From: gone, To: open},
		"priority: low → urgent": {From: open, To: domain.Progress{State: domain.Open, Status: "planned", Priority: "urgent"}},
	} {
		if got := ReplyText(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
