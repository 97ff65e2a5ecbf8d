package discord

import (
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// What proves that Discord answered a read. A page of messages is held against
// the list's rule as it is read.
var listProof = answers.ProofOf(domain.Discord, answers.BotAccess, answers.OpList)

// foreign is the error for an answer of success without proof.
func (c *core) foreign(method string, response outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, response, c.client.Clean)
	e.RequestID = c.client.Clean(response.Header.Get("Cf-Ray"))

	return e
}

// proven reads the message that a write was answered with. Unproven says that
// the answer is documented and does not show a message. An answer that is not
// the documented one counts if the message in it has the footer that was sent.
func (c *core) proven(method string, p post, response outbound.Response) (m posted, unproven bool, err error) {
	operation := answers.OpPost
	if method == http.MethodPatch {
		operation = answers.OpEdit
	}

	rule := answers.ProofOf(domain.Discord, c.way, operation)

	row, documented := rule.Match(response)
	if documented && row.Unproven {
		return posted{}, true, nil
	}

	if err := json.Unmarshal(response.Body, &m); err != nil || !rule.Holds(response) || !snowflake.MatchString(m.ID) {
		return posted{}, false, c.foreign(method, response)
	}

	if !documented && !m.has(p) {
		return posted{}, false, c.foreign(method, response)
	}

	return m, false, nil
}

// has reports whether a message has the footer, which holds the marker's code, of
// what was sent.
func (m posted) has(p post) bool {
	for _, e := range m.Embeds {
		if e.Footer != nil && len(p.Embeds) > 0 && p.Embeds[0].Footer != nil && e.Footer.Text == p.Embeds[0].Footer.Text {
			return true
		}
	}

	return false
}
