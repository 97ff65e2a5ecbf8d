package chat

import (
	"regexp"

	"example.com/integrations/shared/markup/document"
)

// Plain is text that is shown as it stands, as in a text run of an Adaptive
// Card. Only what Teams could read as a mention is broken up. Today a mention needs
// an entity in the card, but no page promises that this stays.
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
