package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A trackerTrial tries the promises of a tracker, whose objects can be read and listed.
type trackerTrial struct {
	*Trial
	puller connector.Puller
}

// alone refuses a place with objects of others.
func (t *trackerTrial) alone(ctx context.Context) (string, error) {
	objects, _, err := t.puller.Changes(ctx, time.Time{}, 0)
	if err != nil {
		t.stopped = "the place cannot be listed"
		return "", err
	}

	others := 0
	for _, o := range objects {
		if !o.Ignored {
			others++
		}
	}

	switch {
	case others == 0:
		return "it is empty", nil
	case t.Yes:
		return "", notTried("it holds objects of others; YES=1 allows that")
	}

	t.stopped = "the place holds objects of others"

	return "", errors.New("it holds objects of others: make a place for the trial, or allow it with YES=1")
}

// created makes an object and reads it.
func (t *trackerTrial) created(ctx context.Context) (string, error) {
	o, w, err := t.made.make(ctx, t.made.item("a new object"))
	if err != nil {
		t.stopped = "nothing can be created"
		return "", err
	}

	if w.Remote.ID == "" || w.Remote.URL == "" {
		return "", fmt.Errorf("the answer names no object: %+v", w.Remote)
	}

	read, err := t.read(ctx, o)
	if err != nil {
		return "", err
	}

	content := t.made.content(o.item)
	switch {
	case read.Title != content.Title:
		return "", fmt.Errorf("the title is %q, %q was sent", read.Title, content.Title)
	case read.Seen.State != domain.Open:
		return "", fmt.Errorf("it is %s", read.Seen.State)
	case !slices.Contains(read.Markers, o.marker):
		return "", fmt.Errorf("it does not carry its marker: %+v", read.Markers)
	case read.Seen.Text != w.Seen.Text:
		return "", errors.New("it is read in another form than the create's answer shows")
	}

	return w.Remote.URL + ", the text is stored " + t.form(read.Seen.Text, content, o.marker), nil
}

// form says whether the provider stores a text as it is sent.
func (t *trackerTrial) form(text string, c connector.Content, m connector.Marker) string {
	if text == t.puller.Look(c, m) {
		return "as it is sent"
	}

	return "in a form of the provider's own"
}

// read reads an object of the trial.
func (t *trackerTrial) read(ctx context.Context, o *object) (connector.Object, error) {
	read, err := t.puller.Read(ctx, o.sent.Remote)
	if err == nil && read.Remote.ID != o.sent.Remote.ID {
		err = fmt.Errorf("object %s was asked for, %s came", o.sent.Remote.ID, read.Remote.ID)
	}

	return read, err
}

func (t *trackerTrial) updated(ctx context.Context) (string, error) {
	o, err := t.made.first()
	if err != nil {
		return "", err
	}

	before := o.sent.Seen.Text
	w, err := t.made.change(ctx, o, func(i *domain.Item) { i.Title = "Live check: another title & <b>signs</b>" })
	if err != nil {
		return "", err
	}

	read, err := t.read(ctx, o)
	switch {
	case err != nil:
		return "", err
	case read.Seen.Text == before:
		return "", errors.New("it looks as before")
	case read.Seen.Text != w.Seen.Text:
		return "", errors.New("it is read in another form than the update's answer shows")
	case read.Seen.State != domain.Open:
		return "", fmt.Errorf("the update of a text made it %s", read.Seen.State)
	}

	return "", nil
}

func (t *trackerTrial) labelled(ctx context.Context) (string, error) {
	o, err := t.made.first()
	if err != nil {
		return "", err
	}

	labelled := o.item
	labelled.Labels = []string{"live-check"}
	if len(t.Connector.Render(labelled).Labels) == 0 {
		return "", notTried("labels are not sent to this provider")
	}

	w, err := t.made.change(ctx, o, func(i *domain.Item) { i.Labels = labelled.Labels })
	if err != nil {
		return "", err
	}
	if w.Note != "" {
		return "", notTried("the provider left them out: %s", w.Note)
	}

	return "", nil
}

func (t *trackerTrial) closed(ctx context.Context) (string, error) {
	return "", t.moves(ctx, domain.Closed)
}

func (t *trackerTrial) reopened(ctx context.Context) (string, error) {
	return "", t.moves(ctx, domain.Open)
}

// moves closes or reopens the object.
func (t *trackerTrial) moves(ctx context.Context, to domain.ItemState) error {
	o, err := t.made.first()
	if err != nil {
		return err
	}

	if _, err := t.made.change(ctx, o, func(i *domain.Item) { i.State = to }); err != nil {
		return err
	}

	read, err := t.read(ctx, o)
	if err != nil {
		return err
	}
	if read.Seen.State != to {
		return fmt.Errorf("it is %s", read.Seen.State)
	}

	return nil
}
