package message

import (
	"crypto/sha256"
	"errors"
	"regexp"

	"example.com/integrations/shared/connector"
)

// codeBytes is the part of the hash that a code shows: 80 bits. Among a million
// markers that are looked for at once, two have the same code with a probability
// of about 4e-13.
const codeBytes = 10

// CodeSize is how many letters and digits a code has.
const CodeSize = codeBytes * 8 / 5

// Code is a short text that stands for a marker where people see it: the first 80
// bits of the SHA-256 of the marker's text, in small letters and digits. The text
// holds the marker's tag, which only the deployment can compute. So no other system
// can compute the code of a message before it is posted. The marker cannot be read
// back from it.
func Code(m connector.Marker) string {
	sum := sha256.Sum256([]byte(m.Text()))
	return connector.Letters.EncodeToString(sum[:codeBytes])
}

var codeForm = regexp.MustCompile(`^[a-z2-7]{16}$`)

// IsCode reports whether a text has the form of a code.
func IsCode(text string) bool { return codeForm.MatchString(text) }

// ErrSameCode says that two of the wanted markers have one code, so that their
// messages cannot be distinguished.
var ErrSameCode = errors.New("two markers have the same code")

// ByCode gives the wanted markers by their codes. It fails with ErrSameCode if two
// different markers have one code.
func ByCode(want []connector.Marker) (map[string]connector.Marker, error) {
	return byCode(want, Code)
}

// byCode is ByCode with a function that gives the code of a marker.
func byCode(want []connector.Marker, code func(connector.Marker) string) (map[string]connector.Marker, error) {
	wanted := make(map[string]connector.Marker, len(want))
	for _, m := range want {
		key := code(m)
		if other, taken := wanted[key]; taken && other != m {
			return nil, ErrSameCode
		}
		wanted[key] = m
	}

	return wanted, nil
}
