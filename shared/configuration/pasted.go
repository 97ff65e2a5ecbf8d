package configuration

import (
	"strings"

	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/domain"
)

// The members that hold what people paste.
const (
	webhookURL  = "webhook_url"
	threadID    = "thread_id"
	workflowURL = "workflow_url"
)

// unpaste moves what people paste along with an address to the member that it
// belongs to: the thread in the query of a Discord webhook's URL. It returns the
// conflict with a thread that is given in that member too.
func (s *schema) unpaste(doc *object) []FieldError {
	pasted, isText := doc.values[webhookURL].(string)
	if s.provider != domain.Discord || !isText {
		return nil
	}

	webhook, thread, found := address.DiscordThread(pasted)
	if !found {
		return nil
	}

	given, present := doc.values[threadID]
	if text, isText := given.(string); present && !isText {
		return nil // the schema says what is wrong with it
	} else if present && text != thread {
		return []FieldError{{root + "." + threadID, "is another thread than webhook_url names: give one of them only"}}
	}

	if !present {
		doc.names = append(doc.names, threadID)
	}

	doc.values[threadID] = thread
	doc.values[webhookURL] = webhook

	return nil
}

// respell writes path and query of a workflow's URL into the one spelling that is
// stored and sent (see address.TeamsWorkflow). The document is valid.
func (s *schema) respell(doc *object) {
	text, isText := doc.values[workflowURL].(string)
	if s.provider != domain.Teams || !isText || text == domain.Mask {
		return
	}

	before, query, _ := strings.Cut(text, "?")
	doc.values[workflowURL] = strings.TrimSuffix(before, "/") + "?" + strings.ReplaceAll(query, "/", "%2F")
}

// base reads the member base_url in its canonical form.
func (s *schema) base(text string) (address.URL, error) {
	if s.provider == domain.Slack {
		return address.Slack(text)
	}

	return address.Base(text)
}
