package gitlab

import (
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/raw"
)

// GitLab's limits, in code points, and how many labels we put on an issue: it
// states no limit for these.
const (
	maxTitle  = 255
	maxBody   = 1 << 20
	maxLabel  = 255
	maxLabels = 100
)

// A renderer shows items as issues.
type renderer struct {
	markdown   markdown.Renderer
	withLabels bool // whether the items' labels are kept on the issues
}

// newRenderer makes the renderer for the server of a place.
func newRenderer(cfg Config, place *place) renderer {
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(place.baseURL), "https://"), "/")

	return renderer{withLabels: cfg.Labels, markdown: markdown.Renderer{
		Dialect:       markup.NewGitLab(host),
		TitleTemplate: cfg.TitleTemplate,
		BodyTemplate:  cfg.BodyTemplate,
		MaxTitle:      maxTitle,
		MaxBody:       maxBody,
		Links:         raw.ImagesLinked,
	}}
}

// render shows an item as an issue.
func (r renderer) render(item domain.Item) connector.Content {
	return connector.Content{Title: r.markdown.Title(item), Body: r.markdown.Body(item), Labels: r.labels(item.Labels), State: item.State}
}
