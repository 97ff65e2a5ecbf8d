package markup

import (
	"regexp"
	"strings"

	"example.com/integrations/shared/domain"
)

// MaxFactName is how many characters of a name are shown.
const MaxFactName = 80

// FactsLine says in one line what an item belongs to, who works on it, until when,
// and who changed it last:
//
//	Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob
//
// Facts that the item does not have are left out; the line of an item without any
// is "". A name is foreign text: FactsLine cuts it, keeps it on one line and breaks
// what a provider would show as a link. show writes the name in the markup of the
// provider, so that it mentions no user and refers to nothing.
func FactsLine(item domain.Item, show func(name string) string) string {
	named := func(n *domain.Named) string {
		name := factText(n)
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

// factText is a name as one short line without links, "" if nothing of it can be
// seen.
func factText(n *domain.Named) string {
	if n == nil {
		return ""
	}

	text := OneLine(n.Name)
	if IsBlank(text) {
		return ""
	}

	text = Cut(text, MaxFactName, "…")

	return factAddress.ReplaceAllString(text, "$1$3$5"+breaker+"$2$4")
}

// factAddress finds where to break what providers make a link of: the address of a
// page, with or without a scheme, and an e-mail address.
var factAddress = regexp.MustCompile(`(?i)(:)(//)|(www)(\.)|(@)`)
