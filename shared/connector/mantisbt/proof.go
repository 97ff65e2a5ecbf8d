package mantisbt

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/proof"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// What proves that MantisBT did what was asked. A server that shows PHP's errors
// answers with 200 and their text where the request failed, and puts warnings
// before or behind valid JSON.
var (
	createProof = proof.Of(domain.MantisBT, "", proof.Create)
	updateProof = proof.Of(domain.MantisBT, "", proof.Update)
)

// provenCreate gives the issue that an answer to a create holds. An answer that
// is not the documented one must hold the marker that was sent: text behind the
// issue may say that something failed.
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

// shows reports whether an issue is as a draft wants it. MantisBT trims texts,
// and old tables have no characters of four bytes.
func (i issue) shows(d draft) bool {
	same := func(a, b string) bool {
		return strings.TrimSpace(strings.ReplaceAll(narrowed(a), "\r\n", "\n")) == strings.TrimSpace(strings.ReplaceAll(narrowed(b), "\r\n", "\n"))
	}
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

// A fault in the place of data: {"issues":[{"status_code":403,…}]} for one issue,
// {"issues":{"status_code":404,…}} for a list, both with 200.
type fault struct {
	Status int    `json:"status_code"`
	Words  string `json:"fault_string"`
}

// faultIn gives a refusal that stands in the place of data, as an answer with
// its own status.
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

// harmless is a line in which PHP shows a notice.
var harmless = regexp.MustCompile(`^(?:<b>)?(?:Notice|Deprecated|Strict Standards)(?:</b>)?: .* on line (?:<b>)?[0-9]+(?:</b>)?(?:<br />)?$`)

// maxNotices bounds the text behind an answer that is looked at, in bytes.
const maxNotices = 64 << 10

// withoutNotices cuts off PHP's notices behind an answer. Other text stays, and
// makes the answer unreadable: after a warning or an error a list may lack
// issues.
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

// notesProved are the versions on which `"notes": []` in a PATCH was seen to
// lose no note. There the PATCH asks for no right to change notes. Without it,
// MantisBT writes all of the issue's notes anew and refuses the whole change to
// those who may not (update_bugnote_threshold). Elsewhere the member could
// delete notes, so it is left out.
var notesProved = map[string]string{
	"2.28.4": fromRecordings + "patch-with-foreign-note-notes-emptied",
}

// notes is the list for a PATCH to a server of a version, nil to leave it out.
func notes(version string) *[]struct{} {
	if notesProved[version] == "" {
		return nil
	}

	return &[]struct{}{}
}
