package recording

import (
	"net/url"
	"strings"
)

// target is the path and query of a request.
func (c *cleaner) target(target string) string {
	clean := c.pathAndQuery(c.secrets.remove(target))
	if clean != "" && !strings.HasPrefix(clean, "/") {
		return "/" + clean
	}

	return clean
}

func (c *cleaner) pathAndQuery(target string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(c.paths(path), "/")
	for i, part := range parts {
		parts[i] = c.segment(part, i > 0 && listed(c.rules.Segments, strings.ToLower(parts[i-1])))
	}

	path = strings.Join(parts, "/")
	if asked {
		return path + "?" + c.query(query)
	}

	return path
}

// segment is a part of a path, which may name a person.
func (c *cleaner) segment(part string, person bool) string {
	plain, err := url.PathUnescape(part)
	if err != nil {
		return c.text(part)
	}

	clean := plain
	if person && plain != "" {
		clean = c.person(plain)
	}

	if clean == plain {
		clean = c.text(plain)
	}

	if clean == plain {
		return part
	}

	return url.PathEscape(clean)
}

// person is a value that names a person by login or by id.
func (c *cleaner) person(value string) string {
	k := login
	if digits(value) {
		k = id
	}

	return c.people.value(k, value)
}

// query is a query or a form.
func (c *cleaner) query(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}

		clean := escapedIfChanged(name, c.text(plain), plain)
		if has {
			clean += "=" + c.parameter(plain, value)
		}

		pairs[i] = clean
	}

	return strings.Join(pairs, "&")
}

func (c *cleaner) parameter(name, value string) string {
	plain, err := url.QueryUnescape(value)
	if err != nil {
		return url.QueryEscape(c.text(value))
	}

	// A form may hold JSON, as Slack's do.
	if tree, err := parse([]byte(plain)); err == nil && strings.ContainsAny(plain, "{[") {
		text := string(encode(c.value(tree, other, false)))

		return escapedIfChanged(value, text, string(encode(tree)))
	}

	k := c.rules.kindOf(name)
	if k == other && listed(c.rules.People, strings.ToLower(name)) {
		k = login
	}

	return escapedIfChanged(value, c.named(k, plain), plain)
}

// escapedIfChanged keeps the escapes of a part that was not changed.
func escapedIfChanged(was, clean, plain string) string {
	if clean == plain {
		return was
	}

	return url.QueryEscape(clean)
}
