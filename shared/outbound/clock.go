package outbound

import (
	"net/http"
	"time"
)

// A day is the most a clock is believed to be off: a server set to the wrong
// time zone is within it, one that lost its battery is not, and to search for
// years is no help to anybody.
const day = 24 * time.Hour

// Behind is how far the clock of whoever answered last is behind ours, as the
// Date of his answer tells (https://www.rfc-editor.org/rfc/rfc9110#field.date);
// negative where it is ahead, zero where it was not told yet. It is exact to a
// second and the time the answer took.
func (c *Client) Behind() time.Duration { return time.Duration(c.behind.Load()) }

// compare reads an answer's Date.
func (c *Client) compare(header http.Header) {
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	if behind := c.now().Sub(theirs); behind.Abs() <= day {
		c.behind.Store(int64(behind))
	}
}
