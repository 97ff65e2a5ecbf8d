package recording

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// text maps a text that may hold ids, tags and times.
func (m *mapping) text(text string) string {
	if mapped, ok := m.distinct[text]; ok {
		return mapped
	}

	text = idWords.ReplaceAllStringFunc(text, func(word string) string {
		if mapped, ok := m.distinct[word]; ok {
			return mapped
		}

		return word
	})

	return stamps.ReplaceAllStringFunc(text, m.stamp)
}

// idWords match what may be an id.
var idWords = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9_.:-]*[A-Za-z0-9=]`)

// target maps a path with its query.
func (m *mapping) target(target string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(path, "/")
	for i := 1; i < len(parts); i++ {
		parts[i] = m.segment(parts[i-1], parts[i])
	}

	path = strings.Join(parts, "/")
	if !asked {
		return path
	}

	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(value)
		if err != nil {
			continue
		}

		if mapped := m.text(plain); mapped != plain {
			pairs[i] = name + "=" + url.QueryEscape(mapped)
		}
	}

	return path + "?" + strings.Join(pairs, "&")
}

// segment maps a part of a path. A short id counts only behind the collection in
// which it was created, such as issues, or its singular.
func (m *mapping) segment(before, part string) string {
	plain, err := url.PathUnescape(part)
	if err != nil {
		return part
	}

	if mapped, ok := m.shortIn(before, plain); ok {
		return url.PathEscape(mapped)
	}

	if mapped, ok := m.distinct[plain]; ok {
		return url.PathEscape(mapped)
	}

	return part
}

// body maps a request's body. One that is not JSON is sent as it is.
func (m *mapping) body(b Body) []byte {
	value, err := parse(b.Bytes())
	if err != nil {
		return b.Bytes()
	}

	mapped := m.value(value, "", "")
	if same := encode(value); string(same) == string(encode(mapped)) {
		return b.Bytes()
	}

	return encode(mapped)
}

// value maps a value by the member that holds it and by the member that holds its
// object. A short id counts only in an object called like the collection in which
// it was created, such as {"issue": {"id": 1}}.
func (m *mapping) value(value any, name, parent string) any {
	switch value := value.(type) {
	case object:
		mapped := make(object, len(value))
		for i, one := range value {
			mapped[i] = member{one.name, m.value(one.value, one.name, name)}
		}

		return mapped

	case []any:
		mapped := make([]any, len(value))
		for i, one := range value {
			mapped[i] = m.value(one, name, parent)
		}

		return mapped

	case string:
		if mapped, ok := m.shortIn(parent, value); ok && listed(m.given.IDs, strings.ToLower(name)) {
			return mapped
		}

		return m.text(value)

	case json.Number:
		mapped, ok := m.shortIn(parent, value.String())
		if !ok || !listed(m.given.IDs, strings.ToLower(name)) {
			mapped, ok = m.distinct[value.String()]
		}

		if ok && digits(mapped) {
			return json.Number(mapped)
		}
	}

	return value
}

// shortIn maps a short id of a collection, which is given by its name or by its
// singular.
func (m *mapping) shortIn(collection, id string) (string, bool) {
	for _, name := range []string{collection, collection + "s"} {
		if mapped, ok := m.short[name][id]; ok {
			return mapped, true
		}
	}

	return "", false
}

func (m *mapping) lookup(id string) (string, bool) {
	if mapped, ok := m.distinct[id]; ok {
		return mapped, true
	}

	mapped, ok := m.numbers[id]

	return mapped, ok
}
