package tracker

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ReadBody reads the body of a request up to a limit in bytes. It ends the request if
// the caller went away.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, tooLarge bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if err != nil && !errors.As(err, &over) {
		panic(http.ErrAbortHandler)
	}

	return body, over != nil
}

// Reads reports whether a request only reads.
func Reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// The errors of Members.
var (
	ErrSyntax    = errors.New("the body is not one JSON value in UTF-8")
	ErrNotObject = errors.New("the body is not a JSON object")
)

// Decode reads a body that is one JSON value in UTF-8. If strict, members that the
// value does not have are an error.
func Decode(body []byte, value any, strict bool) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if strict {
		decoder.DisallowUnknownFields()
	}

	if err := decoder.Decode(value); err != nil {
		return err
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || !utf8.Valid(body) {
		return ErrSyntax
	}

	return nil
}

// Members reads a body that is a JSON object. The error is ErrSyntax or ErrNotObject.
func Members(body []byte) (map[string]json.RawMessage, error) {
	var value json.RawMessage
	if Decode(body, &value, false) != nil {
		return nil, ErrSyntax
	}

	var given map[string]json.RawMessage
	if json.Unmarshal(value, &given) != nil || given == nil {
		return nil, ErrNotObject
	}

	return given, nil
}

// Encode writes a value as JSON and leaves <, > and & as they are.
func Encode(value any) []byte {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)

	return bytes.TrimSuffix(content.Bytes(), []byte("\n"))
}

// Number reads a whole number of at most 2^30. It returns otherwise if the text is
// none.
func Number(text string, otherwise int) int {
	if read, err := strconv.Atoi(text); err == nil {
		return min(read, 1<<30)
	}

	return otherwise
}

// Hash makes a number of a name, the same after every start.
func Hash(name string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte(name))

	return sum.Sum32()
}

// Identify makes an id of a name whose case does not matter. The id has bits bits.
func Identify(name string, bits int) int64 {
	return int64(Hash(strings.ToLower(name))>>(32-bits)) + 1
}

// Within leaves those times that are less than length ago.
func Within(times []time.Time, now time.Time, length time.Duration) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= length {
		times = times[1:]
	}

	return times
}
