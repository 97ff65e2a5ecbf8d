package message

import (
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// maxReply bounds a reply, in code points.
const maxReply = 300

// ReplyText is what a reply says: what has changed since the reply before it, and
// who changed it, such as "status: planned → done — Ada". It is plain text of one
// line. The same reply always has the same text.
func ReplyText(r connector.Reply) string {
	from := r.From
	to := r.To
	if from.Deleted { // it had a status, but no reply said which one
		from.Status = to.Status
		from.Priority = to.Priority
	}

	says := strings.Join(Progress(connector.Content{
		State:   to.State,
		Deleted: to.Deleted,
		Facts:   domain.Facts{Status: to.Status, Priority: to.Priority},
		Previous: &connector.PreviousMessage{
			State:   from.State,
			Deleted: from.Deleted,
			Facts:   domain.Facts{Status: from.Status, Priority: from.Priority},
		},
	}), separator)
	if r.ChangedBy != "" {
		says += " — " + r.ChangedBy
	}

	return markup.Cut(says, maxReply, "…")
}
