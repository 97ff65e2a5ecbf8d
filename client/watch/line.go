package watch

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	"example.com/integrations/client"
)

// A news is what a line says, and the part of it that is worth a line of its
// own at once.
type news struct{ text, headline string }

// progress says how a run stands.
func progress(run client.Run, now time.Time) news {
	headline := run.Status
	if run.Status == client.Waiting && run.WaitingUntil != nil {
		headline = "waiting until " + clock(*run.WaitingUntil, now)
		if run.WaitingReason != nil {
			headline += ": " + reason(*run.WaitingReason)
		}
	}

	if run.CancelRequestedAt != nil {
		headline += ", being cancelled"
	}

	if run.DryRun {
		headline = "dry run " + headline
	}

	parts := []string{headline}
	if bar := bar(run); bar != "" {
		parts = append(parts, bar)
	}

	if run.Remaining != nil {
		parts = append(parts, fmt.Sprint(*run.Remaining, " left"))
	}

	if counts := run.Counts.String(); counts != "" {
		parts = append(parts, counts)
	}

	if at := run.EstimatedFinish; at != nil && run.Remaining != nil && *run.Remaining > 0 {
		parts = append(parts, "done at about "+clock(at.Round(time.Second), now)+in(*at, now))
	}

	return news{strings.Join(parts, "  "), headline}
}

// ended says how a run has ended, in a few lines.
func ended(run client.Run) []string {
	text := run.Status
	if run.DryRun {
		text = "(a dry run) " + text
	}

	if run.StartedAt != nil && run.FinishedAt != nil {
		text += " after " + span(run.FinishedAt.Sub(*run.StartedAt))
	}

	if counts := run.Counts.String(); counts != "" {
		text += ": " + counts
	} else if run.Status == client.Succeeded {
		text += ": there was nothing to do"
	}

	lines := []string{text}
	if run.Error != nil {
		lines = append(lines, run.Error.Code+": "+run.Error.Detail)
	}

	if run.Counts.Failed > 0 {
		lines = append(lines, "what failed, and why: GET /integrations/"+run.IntegrationID+"/items?outcome=failed")
	}

	return lines
}

// reasons puts into words why a run waits.
var reasons = map[string]string{
	"pacing":            "keeping to the provider's limits",
	"rate_limited":      "the provider wants to be left alone",
	"credential_in_use": "two other integrations use the same credentials",
	"reconciling":       "making sure that nothing is created twice",
	"paused":            "the provider refuses what is configured",
	"outbox":            "events have yet to be published",
}

func reason(code string) string {
	if words, ok := reasons[code]; ok {
		return words
	}
	return "the provider is not to be reached (" + code + ")"
}

// bar shows how much of what is known is done; while nothing moves, a number
// leaves more room for the reason.
func bar(run client.Run) string {
	const width = 16
	c := run.Counts
	done := c.Created + c.Updated + c.Unchanged + c.Skipped + c.Failed
	if run.Remaining == nil || done+*run.Remaining == 0 {
		return ""
	}

	all := done + *run.Remaining
	if run.Status == client.Waiting {
		return fmt.Sprintf("%d %%", 100*done/all)
	}

	full := width * done / all

	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + fmt.Sprintf("] %d %%", 100*done/all)
}

// clock is a time as people read it, with its day if that is another.
func clock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return at.Format("Mon 2 Jan 15:04:05")
	}
	return at.Format(time.TimeOnly)
}

func in(at, now time.Time) string {
	if d := at.Sub(now); d > 0 {
		return " (in " + span(d) + ")"
	}
	return " (any moment)"
}

// span is a length of time in its two largest units.
func span(d time.Duration) string {
	d = max(d, 0)
	if d >= time.Minute {
		d = d.Round(time.Second)
	}

	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}

	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// show writes how a run stands.
func (w *Watcher) show(n news) {
	w.line(n.text, w.headline != n.headline)
	w.headline = n.headline
}

// line writes over the last line or, where lines stay, a new one: at once if it
// is urgent.
func (w *Watcher) line(text string, urgent bool) {
	w.following = true
	now := w.Now()
	switch {
	case w.Width != nil:
		w.write("\r" + cut(Clean(text), w.Width()-1) + "\x1b[K")
	case urgent || now.Sub(w.at) >= plainEvery:
		w.at = now
		w.write(now.Format(time.TimeOnly) + "  " + Clean(text) + "\n")
	}
}

// last writes lines that stay.
func (w *Watcher) last(lines ...string) {
	w.clear()
	for _, text := range lines {
		if w.Width == nil {
			text = w.Now().Format(time.TimeOnly) + "  " + text
		}
		w.write(Clean(text) + "\n")
	}
}

// clear removes the line, for the next one.
func (w *Watcher) clear() {
	if w.Width != nil && w.following {
		w.write("\r\x1b[K")
	}
}

// write ignores a failure: it could only be reported to the terminal that failed.
func (w *Watcher) write(text string) { _, _ = io.WriteString(w.Out, text) }

// Clean takes out what would steer the terminal: a provider's words are in the
// text.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// cut shortens a text to a number of columns, between what people see as
// characters (UAX #29).
func cut(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}

	var short strings.Builder
	left := columns - 1 // for the ellipsis
	for characters := uniseg.NewGraphemes(text); characters.Next(); {
		if left -= characters.Width(); left < 0 {
			break
		}
		short.WriteString(characters.Str())
	}

	return short.String() + "…"
}
