package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// check asks what the service's own check asks.
func (t *Trial) check(ctx context.Context) (string, error) {
	checker, can := t.Connector.(connector.Checker)
	if !can {
		return "", notTried("the provider cannot be asked")
	}

	checks, err := checker.Check(ctx)
	var says []string
	refused := false
	for _, c := range checks {
		says = append(says, c.String())
		refused = refused || c.OK != nil && !*c.OK
	}

	detail := strings.Join(says, ", ")

	switch {
	case refused:
		t.stopped = "the check does not pass"
		return "", fmt.Errorf("%s: %w", detail, cmpError(err, "refused"))
	case err != nil:
		return "", fmt.Errorf("%s: %w", detail, err)
	}

	return detail, nil
}

func cmpError(err error, otherwise string) error {
	if err != nil {
		return err
	}

	return errors.New(otherwise)
}

// place resolves the place twice and has calls go there.
func (t *Trial) place(ctx context.Context) (string, error) {
	first, err := t.Connector.Resolve(ctx)
	if err != nil {
		t.stopped = "it is not known which place it is"
		return "", err
	}

	again, err := t.Connector.Resolve(ctx)
	if err != nil {
		return "", err
	}
	if again.ID != first.ID || again.Instance != first.Instance || again.Created != first.Created {
		return "", fmt.Errorf("%+v, then %+v", first, again)
	}

	t.Connector.Use(first)
	t.places = append(t.places, first)

	return fmt.Sprintf("%s, id %s", first.Name, first.ID), nil
}

// alone refuses a place with objects of others.
func (t *Trial) alone(ctx context.Context) (string, error) {
	objects, _, err := t.Connector.(connector.Puller).Changes(ctx, time.Time{}, 0)
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
func (t *Trial) created(ctx context.Context) (string, error) {
	o, w, err := t.make(ctx, t.item("a new object"))
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

	content := t.content(o.item)
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
func (t *Trial) form(text string, c connector.Content, m connector.Marker) string {
	if text == t.Connector.(connector.Puller).Look(c, m) {
		return "as it is sent"
	}

	return "in a form of the provider's own"
}

// read reads an object of the trial.
func (t *Trial) read(ctx context.Context, o *object) (connector.Object, error) {
	read, err := t.Connector.(connector.Puller).Read(ctx, o.sent.Remote)
	if err == nil && read.Remote.ID != o.sent.Remote.ID {
		err = fmt.Errorf("object %s was asked for, %s came", o.sent.Remote.ID, read.Remote.ID)
	}

	return read, err
}

// rendered is what spares a call: the content is the same each time.
func (t *Trial) rendered(context.Context) (string, error) {
	item := t.item("the same")
	first := t.Connector.Render(item).Hash()
	second := t.Connector.Render(item).Hash()
	if first != second {
		return "", errors.New("the same item gives two contents")
	}

	return "", nil
}

// first is the object that updates are tried at.
func (t *Trial) first() (*object, error) {
	if len(t.objects) == 0 || t.objects[0].lost {
		return nil, notTried("there is no object")
	}

	return t.objects[0], nil
}

func (t *Trial) updated(ctx context.Context) (string, error) {
	o, err := t.first()
	if err != nil {
		return "", err
	}

	before := o.sent.Seen.Text
	w, err := t.change(ctx, o, func(i *domain.Item) { i.Title = "Live check: another title & <b>signs</b>" })
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

func (t *Trial) labelled(ctx context.Context) (string, error) {
	o, err := t.first()
	if err != nil {
		return "", err
	}

	labelled := o.item
	labelled.Labels = []string{"live-check"}
	if len(t.Connector.Render(labelled).Labels) == 0 {
		return "", notTried("labels are not sent to this provider")
	}

	w, err := t.change(ctx, o, func(i *domain.Item) { i.Labels = labelled.Labels })
	if err != nil {
		return "", err
	}
	if w.Note != "" {
		return "", notTried("the provider left them out: %s", w.Note)
	}

	return "", nil
}

func (t *Trial) closed(ctx context.Context) (string, error) {
	return "", t.moves(ctx, domain.Closed)
}

func (t *Trial) reopened(ctx context.Context) (string, error) {
	return "", t.moves(ctx, domain.Open)
}

// moves closes or reopens the object.
func (t *Trial) moves(ctx context.Context, to domain.ItemState) error {
	o, err := t.first()
	if err != nil {
		return err
	}

	if _, err := t.change(ctx, o, func(i *domain.Item) { i.State = to }); err != nil {
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

// foundAgain loses the answer of a create and looks for what it made.
func (t *Trial) foundAgain(ctx context.Context) (string, error) {
	finder, can := t.Connector.(connector.Finder)
	if !can {
		return "", notTried("the provider cannot be asked what it holds: such a create is reported as unknown")
	}

	began := t.Clock.Now()
	t.Wire.LoseNext()
	o, _, err := t.make(ctx, t.item("an answer is lost"))
	lost := t.Wire.Lost()
	var e *failure.Error
	switch {
	case !lost && err != nil:
		return "", err
	case !lost:
		return "", errors.New("no write passed the wire")
	case err == nil:
		return "", errors.New("the create succeeded without an answer")
	case !errors.As(err, &e) || e.Class != failure.Ambiguous:
		return "", fmt.Errorf("the create without an answer is not in doubt: %w", err)
	}

	if err := t.find(ctx, finder, o, patience); err != nil {
		return "", err
	}

	after := t.Clock.Now().Sub(began).Round(time.Second)

	return fmt.Sprintf("found after %s", after), nil
}

// find looks for an object whose create was not answered, for a while.
func (t *Trial) find(ctx context.Context, finder connector.Finder, o *object, long time.Duration) error {
	began := t.Clock.Now()
	_, behind := finder.ClockLag()
	since := o.began.Add(-5*time.Minute - max(behind, 0))
	for {
		found, err := finder.Find(ctx, since, []connector.Marker{o.marker})
		if err != nil && !passing(err) {
			return err
		}

		if w, ok := found[o.item.ID]; ok {
			o.keep(w, t.content(o.item))
			return nil
		}

		if t.Clock.Now().Sub(began) > long {
			return fmt.Errorf("not found within %s", long)
		}

		if err := t.Clock.Sleep(ctx, look); err != nil {
			return err
		}
	}
}

// findLost looks for what was made and not answered, such as at Ctrl-C, so that it
// can be closed and deleted. What is not found the rows after it say.
func (t *Trial) findLost(ctx context.Context) {
	finder, can := t.Connector.(connector.Finder)
	for _, o := range t.objects {
		if o.lost && can {
			_ = t.find(ctx, finder, o, shortPatience) // it stays lost
		}
	}
}

// passing reports whether an error may pass by itself.
func passing(err error) bool {
	var e *failure.Error

	return errors.As(err, &e) && (e.Class == failure.Retryable || e.Class == failure.NotSent)
}

// clock is the offset of the provider's clock, by the Date of its answers.
func (t *Trial) clock(context.Context) (string, error) {
	finder, can := t.Connector.(connector.Finder)
	if !can {
		return "", notTried("its time is not needed")
	}

	last, _ := finder.ClockLag()
	if last == 0 {
		return "", errors.New("no answer has a Date")
	}

	return fmt.Sprintf("%s behind this machine's", last.Round(time.Second)), nil
}

// limits are the rate limit headers of the answers.
func (t *Trial) limits(context.Context) (string, error) {
	told := t.Wire.Limits()
	if len(told) == 0 {
		return "", notTried("no answer has such a header; %d calls were made", t.Wire.Calls())
	}

	return fmt.Sprintf("%s; %d calls were made", strings.Join(told, ", "), t.Wire.Calls()), nil
}
