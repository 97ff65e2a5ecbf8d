package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/integrations/shared/domain"
)

// A Member reads one member of a body into its place. It returns what is wrong
// with the value as the end of a sentence, "" for nothing.
type Member func(raw json.RawMessage) string

// Text reads a string.
func Text(set func(string)) Member {
	return func(raw json.RawMessage) string {
		var v *string
		if json.Unmarshal(raw, &v) != nil || v == nil {
			return "must be a string"
		}

		set(*v)
		return ""
	}
}

// Truth reads a boolean.
func Truth(set func(bool)) Member {
	return func(raw json.RawMessage) string {
		var v *bool
		if json.Unmarshal(raw, &v) != nil || v == nil {
			return "must be true or false"
		}

		set(*v)
		return ""
	}
}

// OneOf reads a string that is one of several.
func OneOf[T ~string](allowed []T, set func(T)) Member {
	return func(raw json.RawMessage) string {
		var v *string
		if json.Unmarshal(raw, &v) != nil || v == nil || !slices.Contains(allowed, T(*v)) {
			names := make([]string, len(allowed))
			for i, name := range allowed {
				names[i] = string(name)
			}
			return "must be one of " + strings.Join(names, ", ")
		}

		set(T(*v))

		return ""
	}
}

// Fixed refuses a member that exists but cannot be changed.
func Fixed(raw json.RawMessage) string { return "cannot be changed" }

// Object reads a request's body as a JSON object whose members are all known.
// An unknown or doubled member, a wrong type, a null, invalid UTF-8 and data
// after the object are each reported by name, and so is a required member that is
// not given. An empty body is taken only where empty is true, and needs no
// content type then.
func (r Request) Object(types []string, empty bool, members map[string]Member, required ...string) error {
	body, err := r.Body()
	if err != nil || (empty && len(body) == 0) {
		return err
	}

	if err := checkType(r.Header("content-type"), types); err != nil {
		return err
	}

	if !utf8.Valid(body) {
		return invalidBody("The body is not valid UTF-8.")
	}

	names, values, err := split(body)
	if err != nil {
		return err
	}

	var fields []domain.FieldError
	seen := map[string]bool{}
	for i, name := range names {
		read, known := members[name]
		switch {
		case seen[name]:
			fields = append(fields, domain.FieldError{Field: shown(name), Detail: "is given twice"})
		case !known:
			fields = append(fields, domain.FieldError{Field: shown(name), Detail: "is not a member of this body"})
		default:
			if wrong := read(values[i]); wrong != "" {
				fields = append(fields, domain.FieldError{Field: name, Detail: wrong})
			}
		}

		seen[name] = true
		if len(fields) == maxFields {
			break
		}
	}

	for _, name := range required {
		if !seen[name] {
			fields = append(fields, domain.FieldError{Field: name, Detail: "is required"})
		}
	}

	if len(fields) > 0 {
		return BadBody(fields...)
	}

	return nil
}

// NoBody refuses a body that says anything: an empty one and an empty object
// are taken.
func (r Request) NoBody() error {
	return r.Object([]string{"application/json"}, true, nil)
}

// maxFields bounds the answer to a body full of mistakes.
const maxFields = 30

// shown cuts a foreign name to a length fit for an answer.
func shown(name string) string {
	runes := []rune(name)
	if len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return name
}

func checkType(header string, types []string) error {
	media, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	if err == nil && (charset == "" || charset == "utf-8") {
		for _, t := range types {
			if media == t {
				return nil
			}
		}
	}

	return &domain.Error{Code: domain.CodeUnsupportedMedia, Detail: "The content type must be " + strings.Join(types, " or ") + "."}
}

// split reads an object's members in order, doubled ones included.
func split(body []byte) (names []string, values []json.RawMessage, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	open, err := dec.Token()
	if err != nil {
		return nil, nil, invalidBody("The body is not JSON: " + sentence(err))
	}
	if open != json.Delim('{') {
		return nil, nil, invalidBody("The body must be a JSON object.")
	}

	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, nil, invalidBody("The body is not JSON: " + sentence(err))
		}

		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, nil, invalidBody("The body is not JSON: " + sentence(err))
		}

		names = append(names, fmt.Sprint(name))
		values = append(values, value)
	}

	if _, err := dec.Token(); err != nil {
		return nil, nil, invalidBody("The body is not JSON: " + sentence(err))
	}

	if _, err := dec.Token(); err != io.EOF {
		return nil, nil, invalidBody("There is data after the JSON object.")
	}

	return names, values, nil
}

func sentence(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "it ends too early."
	}
	return err.Error() + "."
}

func invalidBody(detail string) error {
	return &domain.Error{Code: domain.CodeInvalidBody, Detail: detail}
}
