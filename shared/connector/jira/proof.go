package jira

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// The documented answers of success. Another one may be a gateway's: some answer
// with 200 and a login page.
var (
	createProof = answers.ProofOf(domain.Jira, "", answers.OpCreate)
	editProof   = answers.ProofOf(domain.Jira, "", answers.OpUpdate)
	moveProof   = answers.ProofOf(domain.Jira, "", answers.OpTransition)
)

// provenCreate returns the issue that an answer to a create names. An answer
// that is not a documented one must hold the whole issue, with the marker that
// was sent.
func provenCreate(answer outbound.Response, m connector.Marker) (issue, bool) {
	var made issue
	if answer.Status >= 300 || json.Unmarshal(answer.Body, &made) != nil || !made.named() {
		return issue{}, false
	}

	ours := made.whole() && slices.Contains(made.Fields.Labels, label(m))

	return made, createProof.Proven(answer) || ours
}

// shows reports whether an issue has what an edit sent. Jira trims texts, changes
// line ends, and gives ids to parts of a document.
func (i issue) shows(d draft) bool {
	sent, err := json.Marshal(d.Fields.Description)
	if err != nil || strings.TrimSpace(i.Fields.Summary) != strings.TrimSpace(d.Fields.Summary) {
		return false
	}
	if !bytes.Equal(canonical(sent), canonical(i.Fields.Description)) {
		return false
	}
	if d.Update == nil {
		return true
	}

	for _, change := range d.Update.Labels {
		if change.Add != "" && !slices.Contains(i.Fields.Labels, change.Add) {
			return false
		}
		if change.Remove != "" && slices.Contains(i.Fields.Labels, change.Remove) {
			return false
		}
	}

	return true
}

// canonical is a description in one spelling: a text without white space around
// it, a document without the parts that are not content, null for nothing.
func canonical(description rawText) []byte {
	var value any
	d := json.NewDecoder(bytes.NewReader(description))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return []byte("null")
	}

	value = plain(value)
	if text, ok := value.(string); ok {
		value = strings.TrimSpace(text)
	}

	if value == "" {
		value = nil
	}

	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // what was decoded marshals
	}

	return b
}
