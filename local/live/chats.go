package live

import (
	"context"
	"fmt"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A chatTrial tries the promises of a chat.
type chatTrial struct {
	*Trial
	chat connector.Chat
}

// allowed stops a trial in a chat that was not allowed.
func (t *chatTrial) allowed(context.Context) (string, error) {
	if !t.Yes {
		t.stopped = "nothing is posted without YES=1"
		return "", notTried("%s", t.stopped)
	}

	return fmt.Sprintf("at most %d messages", MostMessages), nil
}

func (t *chatTrial) posted(ctx context.Context) (string, error) {
	_, w, err := t.made.make(ctx, t.made.item("a new message"))
	switch {
	case err != nil:
		t.stopped = "nothing can be posted"
		return "", err
	case w.Unproven:
		return "the provider gives no proof that it is there", nil
	}

	return w.Remote.URL, nil
}

func (t *chatTrial) edited(ctx context.Context) (string, error) {
	o, err := t.made.first()
	if err != nil {
		return "", err
	}
	if !t.chat.DeliveryMode().Edits {
		return "", notTried("each change is a message of its own")
	}

	if _, err := t.made.change(ctx, o, func(i *domain.Item) { i.State = domain.Closed }); err != nil {
		return "", err
	}

	return "", nil
}
