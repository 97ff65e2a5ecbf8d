package tracker

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
)

// A Position is where an issue stands in a sorted list.
type Position struct {
	At     int64 // the time that the list is sorted by, 0 for none
	Number int64
}

// String is the position as links have it: an opaque text.
func (p Position) String() string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "cursor:v2:%d:%d", p.At, p.Number))
}

// ParsePosition reads what String wrote. It returns nil where it cannot.
func ParsePosition(text string) *Position {
	read, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}

	var p Position
	if n, err := fmt.Sscanf(string(read), "cursor:v2:%d:%d", &p.At, &p.Number); n != 2 || err != nil {
		return nil
	}

	return &p
}

// A Paging is how a list is sorted and where the page begins that is asked for.
type Paging[I any] struct {
	Place      func(I) Position
	Descending bool
	Page, Size int       // pages count from 1
	After      *Position // the page begins behind it; nil where Page counts
}

func (p *Paging[I]) compare(a, b Position) int {
	order := cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Number, b.Number))
	if p.Descending {
		return -order
	}

	return order
}

// Left sorts a list and returns the page that is asked for, with all behind it.
func (p *Paging[I]) Left(all []I) []I {
	slices.SortFunc(all, func(a, b I) int { return p.compare(p.Place(a), p.Place(b)) })
	if p.After == nil {
		return all[min((p.Page-1)*p.Size, len(all)):]
	}

	from, _ := slices.BinarySearchFunc(all, *p.After, func(one I, after Position) int {
		if p.compare(p.Place(one), after) <= 0 {
			return -1
		}
		return 1
	})

	return all[from:]
}

// Behind is the position of the last issue on a page. There are issues behind it.
func (p *Paging[I]) Behind(left []I) Position { return p.Place(left[p.Size-1]) }

// A Choice is a parameter of a list that has one of a few values, the default first.
type Choice struct {
	Name    string
	Into    *string
	Allowed []string
}

// Choose reads parameters. It returns the first one with a value that is not allowed,
// nil for none.
func Choose(query url.Values, choices ...Choice) *Choice {
	for _, one := range choices {
		*one.Into = cmp.Or(query.Get(one.Name), one.Allowed[0])
		if !slices.Contains(one.Allowed, *one.Into) {
			return &one
		}
	}

	return nil
}
