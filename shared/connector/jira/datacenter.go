package jira

import (
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/atlassian"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// datacenter is Jira Data Center and Server, version 2 of the API:
// https://docs.atlassian.com/software/jira/docs/api/REST/
type datacenter struct{}

func (datacenter) root() string { return "/rest/api/2" }

func (datacenter) authorization(cfg Config) string { return "Bearer " + cfg.Token }

func (datacenter) render(blocks []document.Block) string { return atlassian.Wiki(blocks) }

func (datacenter) size(blocks []document.Block) int { return atlassian.WikiSize(blocks) }

func (datacenter) description(body string) any { return body }

// properties: a search in a Data Center does not return them, so the label is the
// only marker.
func (datacenter) properties(connector.Marker) []property { return nil }

func (datacenter) findsWithoutLabel() bool { return false }

func (datacenter) wanted(q url.Values) url.Values { return q }

func (datacenter) editQuery(quiet bool) string {
	if quiet {
		return "?notifyUsers=false"
	}
	return ""
}

func (datacenter) refusesQuiet(answer outbound.Response) bool {
	return answer.Status == http.StatusForbidden
}

func (datacenter) search(q url.Values, cursor string) string {
	if cursor == "" {
		cursor = "0"
	}
	q.Set("startAt", cursor)
	return "/search?" + q.Encode()
}

// next is behind the issues of the page: a server may give fewer than it was
// asked for.
func (datacenter) next(p page, cursor string) (string, bool) {
	at, _ := strconv.Atoi(cursor)
	switch {
	case p.Total == nil || *p.Total < 0:
		return "", false
	case at+p.count >= *p.Total, p.count == 0:
		return "", true
	}

	return strconv.Itoa(at + p.count), true
}

func (datacenter) hint(Config) string { return "the personal access token is wrong or has expired" }
