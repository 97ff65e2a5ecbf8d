package recording

import (
	"encoding/json"
	"regexp"
	"strings"
)

// opening matches where an object with members may begin.
var opening = regexp.MustCompile(`\{\s*"`)

// mostTries bounds how many texts that look like objects and are none are tried.
const mostTries = 200

// A piece is an object within a text.
type piece struct {
	from, to int
	value    any
}

// pieces are the objects within a text that is more than one JSON value: a page with
// a script, JSON behind a warning, one value a line.
func pieces(text string) []piece {
	var all []piece
	tries := 0
	for from := 0; tries < mostTries; {
		found := opening.FindStringIndex(text[from:])
		if found == nil {
			break
		}

		from += found[0]

		var raw json.RawMessage
		decoder := json.NewDecoder(strings.NewReader(text[from:]))
		err := decoder.Decode(&raw)
		var value any
		if err == nil {
			value, err = parse(raw)
		}

		if err != nil {
			tries++
			from++

			continue
		}

		to := from + int(decoder.InputOffset())
		all = append(all, piece{from, to, value})
		from = to
	}

	return all
}

// prose is a text in which objects may stand.
func (c *cleaner) prose(text string) string {
	found := pieces(text)
	if len(found) == 0 {
		return c.text(text)
	}

	var clean strings.Builder
	from := 0
	for _, p := range found {
		clean.WriteString(c.text(text[from:p.from]))
		inside := string(encode(c.value(p.value, other, false)))
		if inside == string(encode(p.value)) {
			inside = text[p.from:p.to]
		}

		clean.WriteString(inside)
		from = p.to
	}

	clean.WriteString(c.text(text[from:]))

	return clean.String()
}
