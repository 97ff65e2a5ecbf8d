// Package tracker is what the fake servers of trackers have in common: the journal
// of changes and writes, the issues and places that it leads to, the reading of
// requests, and the pages on which people look at issues and edit them.
package tracker

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// An Entry is a line of the journal: a write with its change, a refused write, or a
// change that no request made.
type Entry[C any] struct {
	Number int64            `json:"n,omitempty"`
	At     time.Time        `json:"at"`
	Write  *providers.Write `json:"write,omitempty"`
	Change C                `json:"change"`
}

// A Ledger stores the changes of one fake server in a journal and shows tests the
// writes, the violations and the creates. C is a change of that tracker.
type Ledger[C any] struct {
	providers.Watch

	now     func() time.Time
	apply   func(change C, at time.Time)
	journal *providers.Journal
	writes  providers.Log[Entry[C]]

	// deciding is held by a write from its decision to its commitment.
	deciding sync.Mutex
}

// Open opens the journal called name in dir. It calls apply for each change that
// the journal has, and from then on for each new change, one at a time.
func (l *Ledger[C]) Open(dir, name string, now func() time.Time, apply func(change C, at time.Time)) error {
	l.now = now
	l.apply = apply

	var err error
	l.journal, err = providers.OpenJournal(filepath.Join(dir, name+".jsonl"), func(line []byte) error {
		var read Entry[C]
		if err := json.Unmarshal(line, &read); err != nil {
			return err
		}

		l.remember(read)
		return nil
	})

	return err
}

// Close closes the journal.
func (l *Ledger[C]) Close() error { return l.journal.Close() }

// Commit stores a change, then makes it visible. The caller is inside Alone.
func (l *Ledger[C]) Commit(change C) error { return l.commit(Entry[C]{Change: change}) }

func (l *Ledger[C]) commit(made Entry[C]) error {
	made.At = l.now().UTC()
	if err := l.journal.Append(made); err != nil {
		return err
	}

	l.remember(made)
	return nil
}

func (l *Ledger[C]) remember(made Entry[C]) {
	if made.Write != nil {
		l.writes.Add(made.Number, made)
	}

	l.apply(made.Change, made.At)
}

// Alone runs a step while no other write or step is being decided.
func (l *Ledger[C]) Alone(step func() error) error {
	l.deciding.Lock()
	defer l.deciding.Unlock()
	return step()
}

// Written is a write that has arrived.
type Written struct {
	*http.Request

	Path    string // as the log of writes has it
	Body    []byte
	Creates bool
}

// A Decision is the outcome of a write: the account that sent it, the status of the
// answer, and the change.
type Decision[C any] struct {
	User   string
	Status int
	Change C
}

// Take carries out a write. It is decided, stored and counted as one step, so that
// no answered write is lost or done twice. The error is the journal's.
func (l *Ledger[C]) Take(w Written, decide func() Decision[C]) error {
	number := l.writes.Arrive()
	at := l.now().UTC()
	n := 0
	if w.Creates {
		n = l.Arrive()
	}

	status := 0
	err := l.Alone(func() error {
		d := decide()
		status = d.Status

		return l.commit(Entry[C]{Number: number, Change: d.Change, Write: &providers.Write{
			At: at, User: d.User, Method: w.Method, Path: w.Path, Body: providers.JSONBody(w.Body), Status: d.Status, Fault: faults.Of(w.Context()),
		}})
	})

	if err == nil && w.Creates && status == http.StatusCreated {
		l.Tell(providers.Applied, n)
	}

	return err
}

// Note logs a write that a fault answered in place of the API.
func (l *Ledger[C]) Note(w providers.Write) {
	_ = l.commit(Entry[C]{Number: l.writes.Arrive(), Write: &w})
}

// Writes lists all writes that arrived, applied or refused, in the order in which
// they arrived.
func (l *Ledger[C]) Writes() []providers.Write {
	writes := []providers.Write{}
	for _, one := range l.writes.All() {
		writes = append(writes, *one.Write)
	}

	return writes
}

// History lists the writes that match, in their order.
func (l *Ledger[C]) History(matches func(Entry[C]) bool) []providers.Write {
	var history []providers.Write
	for _, one := range l.writes.All() {
		if matches(one) {
			history = append(history, *one.Write)
		}
	}

	return history
}

// CheckAnswer records a violation if an answer breaks the contract. A request that
// the contract does not describe passes.
func (l *Ledger[C]) CheckAnswer(c *providers.Contract, r *http.Request, a faults.Answer) {
	err := c.CheckResponse(r, a.Status, a.Header, a.Body)
	if err != nil && !errors.Is(err, providers.ErrNoOperation) {
		l.Violation("answer %d to %s %s: %v", a.Status, r.Method, r.URL.Path, err)
	}
}
