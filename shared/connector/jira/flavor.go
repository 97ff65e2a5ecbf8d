package jira

import (
	"encoding/json"
	"net/url"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// A flavor is where Jira Cloud and Jira Data Center differ.
type flavor interface {
	drafter
	pager
	root() string
	authorization(Config) string
	// hint says what may be wrong with rejected credentials.
	hint(Config) string
}

// flavorOf is the flavor of a configuration.
func flavorOf(name string) flavor {
	if name == form.Cloud {
		return cloud{}
	}

	return datacenter{}
}

// A drafter makes the parts of a draft.
type drafter interface {
	dialect
	properties(m connector.Marker) []property
	// findsWithoutLabel reports whether a new issue has another marker than a label.
	findsWithoutLabel() bool
	editQuery(quiet bool) string
	refusesQuiet(answer outbound.Response) bool
}

// A dialect is how descriptions are written.
type dialect interface {
	render(blocks []document.Block) string
	size(blocks []document.Block) int
	// description is a rendered one as a member of a request.
	description(body string) any
}

// A pager makes the requests of a search.
type pager interface {
	wanted(url.Values) url.Values
	// search is the path of a page. The first page's cursor is "".
	search(query url.Values, cursor string) string
	// next is the cursor behind a page, "" where there is none. It is not ok if the
	// answer does not say whether there is one.
	next(p page, cursor string) (next string, ok bool)
}

// rawText is a description in JSON: a document in Jira Cloud, a string in Data
// Center, null where there is none.
type rawText = json.RawMessage
