package jira

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// An issue is what is read of Jira's.
type issue struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Fields struct {
		Summary     string   `json:"summary"`
		Description rawText  `json:"description"`
		Labels      []string `json:"labels"`
		Created     moment   `json:"created"`
		Updated     moment   `json:"updated"`
		Status      struct {
			Category struct {
				Key string `json:"key"`
			} `json:"statusCategory"`
		} `json:"status"`
	} `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// A moment is a time as Jira writes it, with no colon in the zone.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}

	for _, layout := range []string{"2006-01-02T15:04:05.999-0700", time.RFC3339Nano} {
		at, err := time.Parse(layout, *s)
		if err == nil {
			m.Time = at.UTC()
			return nil
		}
	}

	return nil // whole finds that it is missing
}

var keyForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}-[1-9][0-9]{0,9}$`)

// named reports whether it has the id and the key of an issue.
func (i issue) named() bool { return digits(i.ID) && keyForm.MatchString(i.Key) }

// whole reports whether everything asked for is there.
func (i issue) whole() bool {
	return i.named() && i.Fields.Status.Category.Key != "" && !i.Fields.Created.IsZero() && !i.Fields.Updated.IsZero()
}

// number is the number in a key, and the project's key before it.
func (i issue) number() (project string, n int) {
	at := strings.LastIndexByte(i.Key, '-')
	n, _ = strconv.Atoi(i.Key[at+1:])

	return i.Key[:max(at, 0)], n
}

// state goes by the category of the status. Statuses have names in any language,
// which people can change; the keys of the three categories are fixed.
func (i issue) state() domain.ItemState {
	if i.Fields.Status.Category.Key == categoryDone {
		return domain.Closed
	}

	return domain.Open
}

// text is a hash of summary and description as Jira stores them. It leaves out
// the form of line ends, and the ids that Jira gives to parts of a document at
// any time.
func (i issue) text() string {
	var description any
	d := json.NewDecoder(bytes.NewReader(i.Fields.Description))
	d.UseNumber()
	if d.Decode(&description) != nil {
		description = nil
	}

	canonical, err := json.Marshal([]any{i.Fields.Summary, plain(description)})
	if err != nil {
		canonical = i.Fields.Description
	}

	sum := sha256.Sum256(canonical)

	return hex.EncodeToString(sum[:16])
}

// plain is a value without the parts that are not content.
func plain(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "\r\n", "\n")
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		delete(v, "localId")
		for name := range v {
			v[name] = plain(v[name])
			if empty(v[name]) {
				delete(v, name)
			}
		}
	}

	return value
}

func empty(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}

	return false
}

// digits reports whether a text has the form of Jira's ids.
func digits(text string) bool {
	return text != "" && len(text) <= 19 && strings.Trim(text, "0123456789") == "" && text[0] != '0'
}
