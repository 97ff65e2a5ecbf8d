package recording

import (
	"net/url"
	"strings"
)

// target is the path and query of a request.
func (s *Scrubber) target(target string) string {
	clean := s.pathAndQuery(s.secrets.remove(target))
	if clean != "" && !strings.HasPrefix(clean, "/") {
		return "/" + clean
	}

	return clean
}

func (s *Scrubber) pathAndQuery(target string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(s.paths(path), "/")
	for i, part := range parts {
		parts[i] = s.segment(part, i > 0 && listed(s.rules.Segments, strings.ToLower(parts[i-1])))
	}

	path = strings.Join(parts, "/")
	if asked {
		return path + "?" + s.query(query)
	}

	return path
}

// segment is a part of a path, which may name a person.
func (s *Scrubber) segment(part string, person bool) string {
	plain, err := url.PathUnescape(part)
	if err != nil {
		return s.text(part)
	}

	clean := plain
	if person && plain != "" {
		clean = s.person(plain)
	}

	if clean == plain {
		clean = s.text(plain)
	}

	if clean == plain {
		return part
	}

	return url.PathEscape(clean)
}

// person is a value that names a person by login or by id.
func (s *Scrubber) person(value string) string {
	k := login
	if digits(value) {
		k = id
	}

	return s.people.value(k, value)
}

// query is a query or a form.
func (s *Scrubber) query(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}

		clean := escapedIfChanged(name, s.text(plain), plain)
		if has {
			clean += "=" + s.parameter(plain, value)
		}

		pairs[i] = clean
	}

	return strings.Join(pairs, "&")
}

func (s *Scrubber) parameter(name, value string) string {
	plain, err := url.QueryUnescape(value)
	if err != nil {
		return url.QueryEscape(s.text(value))
	}

	// A form may hold JSON, as Slack's do.
	if tree, err := parse([]byte(plain)); err == nil && strings.ContainsAny(plain, "{[") {
		text := string(encode(s.value(tree, other, false)))

		return escapedIfChanged(value, text, string(encode(tree)))
	}

	k := s.rules.kindOf(name)
	if k == other && listed(s.rules.People, strings.ToLower(name)) {
		k = login
	}

	return escapedIfChanged(value, s.named(k, plain), plain)
}

// escapedIfChanged keeps the escapes of a part that was not changed.
func escapedIfChanged(was, clean, plain string) string {
	if clean == plain {
		return was
	}

	return url.QueryEscape(clean)
}
