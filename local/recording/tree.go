package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// An object is a JSON object with its members in the order of the text.
type object []member

type member struct {
	name  string
	value any
}

// get is the value of a member. The last of two members with one name counts, as
// in encoding/json.
func (o object) get(name string) (value any, found bool) {
	for _, m := range o {
		if m.name == name {
			value = m.value
			found = true
		}
	}

	return value, found
}

// errNotJSON says that a text is not one JSON value.
var errNotJSON = errors.New("the text is not JSON")

// parse reads JSON into nil, bool, string, json.Number, []any and object.
func parse(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errNotJSON
	}

	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()

	return parseValue(d)
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}

	switch token {
	case json.Delim('{'):
		return parseObject(d)
	case json.Delim('['):
		return parseArray(d)
	}

	return token, nil
}

func parseObject(d *json.Decoder) (any, error) {
	all := object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}

		text, ok := name.(string)
		if !ok {
			return nil, errNotJSON
		}

		value, err := parseValue(d)
		if err != nil {
			return nil, err
		}

		all = append(all, member{text, value})
	}

	_, err := d.Token()

	return all, err
}

func parseArray(d *json.Decoder) (any, error) {
	all := []any{}
	for d.More() {
		value, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		all = append(all, value)
	}

	_, err := d.Token()

	return all, err
}

// encode writes what parse reads.
func encode(value any) []byte {
	var text bytes.Buffer
	encodeTo(&text, value)

	return text.Bytes()
}

func encodeTo(text *bytes.Buffer, value any) {
	switch value := value.(type) {
	case object:
		text.WriteByte('{')
		for i, m := range value {
			if i > 0 {
				text.WriteByte(',')
			}

			encodeScalar(text, m.name)
			text.WriteByte(':')
			encodeTo(text, m.value)
		}

		text.WriteByte('}')

	case []any:
		text.WriteByte('[')
		for i, one := range value {
			if i > 0 {
				text.WriteByte(',')
			}
			encodeTo(text, one)
		}

		text.WriteByte(']')

	default:
		encodeScalar(text, value)
	}
}

// encodeScalar writes a scalar, without the escapes that only HTML needs.
func encodeScalar(text io.Writer, value any) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // a scalar that was read always marshals
	}

	_, _ = text.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n"))) // a buffer takes everything
}
