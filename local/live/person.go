package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector"
)

// personsTitle is what the second account makes of a title.
const personsTitle = "Live check: a title that another account wrote"

// second is what a second account at a line's place is held against.
type second struct {
	accepted configuration.Accepted
	up       Upstream
}

// OpenPerson opens a second connector to the place of a line, with the
// configuration of another account. What passes there is noted by the line's own
// recorder, and Save keeps the secrets of both configurations out of a recording.
// The errors are those of Open, and those of a configuration that has a token of
// the first one or leads to another place.
func (l *Line) OpenPerson(text string) (*Line, error) {
	if _, can := l.Connector.(connector.Puller); !can {
		return nil, errors.New("no edit of a person is looked for in a chat")
	}

	theirs, err := configuration.Accept(l.provider, text, nil)
	if err != nil {
		return nil, err
	}

	first := l.second.accepted
	if theirs.Destination.Target != first.Destination.Target {
		return nil, errors.New("it leads to another place than the first configuration: both must name it in the same words")
	}

	for name, secret := range theirs.NewSecrets {
		if slices.Contains(slices.Collect(maps.Values(first.NewSecrets)), secret) {
			return nil, fmt.Errorf("its %s is that of the first configuration: give it the token of another account", name)
		}
	}

	person, err := openLine(l.provider, theirs, l.second.up, l.Recorder)
	if err != nil {
		return nil, err
	}

	l.secrets = append(l.secrets, person.secrets...)
	maps.Copy(l.places, person.places)

	return person, nil
}

// editAsPerson has another account edit the title of an object, or asks a person
// to edit its text. The marker stays in the object.
func (t *trackerTrial) editAsPerson(ctx context.Context, o *object) error {
	if t.Person == nil {
		return t.Ask(ctx, "Change the text of "+o.sent.Remote.URL)
	}

	t.underAs(editPromise, "person")
	defer t.under(editPromise)

	if err := t.samePlace(ctx); err != nil {
		return err
	}

	if err := t.Clock.Sleep(ctx, pause); err != nil {
		return err
	}

	edited := o.item
	edited.Title = personsTitle
	edited.Version++
	c := changed(t.Person, o.item, edited)
	if _, err := t.Person.Update(ctx, o.sent, c, o.marker); err != nil {
		return fmt.Errorf("the second account cannot edit it: %w", err)
	}

	return nil
}

// samePlace makes sure that both accounts work in one place.
func (t *trackerTrial) samePlace(ctx context.Context) error {
	theirs, err := t.Person.Resolve(ctx)
	if err != nil {
		return fmt.Errorf("the second account does not find the place: %w", err)
	}

	if ours := t.places[0]; theirs.Instance != ours.Instance || theirs.ID != ours.ID || theirs.Created != ours.Created {
		return fmt.Errorf("the second account works in %s, id %s, which is another place", theirs.Name, theirs.ID)
	}

	t.Person.Use(theirs)

	return nil
}
