package slack

import (
	"encoding/json"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// What proves that Slack did what was asked.
var (
	postProof = answers.ProofOf(domain.Slack, answers.BotAccess, answers.OpPost)
	editProof = answers.ProofOf(domain.Slack, answers.BotAccess, answers.OpEdit)
	listProof = answers.ProofOf(domain.Slack, answers.BotAccess, answers.OpList)
	hookProof = answers.ProofOf(domain.Slack, answers.WebhookAccess, answers.OpPost)
)

// foreign is the error for an answer of success without proof.
func (c *core) foreign(method string, response outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, response, c.client.Clean)
	e.RequestID = c.client.Clean(response.Header.Get("X-Slack-Req-Id"))

	return e
}

// posts reports whether an answer proves that a message was posted: it is the
// documented one, or the message in it has the marker that was sent.
func posts(response outbound.Response, m connector.Marker) bool {
	if postProof.Proven(response) {
		return true
	}

	var made struct {
		Message posted `json:"message"`
	}
	if err := json.Unmarshal(response.Body, &made); err != nil || !postProof.Holds(response) || made.Message.Metadata == nil {
		return false
	}

	return made.Message.Metadata.EventType == eventType && made.Message.Metadata.EventPayload.Key == message.Key(m)
}
