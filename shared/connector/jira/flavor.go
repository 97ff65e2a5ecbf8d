package jira

import (
	"encoding/json"
	"net/url"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// A flavor is what Jira Cloud and Jira Data Center do each in their own way.
type flavor interface {
	writer
	pager
	root() string
	authorization(Config) string
	// hint is what may be wrong with rejected credentials.
	hint(Config) string
}

// flavorOf is the flavor of a configuration.
func flavorOf(name string) flavor {
	if name == form.Cloud {
		return cloud{}
	}

	return datacenter{}
}

// A writer puts together what is written of an issue.
type writer interface {
	dialect
	properties(m connector.Marker) []property
	// findsWithoutLabel says that a new issue has another marker than a label.
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

// A pager goes through the results of a search.
type pager interface {
	wanted(url.Values) url.Values
	// search is the path of a page. The first page's cursor is "".
	search(query url.Values, cursor string) string
	// next is the cursor behind a page, "" where there is none; ok says whether
	// the answer told.
	next(p page, cursor string) (next string, ok bool)
}

// rawText is a description as a request or an answer has it: a document in Jira
// Cloud, a string in Data Center, null where there is none.
type rawText = json.RawMessage
