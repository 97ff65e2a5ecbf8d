package faults

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/http"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

// maxBody is how much is read of a request: as much as any of the fake servers reads.
const maxBody = 16 << 20

// Wrap returns the provider's API with the faults applied to its calls.
func (k *Kit) Wrap(api http.Handler) http.Handler {
	if k == nil {
		return api
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		idle := !k.any(func(*active) bool { return true })
		if idle {
			api.ServeHTTP(w, r)
			return
		}

		call := k.hooks.Call(r)
		if k.any(func(a *active) bool { return a.Pattern != "" }) {
			call.body = Body(r)
		}

		h, err := k.strike(r, call)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}

		if len(h.names) > 0 {
			r = r.WithContext(context.WithValue(r.Context(), hitKey{}, h))
		}

		k.answer(w, r, call, h.last, api)
	})
}

// answer sends the answer that a fault makes of the usual one. Without a fault it is
// the usual one.
func (k *Kit) answer(w http.ResponseWriter, r *http.Request, call Call, a *active, api http.Handler) {
	if a == nil {
		api.ServeHTTP(w, r)
		return
	}

	d, _ := define(a.Fault)
	if d.manner == refuses || d.manner == revokes || d.manner == disturbs || d.manner == replaces && !a.Done {
		k.refuse(w, r, call, a)
		return
	}

	held := &held{header: http.Header{}}
	api.ServeHTTP(held, r)
	switch d.manner {
	case loses:
		// The connection ends before anything is sent.
		panic(http.ErrAbortHandler)
	case crashes, replaces:
		k.word(r, call, a).send(w)
	case changes:
		out, changed := change(a.Order, held.answer())
		if !changed {
			k.giveBack(a)
		}
		out.send(w)

	case delays:
		if k.wait(r, a.Duration.long()) {
			held.answer().send(w)
		}
	case goesOn:
		k.goOn(w, r, held, a.Duration.long())
	}
}

// word is the answer of the provider under a fault.
func (k *Kit) word(r *http.Request, call Call, a *active) Answer {
	d, _ := define(a.Fault)
	usual := 0
	if len(d.statuses) > 0 {
		usual = d.statuses[0]
	}

	out := k.profile.answerTo(a.Fault)(Asked{
		Request: r, Kind: call.Kind, Wait: a.Duration.long(), Told: a.told, Status: cmp.Or(a.Status, usual), Form: a.Form, Now: k.hooks.Now(),
	})
	// The descriptions do not contain the forms of RefusedWords.
	if k.hooks.Check != nil && a.Fault != RefusedWords && strings.HasPrefix(out.Header.Get("Content-Type"), "application/json") {
		k.hooks.Check(r, out)
	}

	return out
}

// refuse answers instead of the API, and records a write.
func (k *Kit) refuse(w http.ResponseWriter, r *http.Request, call Call, a *active) {
	at := k.hooks.Now().UTC()
	body := Body(r)
	out := k.word(r, call, a)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || call.Kind == Read || call.Kind == List
	if k.hooks.Log != nil && !reads {
		k.hooks.Log(r, providers.Write{
			At: at, User: call.User, Method: r.Method, Path: r.URL.Path, Body: providers.JSONBody(body), Status: out.Status, Fault: Of(r.Context()),
		})
	}

	out.send(w)
}

func (a Answer) send(w http.ResponseWriter) {
	if a.Reason != "" && a.sendRaw(w) {
		return
	}

	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// wait waits, and reports whether the caller waited too.
func (k *Kit) wait(r *http.Request, d time.Duration) bool {
	select {
	case <-k.hooks.After(d):
		return true
	case <-r.Context().Done():
	case <-k.closed:
	}

	return false
}

// goOn sends the answer without its end, and then blanks until the caller hangs up or
// the fake server stops: one in each pause, or as many as are read without a pause.
func (k *Kit) goOn(w http.ResponseWriter, r *http.Request, held *held, pause time.Duration) {
	out := held.answer()
	if out.Status == http.StatusNoContent || out.Status == http.StatusNotModified {
		out.Status = http.StatusOK // the others have no body that could go on
	}

	out.Header.Del("Content-Length")
	out.Body = out.Body[:max(0, len(out.Body)-1)]
	out.send(w)
	blanks := bytes.Repeat([]byte(" "), 32<<10)
	if pause > 0 {
		blanks = blanks[:1]
	}

	flush := http.NewResponseController(w)
	for r.Context().Err() == nil {
		if _, err := w.Write(blanks); err != nil || flush.Flush() != nil {
			break
		}

		if pause > 0 && !k.wait(r, pause) {
			break
		}

		select {
		case <-k.closed:
			panic(http.ErrAbortHandler)
		default:
		}
	}

	panic(http.ErrAbortHandler) // it never ended
}

// held is an answer that is not sent yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) { h.status = cmp.Or(h.status, status) }

func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *held) answer() Answer {
	return Answer{Status: cmp.Or(h.status, http.StatusOK), Header: h.header, Body: h.body.Bytes()}
}
