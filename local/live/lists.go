package live

import (
	"context"
	"fmt"
	"time"

	"example.com/integrations/shared/connector"
)

// walk goes through what changed since the trial began.
func (t *trackerTrial) walk(ctx context.Context, see func(connector.Object)) error {
	_, behind := t.Connector.(connector.Finder).ClockLag()
	since := t.made.began.Add(-time.Minute - max(behind, 0)).Truncate(time.Second)
	seen := map[string]bool{}
	for offset := 0; ; {
		objects, more, err := t.puller.Changes(ctx, since, offset)
		if err != nil {
			return err
		}

		for _, o := range objects {
			if !o.Ignored && !seen[o.Remote.ID] {
				seen[o.Remote.ID] = true
				see(o)
			}
		}

		if !more || len(objects) == 0 {
			return nil
		}

		offset += len(objects)
	}
}

// listed waits until the list shows each object as it was last written. None may
// be there twice.
func (t *trackerTrial) listed(ctx context.Context) (string, error) {
	began := t.Clock.Now()
	for {
		shown := map[string]string{}
		carried := map[connector.Marker]int{}
		err := t.walk(ctx, func(o connector.Object) {
			shown[o.Remote.ID] = o.Seen.Text
			for _, m := range o.Markers {
				carried[m]++
			}
		})
		if err != nil && !passing(err) {
			return "", err
		}

		missing := 0
		for _, o := range t.made.all {
			if carried[o.marker] > 1 {
				return "", fmt.Errorf("%q is there %d times", o.item.Title, carried[o.marker])
			}

			if text, there := shown[o.sent.Remote.ID]; !o.lost && (!there || o.sent.Seen.Text != "" && text != o.sent.Seen.Text) {
				missing++
			}
		}

		waited := t.Clock.Now().Sub(began).Round(time.Second)
		switch {
		case missing == 0:
			return fmt.Sprintf("%d objects after %s", len(t.made.all), waited), nil
		case waited > patience:
			return "", fmt.Errorf("%d of %d objects are missing or as before after %s", missing, len(t.made.all), waited)
		}

		if err := t.Clock.Sleep(ctx, look); err != nil {
			return "", err
		}
	}
}

// editPromise is the row that a person, or a second account, is needed for.
const editPromise = "a person's edit is seen"

// personsEdit lets a person or another account edit an object, and waits until the list
// shows it.
func (t *trackerTrial) personsEdit(ctx context.Context) (string, error) {
	o, err := t.made.first()
	switch {
	case err != nil:
		return "", err
	case t.Ask == nil && t.Person == nil:
		return "", notTried("no person is there to edit")
	}

	if err := t.editAsPerson(ctx, o); err != nil {
		return "", err
	}

	began := t.Clock.Now()
	for {
		seen := false
		err := t.walk(ctx, func(shown connector.Object) {
			seen = seen || shown.Remote.ID == o.sent.Remote.ID && shown.Seen.Text != o.sent.Seen.Text
		})
		waited := t.Clock.Now().Sub(began).Round(time.Second)
		switch {
		case err != nil && !passing(err):
			return "", err
		case seen:
			return fmt.Sprintf("seen after %s", waited), nil
		case waited > patience:
			return "", fmt.Errorf("not seen within %s", patience)
		}

		if err := t.Clock.Sleep(ctx, look); err != nil {
			return "", err
		}
	}
}

// renamed asks a person to rename the place.
func (t *trackerTrial) renamed(ctx context.Context) (string, error) {
	if t.Ask == nil {
		return "", notTried("no person is there to rename it")
	}

	before, err := t.Connector.Resolve(ctx)
	if err != nil {
		return "", err
	}

	if err := t.Ask(ctx, "Rename "+before.Name+" at the provider, and leave its address as it is if you can"); err != nil {
		return "", err
	}

	after, err := t.Connector.Resolve(ctx)
	switch {
	case err != nil:
		return "", err
	case after.ID != before.ID || after.Created != before.Created:
		return "", fmt.Errorf("it was id %s and is %s", before.ID, after.ID)
	}

	t.Connector.Use(after)
	t.places = append(t.places, after)

	return before.Name + " is " + after.Name, nil
}
