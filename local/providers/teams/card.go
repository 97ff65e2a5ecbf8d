package teams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"os"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/integrations/local/providers/chat"
)

// A schema is that of Adaptive Cards. A nil one allows everything.
type schema struct{ compiled *jsonschema.Schema }

// loadSchema reads a schema. An empty path gives nil.
func loadSchema(path string) (*schema, error) {
	if path == "" {
		return nil, nil
	}

	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}

	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft6)
	if err := compiler.AddResource("card.json", document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	compiled, err := compiler.Compile("card.json")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	return &schema{compiled}, nil
}

// check lists how a card breaks the schema.
func (s *schema) check(card json.RawMessage) []string {
	if s == nil {
		return nil
	}

	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(card))
	if err != nil {
		return []string{err.Error()}
	}

	if members, is := document.(map[string]any); is {
		delete(members, "msteams") // Teams' own, which the schema does not have
	}

	err = s.compiled.Validate(document)
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		return nil
	}

	// The schema allows many forms of each element. The mistake is at the deepest
	// place at which all of them fail.
	deepest := broken
	for e := range causes(broken) {
		if len(e.InstanceLocation) > len(deepest.InstanceLocation) {
			deepest = e
		}
	}

	return []string{fmt.Sprintf("the card breaks the schema at /%s", strings.Join(deepest.InstanceLocation, "/"))}
}

func causes(e *jsonschema.ValidationError) func(func(*jsonschema.ValidationError) bool) {
	return func(yield func(*jsonschema.ValidationError) bool) {
		var walk func(*jsonschema.ValidationError) bool
		walk = func(e *jsonschema.ValidationError) bool {
			if !yield(e) {
				return false
			}

			for _, c := range e.Causes {
				if !walk(c) {
					return false
				}
			}

			return true
		}

		walk(e)
	}
}

// read returns the card of a request, and why Teams would not show it.
func (s *Server) read(c *chat.Call, flow Flow) (card json.RawMessage, failures []string) {
	var fail = func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	if media, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); media != "application/json" {
		fail("the media type is %q: the trigger hands on no object", c.Header.Get("Content-Type"))
	}

	card = c.Body
	if flow.Payload != Card {
		if attached, err := attachment(c.Body); err != nil {
			fail("%v", err)
		} else {
			card = attached
		}
	}

	if n := weight(c.Body, card); n > maxMessage {
		fail("the message has %d bytes, more than %d", n, maxMessage)
	}

	if len(failures) > 0 {
		return card, failures
	}

	return card, s.judge(card)
}

// weight is the length of a message in bytes. A workflow passes the card on as JSON in
// a text of JSON, where each quotation mark is escaped again. Microsoft does not
// publish whether Teams counts UTF-8 or UTF-16. The larger one counts.
func weight(body []byte, card json.RawMessage) int {
	var inner bytes.Buffer
	e := json.NewEncoder(&inner)
	e.SetEscapeHTML(false)
	_ = e.Encode(string(card)) // strings always marshal
	around := len(body) - len(card)
	return max(len(body), around+inner.Len()-1, 2*len(utf16.Encode([]rune(string(body)))))
}

// attachment is the one card of a message.
func attachment(body []byte) (json.RawMessage, error) {
	var message struct {
		Type        string  `json:"type"`
		Summary     *string `json:"summary"`
		Attachments []struct {
			ContentType string          `json:"contentType"`
			ContentURL  *string         `json:"contentUrl"`
			Content     json.RawMessage `json:"content"`
		} `json:"attachments"`
	}

	err := json.Unmarshal(body, &message)
	switch {
	case err != nil || message.Type != "message":
		return nil, errors.New("the body is no envelope: its type must be message")
	case message.Summary != nil && (strings.TrimSpace(*message.Summary) == "" || len(textHazards("", *message.Summary)) > 0):
		return nil, fmt.Errorf("the summary %q is no text for a notification", *message.Summary)
	case message.Attachments == nil:
		return nil, errors.New("the template goes through attachments, and there are none")
	case len(message.Attachments) != 1:
		return nil, fmt.Errorf("there are %d attachments instead of one", len(message.Attachments))
	case message.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive":
		return nil, fmt.Errorf("the attachment is %q and no adaptive card", message.Attachments[0].ContentType)
	case message.Attachments[0].ContentURL != nil:
		return nil, errors.New("contentUrl is given, where the content is inline")
	}

	return message.Attachments[0].Content, nil
}

// judge lists why Teams does not accept a card, and what our callers must not send.
func (s *Server) judge(card json.RawMessage) []string {
	var root map[string]any
	if err := json.Unmarshal(card, &root); err != nil || root["type"] != "AdaptiveCard" {
		return []string{"Property 'type' must be 'AdaptiveCard'"}
	}

	failures := s.schema.check(card)
	version, _ := root["version"].(string)
	if !slices.Contains([]string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"}, version) {
		failures = append(failures, fmt.Sprintf("Teams shows no cards of version %q", version))
	}

	var r reader
	r.card(root)
	slices.Sort(r.failed)
	failures = append(failures, r.failed...)
	walk(root, "", func(path string, value any) {
		failures = append(failures, hazards(path, value)...)
	})

	return failures
}

// walk calls a function with every value of a document and its path.
func walk(value any, path string, see func(path string, value any)) {
	see(path, value)
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			walk(v[name], path+"/"+name, see)
		}
	case []any:
		for i, one := range v {
			walk(one, fmt.Sprintf("%s/%d", path, i), see)
		}
	}
}
