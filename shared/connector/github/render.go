package github

import (
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// GitHub's limits, in code points. It states none but the hundred labels; the
// others are what it refuses with 422.
const (
	maxTitle  = 256
	maxBody   = 65536
	maxLabel  = 50
	maxLabels = 100
)

// A renderer shows items as issues.
type renderer struct {
	markdown   markdown.Renderer
	withLabels bool // whether the items' labels are kept on the issues
}

// newRenderer makes the renderer for the server of a place.
func newRenderer(cfg Config, place *place) renderer {
	return renderer{withLabels: cfg.Labels, markdown: markdown.Renderer{
		Dialect:       markup.NewGitHub(pagesHost(place.baseURL)),
		TitleTemplate: cfg.TitleTemplate,
		BodyTemplate:  cfg.BodyTemplate,
		MaxTitle:      maxTitle,
		MaxBody:       maxBody,
	}}
}

// render shows an item as an issue.
func (r renderer) render(item domain.Item) connector.Content {
	return connector.Content{Title: r.markdown.Title(item), Body: r.markdown.Body(item), Labels: r.labels(item.Labels), State: item.State}
}

// pagesHost is the host where people look at the issues of an API.
func pagesHost(baseURL string) string {
	host := strings.TrimPrefix(strings.ToLower(baseURL), "https://")
	host, _, _ = strings.Cut(host, "/")
	if host == "api.github.com" || strings.HasSuffix(host, ".ghe.com") {
		return strings.TrimPrefix(host, "api.")
	}
	return host
}
