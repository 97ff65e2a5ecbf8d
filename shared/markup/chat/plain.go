package chat

import (
	"regexp"

	"example.com/integrations/shared/markup/document"
)

// Plain is text that is shown as it stands, as in a text run of an Adaptive
// Card. Only what Teams could take for a mention is broken up: it takes an
// entity to be one, but nothing says that it always will.
type Plain struct{}

var at = regexp.MustCompile(`(?i)<(/?at\b)`)

// Text is the text itself.
func (Plain) Text(text string) string { return at.ReplaceAllString(text, "<"+breaker+"$1") }

// Link is the address itself.
func (Plain) Link(address string) string { return address }

func (Plain) style(_ document.Span, text string) string { return text }
func (p Plain) code(text string) string                 { return p.Text(text) }
func (p Plain) block(text, _ string) string             { return p.Text(text) }
func (Plain) start(line string) string                  { return line }
func (Plain) quote() string                             { return "› " }
