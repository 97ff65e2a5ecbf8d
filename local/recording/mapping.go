package recording

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Given are the lists of what a server chooses itself: a recording holds other
// values than a fake server gives. All names are in lower case.
type Given struct {
	// IDs are the members that later requests name an object or an account by.
	IDs []string
	// Cursors are members by which the next page is asked for.
	Cursors []string
	// Tags are the headers that later requests send back.
	Tags []string
}

// DefaultGiven are those of the seven providers.
func DefaultGiven() *Given {
	return &Given{
		IDs:     []string{"accountid", "bot_id", "id", "iid", "key", "login", "message_ts", "node_id", "number", "ts", "user_id", "username"},
		Cursors: []string{"cursor", "next_cursor", "nextpagetoken"},
		Tags:    []string{"etag"},
	}
}

// A mapping leads from values of a recording to those of a fake server.
type mapping struct {
	given *Given
	// distinct are values that cannot be confused with others.
	distinct map[string]string
	// short are ids such as 7, by the collection in which they were created.
	short map[string]map[string]string
	// numbers are all short ids, for comparisons.
	numbers map[string]string
	times   map[string]string
	// shift is how far the fake server's clock is from that of the recording.
	shift   time.Duration
	shifted bool
	// recent says that the answer at hand is about an object that was created in
	// the recording.
	recent bool
}

func newMapping(given *Given) *mapping {
	return &mapping{
		given: given, distinct: map[string]string{}, short: map[string]map[string]string{}, numbers: map[string]string{}, times: map[string]string{},
	}
}

// learn notes what a fake server gave in the place of what was recorded.
func (m *mapping) learn(e Exchange, got Response) {
	want := e.Response
	if want.Status >= http.StatusMultipleChoices || got.Status >= http.StatusMultipleChoices {
		return
	}

	for name, value := range want.Header {
		if own := headerOf(got.Header, name); own != "" && listed(m.given.Tags, strings.ToLower(name)) {
			m.distinct[value] = own
		}
	}

	m.cursorsOf(headerOf(want.Header, "Link"), headerOf(got.Header, "Link"))

	wanted, err := parse(want.Body.Bytes())
	if err != nil {
		return
	}

	gotten, err := parse(got.Body.Bytes())
	if err != nil {
		return
	}

	m.recent = collection(e) != "" || m.mapped(e.Request.Path)
	m.pair(wanted, gotten, collection(e), true)
}

// mapped reports whether a path names an object that was created in the recording.
func (m *mapping) mapped(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	parts := strings.Split(path, "/")
	for i := 1; i < len(parts); i++ {
		plain, err := url.PathUnescape(parts[i])
		if err != nil {
			continue
		}

		_, short := m.shortIn(parts[i-1], plain)
		_, distinct := m.distinct[plain]
		if short || distinct {
			return true
		}
	}

	return false
}

// collection is the last part of the path of a create, "" for another request.
func collection(e Exchange) string {
	if e.Request.Method != http.MethodPost {
		return ""
	}

	path, _, _ := strings.Cut(e.Request.Path, "?")

	return path[strings.LastIndexByte(path, '/')+1:]
}

// pair learns from two values that stand at one place, and not from their lists:
// the order in them may differ. A short id is learned only from a create: its
// object is the whole answer, or the member called like the collection, such as
// {"issue": {"id": 1}}. Own says that the values are that object.
func (m *mapping) pair(want, got any, collection string, own bool) {
	wanted, ok := want.(object)
	gotten, also := got.(object)
	if !ok || !also {
		return
	}

	for _, one := range wanted {
		other, found := gotten.get(one.name)
		if !found {
			continue
		}

		before := scalar(one.value)
		after := scalar(other)
		switch {
		case before == "" || after == "":
			m.pair(one.value, other, collection, one.name == collection || one.name+"s" == collection)
		case listed(m.given.IDs, strings.ToLower(one.name)):
			if !short(before) || own && collection != "" {
				m.id(before, after, collection)
			}
		case listed(m.given.Cursors, strings.ToLower(one.name)):
			m.distinct[before] = after
		default:
			m.time(before, after)
		}
	}
}

// scalar is the text of a string or a number.
func scalar(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}

	return ""
}

// id learns an id. The first pair of an id counts.
func (m *mapping) id(before, after, collection string) {
	if !short(before) {
		if _, known := m.distinct[before]; !known {
			m.distinct[before] = after
		}

		return
	}

	if m.short[collection] == nil {
		m.short[collection] = map[string]string{}
	}

	if _, known := m.short[collection][before]; !known {
		m.short[collection][before] = after
	}

	if _, known := m.numbers[before]; !known {
		m.numbers[before] = after
	}
}

// short reports whether an id could be confused with another number.
func short(id string) bool { return digits(id) && len(id) < 6 }

// cursorsOf learns what differs in the addresses of the next pages.
func (m *mapping) cursorsOf(want, got string) {
	before := nextOf(want)
	after := nextOf(got)
	for name, values := range before {
		if listed(m.given.Cursors, strings.ToLower(name)) && after.Get(name) != "" {
			m.distinct[values[0]] = after.Get(name)
		}
	}
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,]*\brel="?next\b`)

func nextOf(link string) url.Values {
	found := nextLink.FindStringSubmatch(link)
	if found == nil {
		return nil
	}

	address, err := url.Parse(found[1])
	if err != nil {
		return nil
	}

	return address.Query()
}

// sameObject reports whether an object of the fake server was made in the place of a
// recorded one.
func (m *mapping) sameObject(want, got any) bool {
	wanted, ok := want.(object)
	gotten, also := got.(object)
	if !ok || !also {
		return false
	}

	for _, name := range []string{"id", "iid", "number", "key", "ts"} {
		before, _ := wanted.get(name)
		after, _ := gotten.get(name)
		if mapped, ok := m.lookup(scalar(before)); ok && mapped == scalar(after) {
			return true
		}
	}

	return false
}

// named matches the id of an issue or a message in a path.
var named = regexp.MustCompile(`/(?:issues?|messages)/([0-9]+|[A-Z][A-Z0-9_]*-[0-9]+)(?:[/?]|$)`)

// about says what a path is about: an issue or a message that was made in the
// recording, one of others, or neither. Of others a fake server has none, or another one
// with the same id.
func (m *mapping) about(target string) (own, others bool) {
	found := named.FindStringSubmatch(target)
	if found == nil {
		return false, false
	}

	_, own = m.lookup(found[1])
	own = own || m.mapped(found[0])

	return own, !own
}

// same reports whether a recorded value and one of the fake server say the same:
// they are equal, or the one was given in the place of the other, or both are
// times.
func (m *mapping) same(want, got any) bool {
	if want == got {
		return true
	}

	before := scalar(want)
	after := scalar(got)
	if mapped, ok := m.lookup(before); ok && mapped == after {
		return true
	}

	_, _, isTime := timeOf(before)
	_, _, also := timeOf(after)
	if isTime && also {
		return true
	}

	text, ok := want.(string)

	return ok && (m.text(text) == after || m.target(text) == after)
}
