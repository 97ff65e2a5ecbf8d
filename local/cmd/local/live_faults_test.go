package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/live"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/shared/connector"
)

// says are words of a broken promise, by the fault that breaks it.
var says = map[string][]string{
	faults.RateLimited:     {"rate_limited"},
	faults.RateLimitedBare: {"rate_limited"},
	faults.SecondaryLimit:  {"rate_limited"},
	faults.ErrorBefore:     {"HTTP 503"},
	faults.ErrorAfter:      {"HTTP 502"},
	faults.LostAnswer:      {"no_answer"},
	faults.SlowAnswer:      {"no_answer"},
	faults.EndlessAnswer:   {"answer_too_large"},
	faults.LaggingLists:    {"not found within", "are missing or as before"},
	faults.MovedObject:     {"remote_moved", "remote_deleted", "remote_forbidden", "it is closed"}, // GitLab closes what it moves
	faults.DeletedObject:   {"remote_deleted"},
	faults.RevokedToken:    {"credentials_rejected", "the webhook was deleted"},
	faults.ETagConflict:    {"conflict", "changed_meanwhile"},
	faults.Captcha:         {"captcha_required"},
	faults.AddressBan:      {"HTTP 403", "invalid_auth", "the address", "The client IP address"},
	faults.ForeignAnswer:   {"foreign_answer"},
	faults.WrongSuccess:    {"foreign_answer"},
	faults.BlockedContent:  {"Attention Required!"},
	faults.RefusedWords:    {faults.NotTaken, "400 without a body", "invalid_payload"}, // MantisBT has a reason phrase, a Slack webhook a code
	faults.ForbiddenItem:   {"forbidden", "message_not_editable"},
	faults.RenamedPlace:    {"target_moved", "changed_meanwhile"},
	faults.MovedReadonly:   {"target_moved"},
	faults.Anonymous:       {"credentials_rejected"},
}

// borne are the faults that break no promise, by the address, with the reason.
var borne = map[string]struct {
	at     []string
	reason string
}{
	faults.OneTimestamp: {trackerNames, "a position in a list is a time and an offset"},
	faults.WrongSuccess: {[]string{"github", "gitlab", "mantisbt", "discord", "discord_webhook"}, "the body proves what was done"},
	faults.SlowList:     {slices.Concat(trackerNames, []string{"slack", "discord"}), "smaller pages are asked for"},
	faults.RenamedPlace: {[]string{"gitlab", "jira", "jira_datacenter", "slack", "slack_webhook", "discord", "discord_webhook"}, "calls go by the id of the place, or by an address without its name"},
	faults.ForeignLink:  {[]string{"github", "gitlab"}, "links are followed at the configured host"},
}

// A fault at an address breaks a promise, and the table says which and how; or it
// is one that the connector bears, and breaks none.
func TestLiveSaysWhatAFaultBreaks(t *testing.T) {
	for _, fault := range []string{faults.RevokedToken, faults.ForeignAnswer, faults.BlockedContent, faults.LaggingLists, faults.ForeignLink, faults.SlowList} {
		t.Run(fault, func(t *testing.T) { liveWith(t, fault) })
	}
}

// shortest is how long a call may last where its answer never comes.
const shortest = 2 * time.Second

// liveWith runs a trial at each address that can have a fault.
func liveWith(t *testing.T, fault string) {
	call := time.Duration(0)
	if fault == faults.SlowAnswer {
		call = shortest
	}

	atEachAddressWithin(t, call, func(t *testing.T, a *address) {
		order := faults.Order{Fault: fault, Times: 1000}
		switch fault {
		case faults.SlowAnswer, faults.LaggingLists:
			order.Duration = new(faults.Duration(time.Hour))
		case faults.BlockedContent:
			order.Pattern = "live check"
		case faults.SlowList:
			order.Page = 25
		}

		if _, refused := a.kit.Add(order); refused != nil {
			t.Skip(refused)
		}

		rows, err := a.trial.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if a.kit.Applied(fault) == 0 {
			if _, tracker := a.trial.Connector.(connector.Puller); tracker {
				t.Error("the trial never meets it")
			}
			t.Skip("nothing here is listed, or touched again")
		}

		var broken []string
		for _, r := range rows {
			if r.Outcome == live.Broken {
				broken = append(broken, r.Promise+": "+r.Detail)
			}
		}

		if slices.Contains(borne[fault].at, a.name) {
			if len(broken) > 0 {
				t.Errorf("it is not borne: %q", broken)
			}
			return
		}

		if !slices.ContainsFunc(says[fault], func(words string) bool { return strings.Contains(strings.Join(broken, "\n"), words) }) {
			t.Errorf("none of %q in %q", says[fault], broken)
		}
	})
}
