package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
)

// A Page says which part of a list is asked for; its zero value is the first,
// of the API's usual size.
type Page struct {
	Limit int    // 1 to 100
	After string // the Next of the page before
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}

	if p.After != "" {
		q.Set("after", p.After)
	}

	return q
}

// A List is one page of a list. It may be short, even empty, with a Next.
type List[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"` // nil where the list ends
}

// ListIntegrations reads a page of an organisation's integrations.
func (c *Client) ListIntegrations(ctx context.Context, organisation string, p Page) (List[Integration], error) {
	return list[Integration](ctx, c, path("organisations", organisation, "integrations"), p.query())
}

// ListSyncs reads a page of an integration's syncs, newest first.
func (c *Client) ListSyncs(ctx context.Context, id string, p Page) (List[Run], error) {
	return list[Run](ctx, c, path("integrations", id, "syncs"), p.query())
}

// ListPlan reads a page of what a dry run would do.
func (c *Client) ListPlan(ctx context.Context, id, sync string, p Page) (List[PlanRow], error) {
	return list[PlanRow](ctx, c, path("integrations", id, "syncs", sync, "items"), p.query())
}

// ListItems reads a page of the ledger, with an outcome only its items.
func (c *Client) ListItems(ctx context.Context, id, outcome string, p Page) (List[LedgerRow], error) {
	q := p.query()
	if outcome != "" {
		q.Set("outcome", outcome)
	}
	return list[LedgerRow](ctx, c, path("integrations", id, "items"), q)
}

func list[T any](ctx context.Context, c *Client, path string, q url.Values) (List[T], error) {
	var l List[T]
	_, err := c.do(ctx, get(path, q), &l)
	return l, err
}

// Integrations goes through all of an organisation's integrations.
func (c *Client) Integrations(ctx context.Context, organisation string) iter.Seq2[Integration, error] {
	return all(func(p Page) (List[Integration], error) { return c.ListIntegrations(ctx, organisation, p) })
}

// Syncs goes through all of an integration's syncs, newest first.
func (c *Client) Syncs(ctx context.Context, id string) iter.Seq2[Run, error] {
	return all(func(p Page) (List[Run], error) { return c.ListSyncs(ctx, id, p) })
}

// Plan goes through all that a dry run would do.
func (c *Client) Plan(ctx context.Context, id, sync string) iter.Seq2[PlanRow, error] {
	return all(func(p Page) (List[PlanRow], error) { return c.ListPlan(ctx, id, sync, p) })
}

// Items goes through all of the ledger, with an outcome only its items.
func (c *Client) Items(ctx context.Context, id, outcome string) iter.Seq2[LedgerRow, error] {
	return all(func(p Page) (List[LedgerRow], error) { return c.ListItems(ctx, id, outcome, p) })
}

// all asks for page after page, the next one when the caller goes on. An error
// is the last it gives.
func all[T any](page func(Page) (List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p := Page{Limit: 100}
		for {
			l, err := page(p)
			if err != nil {
				var none T
				yield(none, err)
				return
			}

			for _, one := range l.Items {
				if !yield(one, nil) {
					return
				}
			}

			if l.Next == nil {
				return
			}

			p.After = *l.Next
		}
	}
}
