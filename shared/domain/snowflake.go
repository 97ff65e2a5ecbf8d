package domain

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// A Snowflake identifies an object: an unsigned 63-bit integer, never 0,
// written as a decimal string of 1 to 19 digits without a leading zero.
type Snowflake uint64

// ErrNotSnowflake reports text that is not the canonical form of a snowflake.
var ErrNotSnowflake = errors.New("must be a decimal string of 1 to 19 digits without a leading zero, at most 9223372036854775807")

const maxSnowflake = 1<<63 - 1

// ParseSnowflake reads the canonical decimal form and nothing else: no sign,
// no leading zero, no white space, no 0, no value over 63 bits.
func ParseSnowflake(s string) (Snowflake, error) {
	if len(s) < 1 || len(s) > 19 || s[0] == '0' {
		return 0, ErrNotSnowflake
	}

	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, ErrNotSnowflake
		}
	}

	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > maxSnowflake {
		return 0, ErrNotSnowflake
	}

	return Snowflake(n), nil
}

// epoch is where the 41 bits of milliseconds start: 2015-01-01T00:00:00Z.
// They last until 2084.
const epoch = 1420070400000

// NewSnowflake makes an id from 41 bits of milliseconds and 22 random bits.
// Two made in the same millisecond can collide (1 in 4 million): code that stores
// one does so with a conditional put.
func NewSnowflake(now time.Time) Snowflake {
	ms := uint64(now.UnixMilli()-epoch) & (1<<41 - 1)
	return Snowflake(ms<<22 | rand.Uint64N(1<<22))
}

// Time is when a generated id was made.
func (s Snowflake) Time() time.Time { return time.UnixMilli(int64(s>>22) + epoch).UTC() }

// String is the canonical decimal form.
func (s Snowflake) String() string { return strconv.FormatUint(uint64(s), 10) }

// Sortable is the decimal form padded to 19 digits, so that text order is
// numeric order and, for generated ids, order of time.
func (s Snowflake) Sortable() string {
	d := s.String()
	return "0000000000000000000"[:19-len(d)] + d
}

// MarshalJSON writes the decimal form as a JSON string: a JSON number loses
// precision over 2^53 in many readers.
func (s Snowflake) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// UnmarshalJSON reads a JSON string in canonical form. A number is refused.
func (s *Snowflake) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return ErrNotSnowflake
	}

	v, err := ParseSnowflake(text)
	if err != nil {
		return err
	}

	*s = v

	return nil
}
