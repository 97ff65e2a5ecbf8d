// Package facts says in one line what an item belongs to, who works on it, until
// when, and who changed it last. Trackers show the line below an item's text.
package facts

import (
	"regexp"
	"strings"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// MaxName is how many characters of a name are shown.
const MaxName = 80

// Line is such as
//
//	Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob
//
// Only what the item has is in it: it is "" for an item that has nothing of it.
// A name is foreign text. Line cuts it, keeps it on one line and breaks what a
// provider would make a link of; show writes it in the markup of the provider,
// so that it mentions nobody and refers to nothing.
func Line(item domain.Item, show func(name string) string) string {
	named := func(n *domain.Named) string {
		name := plain(n)
		if name == "" {
			return ""
		}
		return show(name)
	}

	all := domain.Facts{
		Type:      named(item.Type),
		Project:   named(item.Project),
		Milestone: named(item.Milestone),
		Owner:     named(item.Owner),
		Due:       item.DueDate(),
	}.Named()
	if by := named(item.UpdatedBy); by != "" {
		all = append(all, domain.Fact{Name: ChangedBy, Value: by})
	}

	var parts []string
	for _, fact := range all {
		parts = append(parts, fact.Name+": "+fact.Value)
	}

	return strings.Join(parts, " · ")
}

// ChangedBy is the name of the fact that says who changed the item last.
const ChangedBy = "Changed by"

// plain is a name as one short line without links, "" if nothing of it can be
// seen.
func plain(n *domain.Named) string {
	if n == nil {
		return ""
	}

	text := markup.OneLine(n.Name)
	if markup.IsBlank(text) {
		return ""
	}

	text = markup.Cut(text, MaxName, "…")

	return address.ReplaceAllString(text, "$1$3$5"+breaker+"$2$4")
}

// breaker is U+200B. It cannot be seen, and no provider recognises an address
// with it inside.
const breaker = "\u200b"

// address finds where to break what providers make a link of: the address of a
// page, with or without a scheme, and an e-mail address.
var address = regexp.MustCompile(`(?i)(:)(//)|(www)(\.)|(@)`)
