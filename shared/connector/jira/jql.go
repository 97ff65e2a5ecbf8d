package jira

import (
	"strings"
	"time"
	_ "time/tzdata" // functions run where no zones are installed

	"example.com/integrations/shared/connector"
)

// quote writes text as a string of JQL.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// minute writes a time as JQL knows it: a minute of the clock on the wall of
// whose token it is. A time that the clock shows twice, when summer ends, is
// put back to before that, since nobody says which of the two is meant.
func minute(at time.Time, zone *time.Location) string {
	const layout = "2006-01-02 15:04"
	wall := func(t time.Time) string { return t.In(zone).Format(layout) }
	for _, d := range []time.Duration{-time.Hour, time.Hour, -30 * time.Minute, 30 * time.Minute} {
		if wall(at) == wall(at.Add(d)) {
			return quote(wall(at.Add(-2 * time.Hour)))
		}
	}

	return quote(wall(at))
}

// behind is the zone whose clocks are furthest back: a time in it is early
// enough in any.
var behind = time.FixedZone("UTC-12", -12*60*60)

// labelled is the condition that an issue carries one of the markers' labels.
func labelled(want []connector.Marker) string {
	labels := make([]string, len(want))
	for i, m := range want {
		labels[i] = quote(label(m))
	}
	return "labels in (" + strings.Join(labels, ", ") + ")"
}
