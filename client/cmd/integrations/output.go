package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/integrations/client"
	"example.com/integrations/client/watch"
)

// one writes a single answer.
func (i *invocation) one(v any, err error, text func(any) [][2]string) error {
	if err != nil {
		return err
	}
	if i.json {
		return i.writeJSON(v)
	}

	table := tabwriter.NewWriter(i.out, 0, 0, 2, ' ', 0)
	for _, line := range text(v) {
		if _, err := fmt.Fprintf(table, "%s\t%s\n", line[0], watch.Clean(line[1])); err != nil {
			return err
		}
	}

	return table.Flush()
}

// show writes a list as it comes.
func show[T any](i *invocation, all iter.Seq2[T, error], head string, row func(T) []string) error {
	table := tabwriter.NewWriter(i.out, 0, 0, 2, ' ', 0)
	none := true
	for one, err := range all {
		if err != nil {
			return errors.Join(table.Flush(), err)
		}

		if i.json {
			if err := i.writeJSON(one); err != nil {
				return err
			}
			continue
		}

		if none {
			none = false
			_, _ = fmt.Fprintln(table, head)
		}

		cells := row(one)
		for n := range cells {
			cells[n] = watch.Clean(cells[n])
		}

		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t"))
	}

	if none && !i.json {
		_, _ = fmt.Fprintln(i.err, "there are none")
	}

	return table.Flush()
}

// first ends a list after n; 0 is all.
func first[T any](n int, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		left := n
		for one, err := range all {
			if !yield(one, err) || left == 1 {
				return
			}
			left--
		}
	}
}

func (i *invocation) writeJSON(v any) error {
	encoder := json.NewEncoder(i.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

const (
	integrationHead = "INTEGRATION\tTYPE\tPROVIDER\tENABLED"
	runHead         = "SYNC\tMODE\tSTATUS\tREQUESTED\tDONE"
	planHead        = "ITEM\tNUMBER\tACTION\tSTEPS\tREASON"
	itemHead        = "ITEM\tNUMBER\tOUTCOME\tFAILURES\tAT THE PROVIDER\tREASON"
)

func integrationRow(i client.Integration) []string {
	return []string{i.ID, i.ItemType, i.Provider, fmt.Sprint(i.Enabled)}
}

func runRow(r client.Run) []string {
	mode := r.Mode
	if r.DryRun {
		mode += ", dry run"
	}

	nothing := "nothing"
	if r.Active() {
		nothing = "nothing yet"
	}

	return []string{r.ID, mode, r.Status, at(&r.RequestedAt), cmp.Or(r.Counts.String(), nothing)}
}

func planRow(p client.PlanRow) []string {
	return []string{p.ItemID, p.FormattedNumber, p.Action, strings.Join(p.Steps, ", "), text(p.Reason)}
}

func itemRow(l client.LedgerRow) []string {
	url := "-"
	if l.Remote != nil {
		url = l.Remote.URL
	}
	return []string{l.ItemID, l.FormattedNumber, l.Outcome, fmt.Sprint(l.Attempts), url, text(l.Reason)}
}

func integrationText(v any) [][2]string {
	i := v.(client.Integration)
	lines := [][2]string{{"integration", i.ID}, {"organisation", i.OrganisationID}, {"type", i.ItemType}, {"provider", i.Provider},
		{"enabled", fmt.Sprint(i.Enabled)}, {"version", i.ETag}}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(i.Configuration), &members) != nil {
		return append(lines, [2]string{"configuration", i.Configuration})
	}

	for _, name := range keys(members) {
		value := string(members[name])
		var plain string
		if json.Unmarshal(members[name], &plain) == nil {
			value = plain
		}

		lines = append(lines, [2]string{"  " + name, value})
	}

	return lines
}

func checkText(v any) [][2]string {
	c := v.(client.CheckResult)
	lines := [][2]string{{"works", truth(c.OK)}}
	for _, one := range c.Checks {
		result := truth(one.OK)
		if one.Code != nil {
			result += ": " + *one.Code
		}

		if one.Detail != nil {
			result += ". " + *one.Detail
		}

		lines = append(lines, [2]string{"  " + one.Name, result})
	}

	if c.Message != nil {
		lines = append(lines, [2]string{"message", messageText(*c.Message)})
	}

	return lines
}

// messageText is where the test message is, or else its id.
func messageText(m client.TestMessage) string {
	if m.URL != nil {
		return *m.URL
	}

	return m.ID
}

func truth(ok *bool) string {
	switch {
	case ok == nil:
		return "cannot be known"
	case *ok:
		return "yes"
	}

	return "no"
}

func statusText(v any) [][2]string {
	s := v.(client.Status)
	health := s.Health
	if s.Reason != nil {
		health += ": " + reasonText(*s.Reason)
	}

	lines := [][2]string{{"health", health}, {"paused until", at(s.PausedUntil)}, {"last success", at(s.LastSuccessAt)},
		{"changes that wait", fmt.Sprint(s.Pending)}, {"items given up", fmt.Sprint(s.GivenUp)}}
	if s.Target != nil {
		lines = append(lines, [2]string{"target", s.Target.Name + " (id " + s.Target.ID + ")"})
	}

	if s.PullProblem != nil {
		lines = append(lines, [2]string{"changes at the provider", "not read since " + at(&s.PullProblem.Since) + ": " + reasonText(s.PullProblem.Reason)})
	}

	if s.ActiveRun == nil {
		return append(lines, [2]string{"active sync", "none"})
	}

	return append(lines, runText(*s.ActiveRun)...)
}

func reasonText(r client.Reason) string {
	said := r.Detail + " (" + r.Code + ")"
	if r.ProviderMessage != "" {
		said += fmt.Sprintf(" The provider says: %q", r.ProviderMessage)
	}

	return said
}

func runText(v any) [][2]string {
	r := v.(client.Run)
	row := runRow(r)
	lines := [][2]string{{"sync", r.ID}, {"mode", row[1]}, {"status", r.Status}, {"done", row[4]}}
	if r.Remaining != nil {
		lines = append(lines, [2]string{"left", fmt.Sprint(*r.Remaining)})
	}

	if r.WaitingUntil != nil {
		lines = append(lines, [2]string{"waits until", at(r.WaitingUntil) + " (" + text(r.WaitingReason) + ")"})
	}

	if r.EstimatedFinish != nil {
		lines = append(lines, [2]string{"finished at about", at(r.EstimatedFinish)})
	}

	if r.Error != nil {
		lines = append(lines, [2]string{"error", r.Error.Code + ": " + r.Error.Detail})
	}

	return lines
}

func at(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
