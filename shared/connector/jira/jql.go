package jira

import (
	"strings"
	"time"
	_ "time/tzdata" // functions run where no time zones are installed

	"example.com/integrations/shared/connector"
)

// quote writes text as a string of JQL.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// minute writes a time for JQL, which knows minutes in the account's time zone
// and no offsets. At the end of summer time an hour occurs twice: then the time
// is one before both, since JQL cannot say which of them is meant.
func minute(at time.Time, zone *time.Location) string {
	const layout = "2006-01-02 15:04"
	local := func(t time.Time) string { return t.In(zone).Format(layout) }
	for _, d := range []time.Duration{-time.Hour, time.Hour, -30 * time.Minute, 30 * time.Minute} {
		if local(at) == local(at.Add(d)) {
			return quote(local(at.Add(-2 * time.Hour)))
		}
	}

	return quote(local(at))
}

// labelled is the condition that an issue has one of the markers' labels.
func labelled(want []connector.Marker) string {
	names := make([]string, len(want))
	for i, m := range want {
		names[i] = quote(label(m))
	}

	return "labels in (" + strings.Join(names, ", ") + ")"
}
