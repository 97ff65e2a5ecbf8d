package message

import (
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A reply that says nothing would be refused. Whatever two standings of an item
// differ, their reply has words.
func TestEachReplyHasWords(t *testing.T) {
	var all []domain.Progress
	for _, state := range []domain.ItemState{domain.Open, domain.Closed} {
		for _, status := range []string{"", "planned", "closed"} {
			for _, priority := range []string{"", "high"} {
				for _, deleted := range []bool{false, true} {
					p := domain.ProgressOf(state, domain.Facts{Status: status, Priority: priority}, deleted)
					all = append(all, p)
				}
			}
		}
	}

	for _, from := range all {
		for _, to := range all {
			if from != to && ReplyText(connector.Reply{From: from, To: to}) == "" {
				t.Errorf("%+v → %+v", from, to)
			}
		}
	}
}
