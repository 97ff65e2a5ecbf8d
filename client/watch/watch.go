// Package watch follows a sync in the terminal: what was done, what remains,
// and what it waits for, in one line.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"example.com/integrations/client"
)

// A Watcher asks the API about a sync until it has ended. It only reads.
type Watcher struct {
	// Client repeats nothing by itself: each failure is shown.
	Client *client.Client
	Out    io.Writer
	// Width is how many columns the terminal has; nil if Out is none. Then
	// each line stays, has its time, and is written only when something changes.
	Width func() int
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	following bool      // a line was written over which the next one goes
	headline  string    // the last one's
	at        time.Time // of the last line that stays
}

const (
	// pause is the time between two questions.
	pause = time.Second
	// longestPause is the longest after a failure, unless the API wants more.
	longestPause = 10 * time.Second
	// plainEvery is how often a line that stays is written while only numbers
	// change.
	plainEvery = 10 * time.Second
	// justNow is how long ago a sync may have ended to be the one that is meant.
	justNow = time.Minute
)

// Follow shows an integration's sync until it has ended, and returns it. Without
// a sync it is the active one; when nothing runs, the last one is shown as it
// ended, nil if there was none. The error is a *client.Problem that says why
// there is nothing to watch, or the context's: with any other trouble it says so
// and tries again.
func (w *Watcher) Follow(ctx context.Context, integration, sync string) (*client.Run, error) {
	if sync == "" {
		run, err := w.current(ctx, integration)
		if err != nil || run == nil || !run.Active() {
			return run, err
		}
		sync = run.ID
	}

	for {
		run, err := ask(ctx, w, func() (client.Run, error) { return w.Client.GetSync(ctx, integration, sync) })
		if err != nil {
			return nil, err
		}

		if run.ID == "" { // the answer is not from the API
			w.clear()
			return nil, &client.Problem{Status: http.StatusOK, Code: "not_a_sync", Detail: "The answer is not a sync: is this the API's address?"}
		}

		if !run.Active() {
			w.last(ended(run)...)
			return &run, nil
		}

		w.show(progress(run, w.Now()))
		if err := w.Sleep(ctx, pause); err != nil {
			return nil, w.left(err)
		}
	}
}

// current finds the active run, or else says how the last one ended.
func (w *Watcher) current(ctx context.Context, integration string) (*client.Run, error) {
	status, err := ask(ctx, w, func() (client.Status, error) { return w.Client.GetStatus(ctx, integration) })
	if err != nil || status.ActiveRun != nil {
		return status.ActiveRun, err
	}

	start := "start one: POST /integrations/" + integration + "/sync"
	runs, err := ask(ctx, w, func() (client.List[client.Run], error) {
		return w.Client.ListSyncs(ctx, integration, client.Page{Limit: 1})
	})
	if err != nil {
		return nil, err
	}

	if len(runs.Items) == 0 {
		w.last("nothing runs, and nothing was synced yet", start)
		return nil, nil
	}

	run := runs.Items[0]
	if run.Active() { // it has begun just now, or only plans
		return &run, nil
	}

	lines := ended(run)
	if run.FinishedAt != nil && w.Now().Sub(*run.FinishedAt) < justNow {
		w.last(lines...) // it was started so long ago that it has ended
		return &run, nil
	}

	lines[0] = "nothing runs; the last sync: " + lines[0]
	w.last(append(lines, start)...)

	return &run, nil
}

// ask gets an answer, however long that takes.
func ask[T any](ctx context.Context, w *Watcher, question func() (T, error)) (T, error) {
	for again := pause; ; again = min(2*again, longestPause) {
		answer, err := question()
		wait := again
		var refused *client.Problem
		switch {
		case err == nil:
			return answer, nil
		case ctx.Err() != nil:
			return answer, w.left(ctx.Err())
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			w.clear()
			return answer, refused
		case refused != nil:
			wait = max(wait, refused.RetryAfter)
		}

		var dial *net.OpError // the rest says where, which a short line has no room for
		if errors.As(err, &dial) {
			err = dial
		}

		w.line(fmt.Sprintf("the API does not answer; asking again in %s (%v)", span(wait), err), true)
		w.headline = "" // say that it answers again
		if err := w.Sleep(ctx, wait); err != nil {
			return answer, w.left(err)
		}
	}
}

// left says that the sync goes on without a spectator.
func (w *Watcher) left(err error) error {
	if w.following {
		w.last("watching has ended; the sync goes on")
	}
	return err
}
