package recording

import (
	"encoding/json"
	"strconv"
	"strings"
)

// body is a body without what must not be in it.
func (c *cleaner) body(b Body, contentType string) Body {
	sent := b.Bytes()
	if len(sent) == 0 {
		return b
	}

	if value, err := parse(sent); err == nil {
		return BodyOf(encode(c.value(value, other, false)))
	}

	if strings.HasPrefix(strings.ToLower(contentType), "application/x-www-form-urlencoded") {
		return BodyOf([]byte(c.query(string(sent))))
	}

	text := c.prose(c.secrets.remove(string(sent)))
	for _, form := range c.rules.Texts {
		text = form.ReplaceAllString(text, "${1}"+Redacted)
	}

	return BodyOf([]byte(text))
}

// value is a JSON value. Its kind is that of the member that holds it; expected
// reports that people stand there.
func (c *cleaner) value(value any, k kind, expected bool) any {
	switch value := value.(type) {
	case object:
		return c.object(value, k, expected)
	case []any:
		clean := make([]any, len(value))
		for i, one := range value {
			clean[i] = c.value(one, k, expected)
		}

		return clean

	case string:
		if k == other && expected {
			k = login
		}

		return c.named(k, value)

	case json.Number:
		return c.numeral(value, k, expected)
	}

	return value
}

// object is a JSON object.
func (c *cleaner) object(o object, k kind, expected bool) object {
	person := c.rules.isPerson(o, expected)

	clean := make(object, len(o))
	for i, m := range o {
		own := c.rules.kindOf(m.name)
		if person {
			own = c.rules.personal(m.name)
		}

		if own == other && (k == avatar || k == secret) {
			own = k
		}

		clean[i] = member{c.text(m.name), c.value(m.value, own, listed(c.rules.People, strings.ToLower(m.name)))}
	}

	return clean
}

// named is a text whose kind is known.
func (c *cleaner) named(k kind, value string) string {
	if value == "" {
		return value
	}

	switch k {
	case secret, detail:
		return Redacted
	case avatar:
		if strings.Contains(value, "://") {
			return "https://" + Host + "/avatar"
		}

		return "avatar"

	case login, display, email, id:
		if strings.Contains(value, "://") {
			return c.text(value)
		}

		if replaced := c.people.value(k, value); replaced != value {
			return replaced
		}
	}

	return c.prose(value)
}

// numeral is a number: an account id, a secret, or a plain one.
func (c *cleaner) numeral(n json.Number, k kind, expected bool) json.Number {
	if k == id || expected && k != secret {
		replaced := c.people.value(id, n.String())
		if _, err := strconv.ParseInt(replaced, 10, 64); err == nil {
			return json.Number(replaced)
		}

		return "0"
	}

	if k == secret || c.secrets.holds(n.String(), nested) {
		return "0"
	}

	return n
}
