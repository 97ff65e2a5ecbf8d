package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A5: a second integration of the organisation and item type that is configured
// for the same place is refused, and the refusal names the first one. Repeating
// a create with its key is answered before that.
func TestASecondIntegrationAtOnePlace(t *testing.T) {
	w := newWorld(t)
	taken := `{"item_type":"work_item","provider":"github","configuration":` + quoted(`{"owner":"OCTO","repo":"Hello","token":"`+token+`"}`) + `}`
	resp := send(t, w.make, request{body: taken})
	refused(t, resp, refusal{409, "target_in_use", nil})
	if !strings.Contains(resp.Body, github.String()) {
		t.Errorf("%s does not name the integration that has the place", resp.Body)
	}

	refused(t, send(t, w.patch, request{id: disabled.String(), body: changed(`{"owner":"octo","repo":"hello","token":"********"}`)}), refusal{409, "target_in_use", nil})
	if v := w.view(t, disabled); v.Integration.Version != 1 {
		t.Errorf("%+v", v.Integration)
	}

	other := strings.Replace(taken, "Hello", "other", 1)
	first := told[domain.Integration](t, w.make, request{body: other, header: key("k")}, 201)
	if again := told[domain.Integration](t, w.make, request{body: other, header: key("k")}, 201); again.ID != first.ID {
		t.Errorf("%+v, want %+v", again, first)
	}

	document := strings.Replace(taken, "work_item", "document", 1)
	told[domain.Integration](t, w.make, request{body: document}, 201)
	if resp := send(t, w.remove, request{}); resp.StatusCode != 204 {
		t.Fatal(resp.Body)
	}

	told[domain.Integration](t, w.make, request{body: taken}, 201)
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// A place that was made again is accepted by a full sync that names its id, and
// by nothing else.
func TestAcceptTarget(t *testing.T) {
	w := newWorld(t)
	for body, fields := range map[string][]string{
		`{"accept_target":"7"}`:                                              {"accept_target"},
		`{"mode":"incremental","accept_target":"7"}`:                         {"accept_target"},
		`{"mode":"full","dry_run":true,"accept_target":"7"}`:                 {"accept_target"},
		`{"mode":"full","accept_target":7}`:                                  {"accept_target"},
		`{"mode":"full","accept_target":"` + strings.Repeat("7", 201) + `"}`: {"accept_target"},
	} {
		refused(t, send(t, w.sync, request{body: body}), refusal{400, "invalid_body", fields})
	}

	run := w.accepted(t, request{body: `{"mode":"full","accept_target":"7"}`})
	if st := w.view(t, github).State; st.Run.ID != run.ID || st.Run.AcceptTarget != "7" || st.Run.ModeChosen {
		t.Errorf("%+v", st.Run)
	}

	w.accepted(t, request{body: `{"mode":"full","accept_target":"8"}`})
	if st := w.view(t, github).State; st.Run.ID != run.ID || st.Run.AcceptTarget != "8" {
		t.Errorf("the active run: %+v", st.Run)
	}
}

// A sync that names no mode lets the worker choose a full one.
func TestAModeThatIsChosen(t *testing.T) {
	w := newWorld(t)
	w.accepted(t, request{})
	if st := w.view(t, github).State; !st.Run.ModeChosen {
		t.Errorf("%+v", st.Run)
	}
}

// A resolver is a provider whose place is there.
type resolver struct {
	asked
	place connector.Place
	err   error
}

func (r *resolver) Resolve(context.Context) (connector.Place, error) { return r.place, r.err }

// A check says so where the place is another integration's, or was made again.
// It claims nothing.
func TestCheckOfATakenPlace(t *testing.T) {
	mine := connector.Place{Instance: "github.com", ID: "1"}
	theirs := connector.Place{Instance: "github.com", ID: "2"}
	again := connector.Place{Instance: "github.com", ID: "3"}
	renamed := connector.Place{Instance: "proxy.example", ID: "1"}
	for name, c := range map[string]struct {
		place connector.Place
		err   error
		want  string
	}{
		"mine":         {mine, nil, `{"name":"target","ok":true,"code":null,"detail":null}`},
		"another's":    {theirs, nil, `{"name":"target","ok":false,"code":"target_in_use","detail":null}`},
		"made again":   {again, nil, `{"name":"target","ok":false,"code":"target_moved","detail":null}`},
		"another host": {renamed, nil, `{"name":"target","ok":true,"code":null,"detail":null}`},
		"not asked":    {mine, errors.New("away"), `{"name":"target","ok":true,"code":null,"detail":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			run := w.accepted(t, request{})
			_, lease := w.work(t, run.ID)
			known := store.Target{Key: mine.Key(domain.GitHub), ID: "1", Spelling: w.view(t, github).Integration.TargetHash}
			must(t, w.store.ResolveTarget(t.Context(), lease, store.Resolution{Target: known}))
			w.claim(t, disabled, theirs)

			w.provider = func(context.Context, store.View) (connector.Connector, error) {
				return &resolver{asked: asked{checks: []connector.Check{connector.Passed(connector.CheckTarget)}}, place: c.place, err: c.err}, nil
			}
			if resp := send(t, w.check, request{}); resp.StatusCode != 200 || !strings.Contains(resp.Body, c.want) {
				t.Errorf("%d %s", resp.StatusCode, resp.Body)
			}

			for place, want := range map[connector.Place]domain.Snowflake{theirs: disabled, again: 0} {
				if got, err := w.store.TargetHolder(t.Context(), store.IntegrationRef{ID: github, OrganisationID: org, ItemType: "work_item"}, place.Key(domain.GitHub)); got != want || err != nil {
					t.Errorf("%s has the place, %v; want %s", got, err, want)
				}
			}
		})
	}
}

// claim has another integration sync with a place.
func (w *world) claim(t *testing.T, id domain.Snowflake, place connector.Place) {
	t.Helper()
	p := store.IntegrationRef{ID: id, OrganisationID: org, ItemType: "work_item"}
	run := store.ActiveRun{Run: domain.Run{ID: 4711, IntegrationID: id, OrganisationID: org, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.now, Status: domain.Queued}}
	_, _, err := w.store.RequestRun(t.Context(), p, run, 0, w.now)
	must(t, err)
	held, err := w.store.Acquire(t.Context(), p, store.LeaseRequest{RunID: run.ID, ID: "lease", Now: w.now, Until: w.now.Add(time.Minute)})
	if err != nil || held == nil {
		t.Fatal(held, err)
	}
	lease := held.Lease

	must(t, w.store.ResolveTarget(t.Context(), lease, store.Resolution{Target: store.Target{Key: place.Key(domain.GitHub), ID: place.ID}}))
}

// B11: a sync during a rate limit of more than ten minutes has the worker try
// the provider.
func TestASyncDuringALongLimit(t *testing.T) {
	w := newWorld(t)
	run := w.waitingFor(t, "rate_limited", time.Hour)
	got := told[domain.Run](t, w.sync, request{}, 202)
	st := w.view(t, github).State
	if got.ID != run.ID || got.Status != domain.Queued || st.Run.ProbeAt != w.now.UnixMilli() || len(messages(t, w)) != 1 {
		t.Errorf("%+v, %+v", got, st.Run)
	}
}
