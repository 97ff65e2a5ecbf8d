package mantisbt

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// The documented answers of success. A server that shows PHP's errors answers with
// 200 and their text where a request failed, and puts warnings before or behind
// valid JSON.
var (
	createProof = answers.ProofOf(domain.MantisBT, "", answers.OpCreate)
	updateProof = answers.ProofOf(domain.MantisBT, "", answers.OpUpdate)
)

// provenCreate returns the issue in an answer to a create. An answer that is not
// the documented one must hold the marker that was sent: text behind the issue may
// say that something failed.
func provenCreate(answer outbound.Response, m connector.Marker) (issue, bool) {
	var made struct {
		Issue issue `json:"issue"`
	}
	if answer.Status >= 300 || json.Unmarshal(objectIn(answer.Body), &made) != nil || made.Issue.ID <= 0 {
		return issue{}, false
	}

	return made.Issue, createProof.Proven(answer) || strings.Contains(made.Issue.Additional, markerLine(m))
}

// objectIn is the JSON object in a body that may have other text around it, nil
// where there is none.
func objectIn(body []byte) []byte {
	at := bytes.Index(body, []byte(`{"issue`))
	if at < 0 {
		return nil
	}

	var object json.RawMessage
	if json.NewDecoder(bytes.NewReader(body[at:])).Decode(&object) != nil {
		return nil
	}

	return object
}

// shows reports whether an issue has what a draft sent. MantisBT trims texts, and
// old tables cannot store characters of four bytes.
func (i issue) shows(d draft) bool {
	same := func(a, b string) bool { return asStored(a) == asStored(b) }
	marker, _, _ := strings.Cut(d.Additional, "\n")
	switch {
	case !same(i.Summary, d.Summary), !same(i.Description, d.Description):
		return false
	case !strings.Contains(i.Additional, marker):
		return false
	case d.Status != nil && int64(i.Status.ID) != d.Status.ID:
		return false
	}

	return true
}

// asStored is a text as the narrowest table stores it.
func asStored(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(narrowed(text), "\r\n", "\n"))
}

// A fault stands in place of data: {"issues":[{"status_code":403,…}]} for one issue,
// {"issues":{"status_code":404,…}} for a list, both with 200.
type fault struct {
	Status int    `json:"status_code"`
	Words  string `json:"fault_string"`
}

// faultIn returns a fault in place of data as an answer with the fault's status.
func faultIn(answer outbound.Response) (outbound.Response, bool) {
	var whole struct {
		Issues json.RawMessage `json:"issues"`
	}
	if json.Unmarshal(answer.Body, &whole) != nil {
		return answer, false
	}

	var list []json.RawMessage
	if json.Unmarshal(whole.Issues, &list) == nil && len(list) == 1 {
		whole.Issues = list[0]
	}

	var f fault
	if json.Unmarshal(whole.Issues, &f) != nil || f.Status < 400 || f.Status > 599 {
		return answer, false
	}

	body, err := json.Marshal(map[string]string{"message": f.Words})
	if err != nil {
		panic(err) // strings always marshal
	}

	answer.Status = f.Status
	answer.Reason = ""
	answer.Body = body

	return answer, true
}

// harmless is the form of a line with a notice of PHP.
var harmless = regexp.MustCompile(`^(?:<b>)?(?:Notice|Deprecated|Strict Standards)(?:</b>)?: .* on line (?:<b>)?[0-9]+(?:</b>)?(?:<br />)?$`)

// maxNotices bounds the text behind an answer that is read, in bytes.
const maxNotices = 64 << 10

// withoutNotices cuts off PHP's notices behind an answer. Other text stays and
// makes the answer unreadable: after a warning or an error, issues may be missing
// in a list.
func withoutNotices(body []byte) []byte {
	end := bytes.LastIndexByte(body, '}') + 1
	rest := bytes.TrimSpace(body[end:])
	if end == 0 || len(rest) == 0 || len(rest) > maxNotices {
		return body
	}

	for line := range bytes.Lines(rest) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && string(line) != "<br />" && !harmless.Match(line) {
			return body
		}
	}

	return body[:end]
}
