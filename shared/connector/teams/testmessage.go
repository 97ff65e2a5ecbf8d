package teams

import (
	"context"
	"strings"

	"example.com/integrations/shared/connector"
)

// composeTest is the card of a test message. It has no marker: it belongs to no
// item.
func composeTest(t connector.TestMessage) card {
	made := newCard(connector.TestTitle + ". " + strings.Join(t.Lines(), " "))
	made.Body = []element{line("", run{Text: connector.TestTitle, Weight: bold, Size: "medium"})}
	for _, text := range t.Lines() {
		made.Body = append(made.Body, line("small", run{Text: text}))
	}

	return made
}

// Test posts the message. The workflow says that it was started, and never whether
// the message has arrived.
func (c *Connector) Test(ctx context.Context, t connector.TestMessage) (connector.Written, error) {
	if err := c.post(ctx, composeTest(t)); err != nil {
		return connector.Written{}, err
	}

	return connector.Written{Unproven: true}, nil
}
