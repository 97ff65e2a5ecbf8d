package message

import (
	"errors"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
)

// C9: the code is the same in each run of the program, has the form that IsCode
// checks, and is another one for each part of the marker.
func TestCode(t *testing.T) {
	m := connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: connectortest.Tag}
	if got := Code(m); got != "ihmdgtk4zp2ktsc6" || !IsCode(got) || len(got) != CodeSize {
		t.Errorf("%q", got)
	}

	integration := m
	item := m
	attempt := m
	tag := m
	bare := m
	integration.Integration++
	item.Item++
	attempt.Attempt++
	tag.Tag = connectortest.OtherTag
	bare.Tag = ""
	seen := map[string]bool{Code(m): true}
	for _, other := range []connector.Marker{integration, item, attempt, tag, bare} {
		if seen[Code(other)] {
			t.Errorf("%+v has the code of another marker", other)
		}
		seen[Code(other)] = true
	}

	for _, text := range []string{"", "abc", Code(m) + "a", "A" + Code(m)[1:], "1" + Code(m)[1:], m.Text()} {
		if IsCode(text) {
			t.Errorf("%q is no code", text)
		}
	}
}

// C9: a marker that is wanted twice is one marker. Two markers with one code are
// an error: neither may be found in place of the other.
func TestByCode(t *testing.T) {
	one := connector.Marker{Integration: 77, Item: 1, Attempt: 1, Tag: connectortest.Tag}
	two := one
	two.Item = 2

	wanted, err := ByCode([]connector.Marker{one, two, one})
	if err != nil || len(wanted) != 2 || wanted[Code(one)] != one || wanted[Code(two)] != two {
		t.Errorf("%v %v", wanted, err)
	}

	same := func(connector.Marker) string { return "aaaaaaaaaaaaaaaa" }
	if wanted, err := byCode([]connector.Marker{one, two}, same); !errors.Is(err, ErrSameCode) || wanted != nil {
		t.Errorf("%v %v", wanted, err)
	}

	if wanted, err := byCode([]connector.Marker{one, one}, same); err != nil || len(wanted) != 1 {
		t.Errorf("%v %v", wanted, err)
	}
}
