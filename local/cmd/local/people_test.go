package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// shownBelow is what a tracker's fake server shows of an issue: its text, and what
// GitLab has made of the text.
type issueShown struct {
	Title, Body                    string
	Commands, Notified, References []string
}

// issues gives what the fake server shows, by the number at the beginning of the
// titles.
func (s *stage) issues() map[string]issueShown {
	s.t.Helper()
	all := map[string]issueShown{}
	for _, one := range s.received().Objects {
		var i issueShown
		must(s.t, json.Unmarshal(one, &i))
		number, _, _ := strings.Cut(i.Title, " ")
		all[number] = i
	}

	return all
}

// readable is a text without what nobody sees, and without the backslashes that
// make signs plain.
var readable = strings.NewReplacer("\u200b", "", `\`, "")

// peopleLine is the line of an issue that names people, as a person reads it.
func peopleLine(t *testing.T, i issueShown) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(readable.Replace(i.Body)) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "Owner: ") || strings.Contains(line, "Due: ") || strings.Contains(line, "Changed by: ") {
			found = append(found, line)
		}
	}

	if len(found) > 1 {
		t.Errorf("%s: %d lines name people: %q", i.Title, len(found), found)
	}

	return strings.Join(found, "\n")
}

// Each tracker shows an item's people and due date below its text. Another owner
// costs one write, and so does an item that loses all of them. Our own writes
// publish no event.
func TestFactsBelowTheTextAtEachTracker(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, name := range trackerNames {
		t.Run(name, func(t *testing.T) {
			s := staged(t, endpoint, name, map[string]any{"pull": "linked"})
			plain := domain.Item{ID: 1, FormattedNumber: "WI-1", Version: 1, Title: "An item", Description: "Some text.", URL: "https://items.example/1",
				State: domain.Open, Status: "planned", Priority: "high"}
			peopled := plain
			peopled.Type = &domain.Named{ID: 31, Name: "Bug"}
			peopled.Project = &domain.Named{ID: 32, Name: "Apollo"}
			peopled.Milestone = &domain.Named{ID: 33, Name: "1.4"}
			peopled.Owner = &domain.Named{ID: 34, Name: "Ada L."}
			peopled.UpdatedBy = &domain.Named{ID: 35, Name: "Bob"}
			peopled.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.FixedZone("", 2*3600))

			s.put(plain)
			_, run := s.sync(domain.Full)
			same(t, "first sync", run.Counts, domain.Counts{Created: 1})
			bare := s.issues()["WI-1"]
			same(t, "people of an item that has none", peopleLine(t, bare), "")
			writes := len(s.received().Writes)

			step := func(what string, next domain.Item, version int64, want string) {
				t.Helper()
				next.Version = version
				s.put(next)
				_, run := s.sync(domain.Incremental)
				same(t, what, run.Counts, domain.Counts{Updated: 1})
				same(t, what+": line", peopleLine(t, s.issues()["WI-1"]), want)
				_, run = s.sync(domain.Full)
				same(t, what+", again", run.Counts, domain.Counts{Unchanged: 1})
			}

			step("people", peopled, 2, "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob")
			peopled.Owner = &domain.Named{ID: 36, Name: "Grace H."}
			step("another owner", peopled, 3, "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Grace H. · Due: 2026-12-01 · Changed by: Bob")
			step("no people any more", plain, 4, "")
			same(t, "body without people", s.issues()["WI-1"].Body, bare.Body)
			same(t, "writes of three changes", len(s.received().Writes)-writes, 3)

			s.noViolations()
			for _, n := range s.told {
				if n.DetailType == outgoing.TypeRemoteChanged {
					t.Errorf("published what no person changed: %s", n.Detail)
				}
			}
		})
	}
}

// hostileNames are names that are to do nothing at a provider, each with what a
// person reads.
var hostileNames = map[string]string{
	"@everyone":                           "@everyone",
	"@sync-bot @all [~sync-bot]":          "@sync-bot @all [~sync-bot]",
	"[x](https://evil.test)":              "[x](https://evil.test)",
	"[x|https://evil.test] www.evil.test": "[x|https://evil.test] www.evil.test",
	"https://github.com/acme":             "https://github.com/acme",
	"#1 !1 ~2 %3 $4 &5":                   "#1 !1 ~2 %3 $4 &5",
	"closes #1, fixes WORK-1":             "closes #1, fixes WORK-1",
	"Ada\n/close\n\n---\n# L.":            "Ada /close --- # L.",
	"<b>Ada</b> {html}<i>{html} !x.png!":  "<b>Ada</b> {html}<i>{html} !x.png!",
	"\u202eadA\u202c \u2066x\u2069":       "adA x",
	strings.Repeat("é", 300):              strings.Repeat("é", 79) + "…",
}

// A name can do nothing at a tracker: nobody is mentioned, nothing is referred
// to, closed or linked, and it stays on its line.
func TestHostileNamesAtEachTracker(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, tracker := range trackerNames {
		t.Run(tracker, func(t *testing.T) {
			s := staged(t, endpoint, tracker, nil)
			wanted := map[string]string{}
			for name, want := range hostileNames {
				id := domain.Snowflake(len(wanted) + 1)
				number := fmt.Sprint("WI-", id)
				who := &domain.Named{ID: 31, Name: name}
				s.put(domain.Item{ID: id, FormattedNumber: number, Version: 1, Title: "An item", Description: "Some text.", State: domain.Open,
					Type: who, Project: who, Milestone: who, Owner: who, UpdatedBy: who})
				wanted[number] = "Type: " + want + " · Project: " + want + " · Milestone: " + want + " · Owner: " + want + " · Changed by: " + want
			}

			_, run := s.sync(domain.Full)
			same(t, "sync", run.Counts, domain.Counts{Created: len(hostileNames)})

			all := s.issues()
			for number, want := range wanted {
				i := all[number]
				got := strings.NewReplacer("&#58;", ":", "&#92;", "").Replace(peopleLine(t, i))
				same(t, number, got, want)
				if done := slices.Concat(i.Commands, i.Notified, i.References); len(done) > 0 {
					t.Errorf("%q has done %q", want, done)
				}

				if strings.Contains(i.Body, "://") {
					t.Errorf("a link in %q", i.Body)
				}
			}

			s.noViolations()
		})
	}
}
