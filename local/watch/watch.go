// Package watch follows a sync in the terminal: what was done, what remains,
// and what it waits for, in one line.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"integrations/shared/domain"
)

// A Watcher asks the API about a sync until it has ended. It only reads.
type Watcher struct {
	API    string // the API's address
	Token  string
	Client *http.Client
	Out    io.Writer
	// Width is how many columns the terminal has; nil if Out is none. Then
	// each line stays, has its time, and comes only when there is news.
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
)

// A Refusal is the API's answer that there is nothing to watch: the caller may
// not, or nothing has that id.
type Refusal struct {
	Status       int
	Code, Detail string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// Follow shows an integration's sync until it has ended, and returns it. Without
// a sync it is the active one; when nothing runs, the last one is shown as it
// ended, nil if there was none. The error is a *Refusal or the context's: with
// any other trouble it says so and tries again.
func (w *Watcher) Follow(ctx context.Context, integration, sync string) (*domain.Run, error) {
	base := w.API + "/integrations/" + url.PathEscape(integration)
	if sync == "" {
		run, err := w.current(ctx, base)
		if err != nil || run == nil || !run.Status.Active() {
			return run, err
		}
		sync = run.ID.String()
	}
	for {
		var run domain.Run
		if err := w.ask(ctx, base+"/syncs/"+url.PathEscape(sync), &run); err != nil {
			return nil, err
		}
		if run.ID == 0 { // whoever answers is not the API
			w.clear()
			return nil, &Refusal{Status: http.StatusOK, Code: "not_a_sync", Detail: "The answer is not a sync: is this the API's address?"}
		}
		if !run.Status.Active() {
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
func (w *Watcher) current(ctx context.Context, base string) (*domain.Run, error) {
	var status struct {
		ActiveRun *domain.Run `json:"active_run"`
	}
	if err := w.ask(ctx, base+"/status", &status); err != nil || status.ActiveRun != nil {
		return status.ActiveRun, err
	}
	start := "start one: POST " + strings.TrimPrefix(base, w.API) + "/sync"
	var runs struct{ Items []domain.Run }
	if err := w.ask(ctx, base+"/syncs?limit=1", &runs); err != nil {
		return nil, err
	}
	if len(runs.Items) == 0 {
		w.last("nothing runs, and nothing was synced yet", start)
		return nil, nil
	}
	run := runs.Items[0]
	if run.Status.Active() { // it has begun just now, or only plans
		return &run, nil
	}
	lines := ended(run)
	lines[0] = "nothing runs; the last sync: " + lines[0]
	w.last(append(lines, start)...)
	return &run, nil
}

// ask gets an answer, however long that takes.
func (w *Watcher) ask(ctx context.Context, address string, answer any) error {
	for again := pause; ; again = min(2*again, longestPause) {
		wait, err := w.get(ctx, address, answer)
		var refused *Refusal
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return w.left(ctx.Err())
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			w.clear()
			return refused
		}
		wait = max(wait, again)
		var long *url.Error // it begins with the whole address, and a line is short
		if errors.As(err, &long) {
			err = long.Err
		}
		w.line(fmt.Sprintf("the API does not answer; asking again in %s (%v)", span(wait), err), true)
		w.headline = "" // that it answers again is news
		if err := w.Sleep(ctx, wait); err != nil {
			return w.left(err)
		}
	}
}

// maxAnswer is more than any answer has.
const maxAnswer = 1 << 20

// get asks once. With an error it says how long the API wants to be left alone.
func (w *Watcher) get(ctx context.Context, address string, answer any) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, &Refusal{Status: http.StatusBadRequest, Code: "invalid_address", Detail: err.Error()}
	}
	r.Header.Set("Authorization", "Bearer "+w.Token)
	resp, err := w.Client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(seconds) * time.Second, refusal(resp.StatusCode, body)
	}
	return 0, json.Unmarshal(body, answer)
}

// refusal reads a problem document (RFC 9457), or what the gateway says in its
// stead.
func refusal(status int, body []byte) *Refusal {
	r := &Refusal{Status: status, Code: "refused", Detail: http.StatusText(status)}
	var problem struct{ Code, Detail, Message string }
	if json.Unmarshal(body, &problem) != nil {
		return r
	}
	if problem.Message != "" {
		r.Detail = problem.Message
	}
	if problem.Code != "" {
		r.Code, r.Detail = problem.Code, problem.Detail
	}
	return r
}

// left says that the sync goes on without a spectator.
func (w *Watcher) left(err error) error {
	if w.following {
		w.last("watching has ended; the sync goes on")
	}
	return err
}
