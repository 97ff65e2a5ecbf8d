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
)

const (
	// MostObjects bounds what one trial makes at a tracker.
	MostObjects = 40
	// MostMessages bounds what one trial makes in a chat.
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
	// Recorder records the exchanges by promise; nil records nothing.
	Recorder *recording.Recorder
	// Yes allows a trial in a place that holds objects of others, and posts to a
	// chat.
	Yes bool
	// Ask asks a person to do something at the provider, and returns when it is done.
	// nil if no person is there.
	Ask func(ctx context.Context, what string) error
	// Person is a connector to the same place with another account's token. It
	// edits in place of a person. nil: there is none.
	Person connector.Connector

	made    *objects
	places  []connector.Place
	stopped string // why nothing more is tried
}

// errNotTried is for a promise that cannot be tried.
type errNotTried struct{ why string }

func (e errNotTried) Error() string { return e.why }

// notTried says why a promise cannot be tried.
func notTried(why string, args ...any) error { return errNotTried{fmt.Sprintf(why, args...)} }

// A scenario tries one promise. Its detail is a measurement or a remark.
type scenario struct {
	promise string
	try     func(ctx context.Context) (detail string, err error)
}

// Run tries all promises, then closes and deletes what it has made. An error says
// that the trial could not begin or end, such as a cancelled context.
func (t *Trial) Run(ctx context.Context) ([]Row, error) {
	t.made = newObjects(t.Connector, t.Clock)

	var rows []Row
	for _, s := range t.scenarios() {
		if t.stopped != "" {
			rows = append(rows, Row{s.promise, NotTried, t.stopped})
			continue
		}

		t.under(s.promise)
		detail, err := s.try(ctx)
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
	t.made.findLost(closing)
	rows = append(rows, row("what the trial made is closed", "", t.made.closeAll(closing)))

	t.under("delete")
	remover := &remover{connector: t.Connector, wire: t.Wire, clock: t.Clock, made: t.made}
	detail, err := remover.deleted(closing)
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
		{"the check passes", t.check},
		{"the place is the same each time it is asked", t.place},
	}
	if chat, is := t.Connector.(connector.Chat); is {
		c := &chatTrial{Trial: t, chat: chat}
		return append(all,
			scenario{"a chat is posted to only if it is allowed", c.allowed},
			scenario{"a message is posted", c.posted},
			scenario{"the same item needs no second call", t.rendered},
			scenario{"a changed item changes its message", c.edited},
			scenario{"a message whose answer was lost is found", t.foundAgain},
			scenario{"the provider's clock is known", t.clock},
			scenario{"limits are told", t.limits},
		)
	}

	k := &trackerTrial{Trial: t, puller: t.Connector.(connector.Puller)}
	return append(all,
		scenario{"the place holds nothing of others", k.alone},
		scenario{"an object is created and read as it was sent", k.created},
		scenario{"the same item needs no second call", t.rendered},
		scenario{"an update arrives", k.updated},
		scenario{"labels are taken", k.labelled},
		scenario{"an object is closed", k.closed},
		scenario{"an object is reopened", k.reopened},
		scenario{"a create whose answer was lost is found", t.foundAgain},
		scenario{"the list shows every object, each once", k.listed},
		scenario{editPromise, k.personsEdit},
		scenario{"the place is known again under a new name", k.renamed},
		scenario{"the provider's clock is known", t.clock},
		scenario{"limits are told", t.limits},
	)
}
