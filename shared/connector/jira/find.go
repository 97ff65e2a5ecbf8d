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

// A finder looks for issues by the markers in them.
type finder struct {
	client  *client
	answers *answers
	place   *place
	account *account
	labels  *labels
	issues  *issues
	pages   *pages
}

const (
	// labelsAtOnce is how many labels one search asks for: the query travels in
	// an address, where a label takes 60 bytes.
	labelsAtOnce = 40
	// directReads bounds how many issues are read by their keys, one by one.
	directReads = 60
	// quietKeys is how many keys in a row must name nothing for the end of the
	// project to be believed: a refused create may use one up.
	quietKeys = 10
	// indexed is after how long an issue is in the index for certain: what a
	// search does not find then is not looked for by its key.
	indexed = time.Hour
)

// ClockLag is how far Jira's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.http.ClockLag() }

// Find looks for the issues of markers. Jira lists issues only by searching an
// index, and in the Cloud that lags behind by seconds or minutes. So the search
// says only what is there, and never what is not: each key of the project that
// could have been given since and that the search does not know is read
// directly, which is always up to date. Where those are too many, nothing is
// concluded until the index has had the time.
func (f *finder) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	if len(want) == 0 {
		return map[domain.Snowflake]connector.Written{}, nil
	}

	zone, err := f.account.timeZone(ctx)
	if err != nil {
		return nil, err
	}

	s := newSearch(since, want)
	created := "created >= " + minute(since, zone)
	for some := range slices.Chunk(want, labelsAtOnce) {
		if err := f.pages.walk(ctx, labelled(some)+" AND "+created+" ORDER BY created DESC", s.note); err != nil {
			return nil, err
		}
	}

	if s.originals.Certain() < len(s.items) {
		if err := f.pages.walk(ctx, f.place.jql()+" AND "+created+" ORDER BY created DESC", s.cover); err != nil {
			return nil, err
		}
	}

	if s.originals.Certain() < len(s.items) {
		if err := f.readBeyondTheIndex(ctx, s, zone); err != nil {
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

// A search gathers what is found.
type search struct {
	since     time.Time
	originals *connector.Originals
	items     map[domain.Snowflake]bool // those of the wanted markers
	found     map[domain.Snowflake]issue
	keys      map[int]bool // numbers of the project's issues that the index knows
	top       int          // the highest of them
	floor     int          // the lowest number an issue made since may have, less one
}

func newSearch(since time.Time, want []connector.Marker) *search {
	s := &search{since: since, items: map[domain.Snowflake]bool{}, found: map[domain.Snowflake]issue{}, keys: map[int]bool{}}
	searched := slices.Clone(want)
	for _, m := range want {
		searched = append(searched, asSearched(m))
		s.items[m.Item] = true
	}

	s.originals = connector.NewOriginals(searched)

	return s
}

// note keeps an issue that carries a wanted marker.
func (s *search) note(i issue) {
	if i.Fields.Created.Before(s.since) {
		return
	}

	id, _ := strconv.ParseInt(i.ID, 10, 64)
	for _, item := range s.originals.See(i.markers(), i.Fields.Created.Time, id) {
		s.found[item] = i
	}
}

// cover notes an issue of the project and that its key need not be read.
func (s *search) cover(i issue) {
	s.note(i)
	_, n := i.number()
	s.keys[n], s.top = true, max(s.top, n)
}

// readBeyondTheIndex reads the keys the index does not know: those between the
// ones it does, and on from the highest until none is there any more.
func (f *finder) readBeyondTheIndex(ctx context.Context, s *search, zone *time.Location) error {
	if err := f.floor(ctx, s, zone); err != nil {
		return err
	}

	var missing []int
	for n := s.floor + 1; n < s.top; n++ {
		if !s.keys[n] {
			missing = append(missing, n)
		}
	}

	_, behind := f.client.http.ClockLag() // since is a time of Jira's
	settled := f.client.now().Add(-max(behind, 0)).Sub(s.since) > indexed
	if len(missing) > directReads {
		if !settled {
			return f.unsure()
		}
		missing = nil
	}

	left := directReads - len(missing)
	for _, n := range missing {
		if _, err := f.readKey(ctx, s, n); err != nil {
			return err
		}
	}

	for n, quiet := max(s.top, s.floor)+1, 0; quiet < quietKeys; n++ {
		if left--; left < 0 {
			if settled {
				return nil
			}
			return f.unsure()
		}

		there, err := f.readKey(ctx, s, n)
		if err != nil {
			return err
		}

		if quiet++; there {
			quiet = 0
		}
	}

	return nil
}

// unsure is for when it cannot be told yet. Nothing is created meanwhile.
func (f *finder) unsure() *failure.Error {
	e := f.answers.fail(failure.Retryable, failure.IntegrationScope, "reconcile_unsure", "Jira's search does not know yet what was created lately", outbound.Response{})
	e.Wait = time.Minute
	return e
}

// floor finds the number that was reached before the time in question. Issues
// moved into the project have young numbers and old times, so the lowest of
// several counts.
func (f *finder) floor(ctx context.Context, s *search, zone *time.Location) error {
	s.floor = -1
	jql := f.place.jql() + " AND created < " + minute(s.since, zone) + " ORDER BY created DESC"
	seen := 0
	_, err := f.pages.page(ctx, jql, "", func(i issue) {
		_, n := i.number()
		s.keys[n], s.top = true, max(s.top, n)
		if seen++; seen <= quietKeys && (s.floor < 0 || n < s.floor) {
			s.floor = n
		}
	})

	s.floor = max(s.floor, 0)

	return err
}

// hidden reports whether a refusal is about one issue alone: a Data Center says
// so of those that a security level keeps from the token's account.
func hidden(err error) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden && e.Scope == failure.ItemScope
}

// readKey reads one issue of the project by its number. A key that names nothing
// is not worth asking about: the project is there, a search was just answered.
func (f *finder) readKey(ctx context.Context, s *search, n int) (bool, error) {
	where := f.client.issueAt(f.place.project().key+"-"+strconv.Itoa(n)) + "?" + f.client.wanted().Encode()
	answer, err := f.client.get(ctx, where, pageBody)
	if err != nil {
		return false, err
	}

	if said := f.answers.said(answer); answer.Status == http.StatusNotFound && !foreign(answer, said) && f.answers.verdict(http.MethodGet, answer, said, "") == nil {
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
