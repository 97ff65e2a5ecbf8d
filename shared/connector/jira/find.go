package jira

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

const (
	// labelsAtOnce is how many labels one search asks for. The query is part of the
	// address, where a label takes 60 bytes.
	labelsAtOnce = 40
	// directReads bounds how many issues are read by their keys, one by one.
	directReads = 60
	// quietKeys is how many keys in a row must lead to no issue before the search
	// ends: a refused create may use up a key.
	quietKeys = 10
	// indexed is the age at which an issue is in the index for certain. Older issues
	// that a search does not find are not looked for by their keys.
	indexed = time.Hour
)

// A finder looks for issues by the markers in them.
type finder struct {
	client     *client
	classifier *classifier
	place      *place
	account    *account
	labels     *labels
	issues     *issues
	pages      *pages
}

// find looks for the issues of markers. Jira lists issues only by a search in an
// index, which in the Cloud is seconds or minutes late. So a search proves that
// an issue is there, and never that it is not. Keys that could have been given
// since, and that the search does not know, are read one by one: that is always
// up to date. Where there are too many such keys, the result is an error until
// the index has had enough time.
func (f *finder) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	if len(want) == 0 {
		return map[domain.Snowflake]connector.Written{}, nil
	}

	zone, err := f.account.timeZone(ctx)
	if err != nil {
		return nil, err
	}

	s := newSearch(since, want, zone)
	for some := range slices.Chunk(want, labelsAtOnce) {
		err := f.pages.walk(ctx, labelled(some)+s.createdSince(), s.note)
		if err != nil {
			return nil, err
		}
	}

	if !s.complete() {
		err := f.pages.walk(ctx, f.place.jql()+s.createdSince(), s.cover)
		if err != nil {
			return nil, err
		}
	}

	if !s.complete() {
		err := f.readBeyondTheIndex(ctx, s)
		if err != nil {
			return nil, err
		}
	}

	found := map[domain.Snowflake]connector.Written{}
	for item, i := range s.found {
		found[item] = f.issues.written(ctx, i)
		f.labels.see(i)
	}

	return found, nil
}

// A search holds what was found.
type search struct {
	since     time.Time
	zone      *time.Location // of the account
	originals *connector.Originals
	items     map[domain.Snowflake]bool // those of the wanted markers
	found     map[domain.Snowflake]issue
	keys      map[int]bool // the numbers of the project's issues that the index knows
	top       int          // the highest of them
	floor     int          // the lowest number that an issue created since may have, less one
}

func newSearch(since time.Time, want []connector.Marker, zone *time.Location) *search {
	s := &search{
		since: since,
		zone:  zone,
		items: map[domain.Snowflake]bool{},
		found: map[domain.Snowflake]issue{},
		keys:  map[int]bool{},
	}

	wanted := slices.Clone(want)
	for _, m := range want {
		wanted = append(wanted, asSearched(m))
		s.items[m.Item] = true
	}

	s.originals = connector.NewOriginals(wanted)

	return s
}

// createdSince is the end of a query for issues created since the time in
// question, the newest first.
func (s *search) createdSince() string {
	return " AND created >= " + minute(s.since, s.zone) + " ORDER BY created DESC"
}

// complete reports whether an issue was found for every item.
func (s *search) complete() bool { return s.originals.Certain() >= len(s.items) }

// note keeps an issue that has a wanted marker.
func (s *search) note(i issue) {
	if i.Fields.Created.Before(s.since) {
		return
	}

	id, _ := strconv.ParseInt(i.ID, 10, 64)
	for _, item := range s.originals.See(i.markers(), i.Fields.Created.Time, id) {
		s.found[item] = i
	}
}

// cover notes an issue of the project, whose key need not be read.
func (s *search) cover(i issue) {
	s.note(i)
	s.index(i)
}

// index notes that the index knows an issue, and returns its number.
func (s *search) index(i issue) int {
	_, n := i.number()
	s.keys[n] = true
	s.top = max(s.top, n)

	return n
}

// missing are the numbers between those that the index knows.
func (s *search) missing() []int {
	var missing []int
	for n := s.floor + 1; n < s.top; n++ {
		if !s.keys[n] {
			missing = append(missing, n)
		}
	}

	return missing
}

// readBeyondTheIndex reads the keys that the index does not know: those between
// the known ones, and on from the highest one until none leads to an issue.
func (f *finder) readBeyondTheIndex(ctx context.Context, s *search) error {
	if err := f.findFloor(ctx, s); err != nil {
		return err
	}

	_, behind := f.client.http.ClockLag() // since is a time of Jira's clock
	settled := f.client.now().Add(-max(behind, 0)).Sub(s.since) > indexed
	missing := s.missing()
	if len(missing) > directReads {
		if !settled {
			return f.unsure()
		}

		missing = nil
	}

	for _, n := range missing {
		if _, err := f.readKey(ctx, s, n); err != nil {
			return err
		}
	}

	done, err := f.readOn(ctx, s, directReads-len(missing))
	if err != nil {
		return err
	}
	if !done && !settled {
		return f.unsure()
	}

	return nil
}

// readOn reads the keys behind the highest known one, at most so many as are
// left. It is done when enough keys in a row lead to no issue.
func (f *finder) readOn(ctx context.Context, s *search, left int) (done bool, err error) {
	quiet := 0
	for n := max(s.top, s.floor) + 1; quiet < quietKeys; n++ {
		if left == 0 {
			return false, nil
		}

		left--
		found, err := f.readKey(ctx, s, n)
		if err != nil {
			return false, err
		}

		quiet++
		if found {
			quiet = 0
		}
	}

	return true, nil
}

// unsure is the error for a search that cannot be concluded yet. Nothing is
// created meanwhile.
func (f *finder) unsure() *failure.Error {
	e := f.classifier.fail(failure.Retryable, failure.IntegrationScope, "reconcile_unsure", "Jira's search does not know yet what was created lately", outbound.Response{})
	e.Wait = time.Minute

	return e
}

// findFloor finds the number that the project had reached before the time in
// question. Issues that were moved into the project have high numbers and old
// times, so the lowest number of several issues counts.
func (f *finder) findFloor(ctx context.Context, s *search) error {
	s.floor = -1
	jql := f.place.jql() + " AND created < " + minute(s.since, s.zone) + " ORDER BY created DESC"
	seen := 0
	_, _, err := f.pages.page(ctx, jql, "", func(i issue) {
		n := s.index(i)
		seen++
		if seen <= quietKeys && (s.floor < 0 || n < s.floor) {
			s.floor = n
		}
	})

	s.floor = max(s.floor, 0)

	return err
}

// readKey reads one issue of the project by its number, and reports whether
// there is one. A 404 needs no second read: a search in the project has just
// been answered.
func (f *finder) readKey(ctx context.Context, s *search, n int) (found bool, err error) {
	key := f.place.project().key + "-" + strconv.Itoa(n)
	answer, err := f.client.get(ctx, f.client.issueAt(key)+"?"+f.client.wanted().Encode(), pageBody)
	if err != nil {
		return false, err
	}

	said := f.classifier.said(answer)
	if answer.Status == http.StatusNotFound && !foreign(answer, said) && f.classifier.inTable(http.MethodGet, answer, said, "") == nil {
		return false, nil
	}

	i, err := f.issues.asIssue(ctx, answer)
	if hidden(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}

	s.note(i)

	return true, nil
}

// hidden reports whether a refusal is about one issue alone. A Data Center
// answers so for issues whose security level hides them from the token's
// account.
func hidden(err error) bool {
	var e *failure.Error

	return errors.As(err, &e) && e.Status == http.StatusForbidden && e.Scope == failure.ItemScope
}
