// Package live holds a connector against a real account, or against a fake server:
// each promise that the service rests on is tried once, in a place that was made
// for it.
package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const (
	// MostObjects and MostMessages bound what one trial makes at a tracker and in a
	// chat.
	MostObjects  = 40
	MostMessages = 12
	// pause is between two writes. It keeps below the published limit of every
	// provider, which is one message a second in a channel at the lowest.
	pause = 1100 * time.Millisecond
	// patience is how long is waited for a list to show what is there, look is
	// the time between two looks.
	patience = 3 * time.Minute
	look     = 5 * time.Second
	// shortPatience is how long is looked at the end for what was not answered.
	shortPatience = 30 * time.Second
)

// An Outcome says whether a promise is kept.
type Outcome string

// The outcomes.
const (
	Kept   Outcome = "kept"
	Broken Outcome = "BROKEN"
	// NotTried: the provider, or this trial, cannot try it. The row says why.
	NotTried Outcome = "not tried"
)

// A Row is a promise and what became of it.
type Row struct {
	Promise string
	Outcome Outcome
	Detail  string
}

// A Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// A Trial is one run of all scenarios.
type Trial struct {
	Connector connector.Connector
	Wire      *Wire
	Clock     Clock
	// Recorder is told which promise is tried; nil: nothing is recorded.
	Recorder *recording.Recorder
	// Yes allows a trial in a place that holds objects of others, and posts to a
	// chat.
	Yes bool
	// Ask has a person do something at the provider, and returns when it is done.
	// nil says that no person is there.
	Ask func(ctx context.Context, what string) error
	// Person is a connector to the same place with another account's token. It
	// edits in place of a person. nil: there is none.
	Person connector.Connector

	integration domain.Snowflake
	began       time.Time
	objects     []*object
	places      []connector.Place
	stopped     string // why nothing more is tried
}

// An object is one that the trial has made.
type object struct {
	item   domain.Item
	marker connector.Marker
	sent   connector.Sent
	// lost: its create was not answered, and it was not found.
	lost bool
	// began is when its create began.
	began time.Time
}

// errNotTried is for a promise that cannot be tried.
type errNotTried struct{ why string }

func (e errNotTried) Error() string { return e.why }

// notTried says why a promise cannot be tried.
func notTried(why string, args ...any) error { return errNotTried{fmt.Sprintf(why, args...)} }

// A scenario tries one promise. Its detail is a measurement or a remark.
type scenario struct {
	promise string
	try     func(t *Trial, ctx context.Context) (detail string, err error)
}

// Run tries all promises, then closes and deletes what it has made. An error says
// that the trial could not begin or end, such as a cancelled context.
func (t *Trial) Run(ctx context.Context) ([]Row, error) {
	t.began = t.Clock.Now()
	t.integration = domain.NewSnowflake(t.began)

	var rows []Row
	for _, s := range t.scenarios() {
		if t.stopped != "" {
			rows = append(rows, Row{s.promise, NotTried, t.stopped})
			continue
		}

		t.under(s.promise)
		detail, err := s.try(t, ctx)
		if ctx.Err() != nil {
			break
		}

		rows = append(rows, row(s.promise, detail, err))
	}

	t.under("close")

	// What was made is closed and deleted also after the trial was stopped by its
	// context.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	t.findLost(closing)
	rows = append(rows, row("what the trial made is closed", "", t.clean(closing)))

	t.under("delete")
	detail, err := t.deleted(closing)
	rows = append(rows, row(deletedPromise, detail, err))

	return rows, ctx.Err()
}

// Places is the place as it was resolved, once for each name that it had.
func (t *Trial) Places() []connector.Place { return t.places }

// under has the exchanges that follow be recorded under a promise.
func (t *Trial) under(promise string) { t.underAs(promise, "ours") }

// underAs is under for the exchanges of a role.
func (t *Trial) underAs(promise, role string) {
	if t.Recorder != nil {
		t.Recorder.Case(strings.Join(strings.FieldsFunc(promise, func(r rune) bool { return r < 'a' || r > 'z' }), "-"), role, "")
	}
}

func row(promise, detail string, err error) Row {
	var not errNotTried
	switch {
	case errors.As(err, &not):
		return Row{promise, NotTried, not.why}
	case err != nil:
		return Row{promise, Broken, err.Error()}
	}

	return Row{promise, Kept, detail}
}

// scenarios are those of a tracker or of a chat, in their order.
func (t *Trial) scenarios() []scenario {
	all := []scenario{
		{"the check passes", (*Trial).check},
		{"the place is the same each time it is asked", (*Trial).place},
	}
	if _, chat := t.Connector.(connector.Chat); chat {
		return append(all,
			scenario{"a chat is posted to only if it is allowed", (*Trial).allowed},
			scenario{"a message is posted", (*Trial).posted},
			scenario{"the same item needs no second call", (*Trial).rendered},
			scenario{"a changed item changes its message", (*Trial).edited},
			scenario{"a message whose answer was lost is found", (*Trial).foundAgain},
			scenario{"the provider's clock is known", (*Trial).clock},
			scenario{"limits are told", (*Trial).limits},
		)
	}

	return append(all,
		scenario{"the place holds nothing of others", (*Trial).alone},
		scenario{"an object is created and read as it was sent", (*Trial).created},
		scenario{"the same item needs no second call", (*Trial).rendered},
		scenario{"an update arrives", (*Trial).updated},
		scenario{"labels are taken", (*Trial).labelled},
		scenario{"an object is closed", (*Trial).closed},
		scenario{"an object is reopened", (*Trial).reopened},
		scenario{"a create whose answer was lost is found", (*Trial).foundAgain},
		scenario{"the list shows every object, each once", (*Trial).listed},
		scenario{editPromise, (*Trial).personsEdit},
		scenario{"the place is known again under a new name", (*Trial).renamed},
		scenario{"the provider's clock is known", (*Trial).clock},
		scenario{"limits are told", (*Trial).limits},
	)
}

// item is a new item of the trial.
func (t *Trial) item(title string) domain.Item {
	now := t.Clock.Now().UTC()
	id := domain.NewSnowflake(now)

	return domain.Item{
		ID: id, FormattedNumber: fmt.Sprintf("LIVE-%d", len(t.objects)+1), Version: 1, State: domain.Open,
		Title:       "Live check: " + title,
		Description: "Made by a live check of Integrations. It may be **deleted**.\n\n- `one`\n- two",
	}
}

// signed is the marker of a new object. Nobody but this trial looks for it, so it
// needs no secret signature, only one of the right form.
func (t *Trial) signed(item domain.Snowflake) connector.Marker {
	m := connector.Marker{Integration: t.integration, Item: item, Attempt: 1}
	m.Tag = connector.NewTag(t.began.Add(-time.Hour), []byte(fmt.Sprintf("%010d", item%1e10)))

	return m
}

// make creates an object. What is made is closed at the end, also where the
// answer was lost.
func (t *Trial) make(ctx context.Context, item domain.Item) (*object, connector.Written, error) {
	most := MostObjects
	_, chat := t.Connector.(connector.Chat)
	if chat {
		most = MostMessages
	}

	if len(t.objects) >= most {
		return nil, connector.Written{}, notTried("the trial makes at most %d objects", most)
	}

	if err := t.Clock.Sleep(ctx, pause); err != nil {
		return nil, connector.Written{}, err
	}

	content := t.content(item)
	o := &object{item: item, marker: t.signed(item.ID), began: t.Clock.Now()}
	t.objects = append(t.objects, o)

	w, err := t.Connector.Create(ctx, content, o.marker)
	var e *failure.Error
	switch {
	case err == nil:
		o.keep(w, content)
	case errors.As(err, &e) && e.Class != failure.Ambiguous: // nothing was made
		t.objects = t.objects[:len(t.objects)-1]
	default:
		o.lost = true
	}

	return o, w, err
}

// content is what is sent of an item first: a tracker's object is open.
func (t *Trial) content(item domain.Item) connector.Content {
	c := t.Connector.Render(item)
	if _, chat := t.Connector.(connector.Chat); !chat {
		c.State = domain.Open
	}

	return c
}

// keep notes what the provider has taken.
func (o *object) keep(w connector.Written, c connector.Content) {
	o.lost = false
	o.sent = connector.Sent{Remote: w.Remote, Labels: c.Labels, State: c.State, Seen: w.Seen}
}

// change updates an object and says what it looks like after that.
func (t *Trial) change(ctx context.Context, o *object, change func(*domain.Item)) (connector.Written, error) {
	if err := t.Clock.Sleep(ctx, pause); err != nil {
		return connector.Written{}, err
	}

	before := o.item
	change(&o.item)
	o.item.Version++
	c := changed(t.Connector, before, o.item)

	w, err := t.Connector.Update(ctx, o.sent, c, o.marker)
	if err == nil {
		o.keep(w, c)
	}

	return w, err
}

// changed is the content of a changed item, with what was sent of it before.
func changed(c connector.Connector, before, after domain.Item) connector.Content {
	was := c.Render(before)
	content := c.Render(after)
	content.Previous = was.AsPrevious()

	return content
}

// clean closes each tracker's object that is open. A message has no state.
func (t *Trial) clean(ctx context.Context) error {
	if _, chat := t.Connector.(connector.Chat); chat {
		return notTried("a message cannot be closed")
	}

	var failed []error
	for _, o := range t.objects {
		switch {
		case o.lost:
			failed = append(failed, fmt.Errorf("the object %q was not found", o.item.Title))
		case o.item.State != domain.Closed:
			if _, err := t.change(ctx, o, func(i *domain.Item) { i.State = domain.Closed }); err != nil {
				failed = append(failed, fmt.Errorf("close %s: %w", o.sent.Remote.URL, err))
			}
		}
	}

	return errors.Join(failed...)
}
