package message

import (
	"fmt"
	"strings"

	"example.com/integrations/shared/connector"
)

// Totals says how many items a digest is about and what has happened to them.
func Totals(d connector.Digest) string {
	var parts []string
	for _, one := range []struct {
		n    int
		what string
	}{{d.New, "new"}, {d.Changed, "changed"}, {d.Closed, "closed"}, {d.Reopened, "reopened"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprint(one.n, " ", one.what))
		}
	}

	items := "items"
	if d.Total() == 1 {
		items = "item"
	}

	return fmt.Sprintf("%d %s: %s", d.Total(), items, strings.Join(parts, ", "))
}

// Shown are the items a digest names.
func Shown(d connector.Digest) []connector.Content {
	return d.First[:min(len(d.First), connector.DigestShows)]
}

// More is the digest's last line, "" if it names every item, or none.
func More(d connector.Digest) string {
	if n := d.Total() - len(Shown(d)); n > 0 && len(d.First) > 0 {
		return fmt.Sprintf("and %d more", n)
	}
	return ""
}
