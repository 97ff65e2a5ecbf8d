package access

import (
	"context"
	"errors"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A reader that counts; every id exists and belongs to a live organisation.
type reader struct {
	located, viewed int
	user            domain.Snowflake
	err             error
	gone            bool
}

func (r *reader) Locate(_ context.Context, id domain.Snowflake) (store.IntegrationRef, error) {
	r.located++
	return store.IntegrationRef{ID: id, OrganisationID: 1001}, r.err
}

func (r *reader) View(_ context.Context, _ store.IntegrationRef, user domain.Snowflake) (store.View, error) {
	r.viewed++
	r.user = user
	v := store.View{Organisation: &domain.Organisation{ID: 1001, OwnerID: 11}, Integration: &store.Integration{}}
	if r.gone {
		v.Integration = nil
	}

	return v, nil
}

func code(err error) domain.Code {
	var known *domain.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

func TestMemoryIsBounded(t *testing.T) {
	r := &reader{}
	g := New(r)
	for id := range domain.Snowflake(maxCached + 1) {
		if _, _, err := g.Admit(t.Context(), (id + 1).String(), "11"); err != nil {
			t.Fatal(err)
		}
	}

	if len(g.refs) != 1 || r.located != maxCached+1 || r.viewed != maxCached+1 {
		t.Errorf("%d maxCached, %d located, %d viewed", len(g.refs), r.located, r.viewed)
	}
}

// A lookup that failed, or found nothing, is not maxCached.
func TestFailuresAreNotRemembered(t *testing.T) {
	for _, failure := range []error{store.ErrNotFound, errors.New("away")} {
		r := &reader{err: failure}
		g := New(r)
		if _, _, err := g.Admit(t.Context(), "1", "11"); err == nil || r.viewed != 0 {
			t.Errorf("%v", err)
		}

		r.err = nil
		if _, _, err := g.Admit(t.Context(), "1", "11"); err != nil || r.located != 2 {
			t.Errorf("%v, %d located", err, r.located)
		}
	}
}

// A maxCached integration may have been deleted since.
func TestRememberedButGone(t *testing.T) {
	r := &reader{}
	g := New(r)
	if _, _, err := g.Admit(t.Context(), "1", "11"); err != nil {
		t.Fatal(err)
	}

	r.gone = true
	if _, _, err := g.Admit(t.Context(), "1", "11"); code(err) != domain.CodeIntegrationNotFound {
		t.Error(err)
	}
}

// A caller without a usable id is no member: none is looked up.
func TestUnknownCallerIsNobody(t *testing.T) {
	r := &reader{}
	if _, _, err := New(r).Admit(t.Context(), "1", "alice"); code(err) != domain.CodeCallerUnknown || r.user != 0 {
		t.Errorf("%v, looked up %s", err, r.user)
	}
}
