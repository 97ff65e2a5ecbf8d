package worker

import (
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// D10: the reason is one sentence of ours for each code, never empty, and the
// provider's words stand beside it.
func TestReasonsAreOurOwnSentences(t *testing.T) {
	said := "Bad credentials"
	codes := []string{"a_code_that_is_new", ""}
	for code := range sentences {
		codes = append(codes, code)
	}

	for _, code := range codes {
		for _, words := range []string{said, ""} {
			r := reasonOf(&failure.Error{Code: code, Detail: words})
			if r.Code != code || r.ProviderMessage != words {
				t.Errorf("%q: %+v", code, r)
			}

			if !strings.HasSuffix(r.Detail, ".") || len(r.Detail) < 20 || strings.Contains(r.Detail, said) {
				t.Errorf("%q: the detail is %q", code, r.Detail)
			}
		}
	}

	for code := range ownCodes {
		own := "The stored secret of token cannot be opened; give it again."
		if r := reasonOf(&failure.Error{Code: code, Detail: own}); r.Detail != own || r.ProviderMessage != "" {
			t.Errorf("%q: %+v", code, r)
		}

		if r := reasonOf(&failure.Error{Code: code}); r.Detail == "" {
			t.Errorf("%q: the detail is empty", code)
		}
	}
}

// D10: a change of nothing that matters to the connection keeps health, healthy
// or not; a change of credentials or place makes it unknown until the provider
// has answered.
func TestHealthAfterAChangeOfTheConfiguration(t *testing.T) {
	changes := map[string]struct {
		change store.Change
		kept   bool
	}{
		"templates":  {store.Change{Enabled: true, Configuration: `{"templates":{"title":"x"}}`, TargetHash: "there", ConfigurationChanged: true, NeedsFull: true}, true},
		"disabled":   {store.Change{Enabled: false, Configuration: `{}`, TargetHash: "there"}, true},
		"a secret":   {store.Change{Enabled: true, Configuration: `{}`, TargetHash: "there", ConfigurationChanged: true, ConnectionChanged: true}, false},
		"to a place": {store.Change{Enabled: true, Configuration: `{}`, TargetHash: "elsewhere", ConfigurationChanged: true, ConnectionChanged: true, NeedsFull: true}, false},
	}
	for name, c := range changes {
		for _, state := range []domain.HealthState{domain.Healthy, domain.Unhealthy} {
			t.Run(name+", "+string(state), func(t *testing.T) {
				w := newWorld(t)
				w.marked(1, 1)
				if state == domain.Unhealthy {
					w.provider.before = func(string, domain.Snowflake) error { return rejected() }
				}

				w.start(domain.Incremental)
				w.must(w.slice())
				mustBe(t, "before", w.health().State, state)

				w.reconfigure(c.change)
				want := domain.HealthUnknown
				if c.kept {
					want = state
				}

				mustBe(t, "after", w.health().State, want)
			})
		}
	}
}

// D10: while the provider refuses the credentials, a change of the templates
// ends the pause, as any change of the configuration does. If the provider
// still refuses, nothing is announced again; the pauses begin anew.
func TestAChangeOfTemplatesWhileTheCredentialsAreRefused(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error { return rejected() }
	w.start(domain.Incremental)
	w.must(w.slice())
	calls := w.provider.calls() - w.provider.resolves

	w.reconfigure(store.Change{Enabled: true, Configuration: `{"templates":{"title":"x"}}`, TargetHash: "there", ConfigurationChanged: true, NeedsFull: true})
	if until := w.health().PausedUntil; until != nil {
		t.Errorf("it still paused until %s", until)
	}

	w.pass(2 * time.Minute)
	mustBe(t, "calls", w.provider.calls()-w.provider.resolves-calls, 1)
	mustBe(t, "health", w.health().State, domain.Unhealthy)
	mustBe(t, "events of health", len(w.bus.of(outgoing.TypeHealthChanged)), 1)
	mustBe(t, "pause", w.health().PausedUntil.Sub(w.clock.now) <= 5*time.Minute, true)
}
