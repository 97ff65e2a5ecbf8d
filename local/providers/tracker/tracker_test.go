package tracker

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"example.com/integrations/local/providers/faults"
)

type place struct {
	name string
	id   int64
}

func (p *place) FullName() string { return p.name }
func (p *place) Ident() int64     { return p.id }

// A name leads to the place that has it, or else to the one that had it last.
func TestNamesOfPlaces(t *testing.T) {
	var s Places[*place]
	work := &place{"acme/Work", 1}
	s.Add(work, "acme/older")
	s.Add(&place{"acme/other", 2})
	labour := &place{"acme/labour", 1}
	s.Replace(work, labour)
	for _, name := range []string{"acme/older", "ACME/work", "acme/labour"} {
		if s.Find(name) != labour {
			t.Errorf("%s leads to %v", name, s.Find(name))
		}
	}

	if s.Current("acme/work") != nil || s.Current("Acme/Labour") != labour || s.Numbered(1) != labour || s.Numbered(3) != nil {
		t.Error("a name of the past counts as one of now")
	}

	again := &place{"acme/work", 3}
	s.Replace(nil, again)
	fresh := &place{"acme/labour", 4}
	s.Replace(labour, fresh)
	if s.Find("acme/work") != again || s.Find("acme/older") != nil || s.Find("acme/labour") != fresh || s.Changes() != 3 {
		t.Errorf("%v %v %v after %d changes", s.Find("acme/work"), s.Find("acme/older"), s.Find("acme/labour"), s.Changes())
	}

	if all := s.All(); len(all) != 3 || all[0] != fresh || all[1].id != 2 || all[2] != again {
		t.Errorf("%v", all)
	}
}

func TestNamesWithACase(t *testing.T) {
	s := Places[*place]{Exact: true}
	s.Add(&place{"WORK", 1})
	if s.Find("work") != nil || s.Current("WORK") == nil {
		t.Error("the case of a name does not count")
	}
}

type item struct {
	n    int64
	gone bool
}

func (i *item) Gone() bool { return i.gone }

func TestIssuesHaveAPast(t *testing.T) {
	began := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	var s Issues[int, *item]
	s.Put(1, began, &item{n: 1})
	s.Put(2, began.Add(time.Minute), &item{n: 2})
	s.Put(1, began.Add(2*time.Minute), &item{n: 1, gone: true})
	if s.Get(1) != nil || s.Get(3) != nil || s.Stored(1) == nil || s.Get(2) == nil || len(s.All()) != 1 {
		t.Error("an issue that is gone is there, or one that is there is gone")
	}

	for after, want := range map[time.Duration]int{-time.Second: 0, 0: 1, time.Minute: 2, 2 * time.Minute: 1} {
		if got := len(s.At(began.Add(after))); got != want {
			t.Errorf("%d issues after %v, want %d", got, after, want)
		}
	}

	if _, err := Newest(s.All(), 2); !errors.Is(err, faults.ErrNothing) {
		t.Errorf("one issue can have the time of others: %v", err)
	}

	s.Forget(func(i *item) bool { return i.n == 2 })
	if s.Stored(2) != nil || len(s.At(began.Add(time.Minute))) != 1 {
		t.Error("a forgotten issue has a past")
	}
}

func TestPaging(t *testing.T) {
	all := func() []*item { return []*item{{n: 3}, {n: 1}, {n: 4}, {n: 2}} }
	place := func(i *item) Position { return Position{At: i.n / 3, Number: i.n} }
	for _, c := range []struct {
		paging Paging[*item]
		want   string
	}{
		{Paging[*item]{Page: 1, Size: 3}, "1234"},
		{Paging[*item]{Page: 2, Size: 3, Descending: true}, "1"},
		{Paging[*item]{Page: 9, Size: 3}, ""},
		{Paging[*item]{Size: 1, After: ParsePosition(Position{At: 0, Number: 2}.String())}, "34"},
		{Paging[*item]{Size: 1, After: &Position{At: 1, Number: 3}, Descending: true}, "21"},
	} {
		c.paging.Place = place
		got := ""
		for _, one := range c.paging.Left(all()) {
			got += fmt.Sprint(one.n)
		}

		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.paging, got, c.want)
		}
	}

	for _, text := range []string{"", "?", "eA=="} {
		if ParsePosition(text) != nil {
			t.Errorf("%q is a position", text)
		}
	}
}

func TestChoose(t *testing.T) {
	var sort string
	allowed := []string{"created", "updated"}
	if wrong := Choose(url.Values{}, Choice{"sort", &sort, allowed}); wrong != nil || sort != "created" {
		t.Errorf("%v %s", wrong, sort)
	}

	if wrong := Choose(url.Values{"sort": {"stars"}}, Choice{"sort", &sort, allowed}); wrong == nil || wrong.Name != "sort" || sort != "stars" {
		t.Errorf("%v %s", wrong, sort)
	}
}

func TestMembers(t *testing.T) {
	for body, want := range map[string]error{
		`{"a":1}`: nil, `[]`: ErrNotObject, `null`: ErrNotObject, ``: ErrSyntax, `{} {}`: ErrSyntax, "{\"a\":\"\xff\"}": ErrSyntax, `{"a"`: ErrSyntax,
	} {
		if _, err := Members([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", body, err, want)
		}
	}
}

func TestRetitled(t *testing.T) {
	if got := Retitled("A long title", 15); got != "A long (edited)" || Retitled(got, 15) != "A long" {
		t.Errorf("%q", got)
	}
}
