package teams

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
)

// maxCard bounds the size of a card. Teams takes about 28 KB for a whole message
// (https://learn.microsoft.com/microsoftteams/limits-specifications-teams); what
// is left is for the message around the card, to which the workflow adds its name.
const maxCard = 24_000

// size is how much of a message a card takes, in bytes. The workflow hands a card
// on as JSON in a text of JSON, where each quotation mark is escaped again. No
// page says whether Teams counts bytes of UTF-8 or of UTF-16, so the larger one
// counts.
func size(made card) int {
	wire := encode(made)
	within := encode(string(wire))
	units := utf16.Encode([]rune(string(wire)))

	return max(len(within), 2*len(units))
}

// encode is a value as JSON.
func encode(value any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // as long again, and means the same
	if err := e.Encode(value); err != nil {
		panic(err) // strings always marshal
	}

	return bytes.TrimRight(out.Bytes(), "\n")
}
