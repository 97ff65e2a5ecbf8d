package mantisbt

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// A number is an id. Some versions write ids as text.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" {
		return nil
	}

	read, err := strconv.ParseInt(text, 10, 64)
	*n = number(read)

	return err
}

// number64 is the number that a text is, or 0.
func number64(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}

	return id
}

// A named thing is a project, a status or a resolution.
type named struct {
	ID   number `json:"id"`
	Name string `json:"name"`
}

// An issue is what is read of MantisBT's.
type issue struct {
	ID          number    `json:"id"`
	Summary     string    `json:"summary"`
	Description string    `json:"description"`
	Additional  string    `json:"additional_information"`
	Project     named     `json:"project"`
	Status      named     `json:"status"`
	Sticky      bool      `json:"sticky"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// textHash is a hash of a text as MantisBT stores it. Its line ends are those of
// the last writer, and a form may leave white space at its end.
func textHash(summary, description string) string {
	description = strings.TrimRight(strings.ReplaceAll(description, "\r\n", "\n"), " \t\n")
	sum := sha256.Sum256([]byte(strconv.Quote(summary) + description))

	return hex.EncodeToString(sum[:16])
}
