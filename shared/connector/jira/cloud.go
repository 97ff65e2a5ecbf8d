package jira

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/atlassian"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// cloud is Jira Cloud, version 3 of the API:
// https://developer.atlassian.com/cloud/jira/platform/rest/v3/
type cloud struct{}

func (cloud) root() string { return "/rest/api/3" }

func (cloud) authorization(cfg Config) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Email+":"+cfg.Token))
}

func (cloud) render(blocks []document.Block) string { return atlassian.ADF(blocks) }

func (cloud) size(blocks []document.Block) int { return atlassian.ADFSize(blocks) }

func (cloud) description(body string) any {
	if json.Valid([]byte(body)) {
		return json.RawMessage(body)
	}
	return json.RawMessage(atlassian.ADF(nil))
}

func (cloud) properties(m connector.Marker) []property { return []property{{propertyKey, traceOf(m)}} }

// findsWithoutLabel: a property is a marker too. It is read with each issue.
func (cloud) findsWithoutLabel() bool { return true }

func (cloud) wanted(q url.Values) url.Values {
	q.Set("properties", propertyKey)
	return q
}

// editQuery asks for the issue as it is after the edit. An account that may not
// suppress the mail to watchers is not refused: Jira sends the mail.
func (cloud) editQuery(bool) string { return "?notifyUsers=false&returnIssue=true" }

func (cloud) refusesQuiet(outbound.Response) bool { return false }

func (cloud) search(q url.Values, cursor string) string {
	if cursor != "" {
		q.Set("nextPageToken", cursor)
	}
	return "/search/jql?" + q.Encode()
}

func (cloud) next(p page, cursor string) (string, bool) {
	switch {
	case p.IsLast != nil && *p.IsLast:
		return "", true
	case p.Token != nil && *p.Token != "" && *p.Token != cursor && len(*p.Token) <= 4096:
		return *p.Token, true
	case p.IsLast == nil && p.Token == nil:
		return "", true
	}

	return "", false
}

func (cloud) hint(cfg Config) string {
	if strings.HasPrefix(cfg.BaseURL, gateway) {
		return "the email, the token or the cloud id in base_url is wrong, or the token has expired"
	}
	return "the email or the token is wrong, or the token has expired; a token with scopes works only at https://api.atlassian.com/ex/jira/CLOUD_ID"
}
