package handler

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// C14: what a message shows of the checks that only a message decides, and of
// itself. Checks that were decided before stay as they are.
func TestOutcome(t *testing.T) {
	final := func(scope failure.Scope, status int, code string) *failure.Error {
		return &failure.Error{Class: failure.Final, Scope: scope, Status: status, Code: code, Detail: "the words of the provider"}
	}
	of := func(class failure.Class, status int, code string) *failure.Error {
		return &failure.Error{Class: class, Scope: failure.IntegrationScope, Status: status, Code: code}
	}
	const open = "?(only_by_posting)"
	for name, c := range map[string]struct {
		written connector.Written
		failed  *failure.Error
		want    string
	}{
		"posted":              {connector.Written{}, nil, "reachable=ok credentials=ok target=ok write=ok history=no(x) post=ok"},
		"accepted":            {connector.Written{Unproven: true}, nil, "reachable=ok credentials=ok target=?(accepted) write=?(accepted) history=no(x) post=?(accepted)"},
		"dead credential":     {connector.Written{}, final(failure.IntegrationScope, 404, "credentials_rejected"), "reachable=ok credentials=no(credentials_rejected) target=" + open + " write=no(credentials_rejected) history=no(x) post=no(credentials_rejected)"},
		"no channel":          {connector.Written{}, final(failure.IntegrationScope, 404, "target_not_found"), "reachable=ok credentials=ok target=no(target_not_found) write=no(target_not_found) history=no(x) post=no(target_not_found)"},
		"about the message":   {connector.Written{}, final(failure.ItemScope, 400, "rejected"), "reachable=ok credentials=" + open + " target=" + open + " write=" + open + " history=no(x) post=no(rejected)"},
		"limited":             {connector.Written{}, of(failure.Retryable, 429, "rate_limited"), "reachable=ok credentials=?(rate_limited) target=" + open + " write=" + open + " history=no(x) post=?(rate_limited)"},
		"away":                {connector.Written{}, of(failure.Retryable, 503, "provider_unavailable"), "reachable=ok credentials=?(provider_error) target=" + open + " write=" + open + " history=no(x) post=?(provider_unavailable)"},
		"failed":              {connector.Written{}, of(failure.Ambiguous, 500, "no_answer"), "reachable=ok credentials=?(no_answer) target=?(no_answer) write=?(no_answer) history=no(x) post=?(no_answer)"},
		"a page":              {connector.Written{}, of(failure.Ambiguous, 200, "foreign_answer"), "reachable=ok credentials=?(no_answer) target=?(no_answer) write=?(no_answer) history=no(x) post=?(no_answer)"},
		"lost":                {connector.Written{}, of(failure.Ambiguous, 0, "no_answer"), "reachable=?(no_answer) credentials=?(no_answer) target=?(no_answer) write=?(no_answer) history=no(x) post=?(no_answer)"},
		"unreachable":         {connector.Written{}, of(failure.NotSent, 0, "unreachable"), "reachable=no(unreachable) credentials=" + open + " target=" + open + " write=" + open + " history=no(x) post=no(unreachable)"},
		"a refused address":   {connector.Written{}, final(failure.IntegrationScope, 0, "address_refused"), "reachable=no(unreachable) credentials=" + open + " target=" + open + " write=" + open + " history=no(x) post=no(unreachable)"},
		"too late":            {connector.Written{}, of(failure.NotSent, 0, "no_time_left"), "reachable=" + open + " credentials=" + open + " target=" + open + " write=" + open + " history=no(x) post=?(no_time_left)"},
		"cancelled before it": {connector.Written{}, of(failure.NotSent, 0, "cancelled"), "reachable=" + open + " credentials=" + open + " target=" + open + " write=" + open + " history=no(x) post=?(no_time_left)"},
	} {
		var checks []connector.Check
		for _, one := range []string{connector.CheckReachable, connector.CheckCredentials, connector.CheckTarget, checkWrite} {
			checks = append(checks, connector.Undecided(one, connector.OnlyByPosting))
		}

		checks = append(checks, connector.Refused("history", "x"))

		var words []string
		for _, one := range append(learned(checks, c.written, c.failed), posted(c.written, c.failed)) {
			words = append(words, one.String())
		}

		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}

		if got := checks[0].String(); got != "reachable=?(only_by_posting)" {
			t.Errorf("%s: the checks before were changed: %s", name, got)
		}
	}
}

// C14: only what keeps a message from being posted keeps it from being tried.
func TestRefusedChecks(t *testing.T) {
	for name, want := range map[string]bool{"reachable": true, "credentials": true, "target": true, "write": true, "history": false} {
		if got := refused(connector.Refused(name, "x")); got != want {
			t.Errorf("%s: %v", name, got)
		}

		if refused(connector.Undecided(name, "x")) || refused(connector.Passed(name)) {
			t.Errorf("%s counts as refused", name)
		}
	}
}
