package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/testkit"
)

// more are the methods that put several calls together.
var more = []string{"Integrations", "Syncs", "Plan", "Items", "WaitForSync", "PostTestMessage"}

func TestEveryOperationHasAMethod(t *testing.T) {
	var want []string
	for _, o := range testkit.MustContract().Operations {
		want = append(want, strings.ToUpper(o.ID[:1])+o.ID[1:])
	}

	want = append(want, more...)
	var got []string
	for m := range reflect.TypeFor[*Client]().Methods() {
		got = append(got, m.Name)
	}

	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the client has\n%v\nthe document wants\n%v", got, want)
	}
}

// calls are each operation's, with everything that can be said.
var calls = map[string]func(context.Context, *Client) (any, error){
	"listIntegrations": func(ctx context.Context, c *Client) (any, error) {
		return c.ListIntegrations(ctx, "1", Page{Limit: 100, After: "abc"})
	},
	"createIntegration": func(ctx context.Context, c *Client) (any, error) {
		enabled := false
		return c.CreateIntegration(ctx, "1", NewIntegration{ItemType: "work_item", Provider: "github", Configuration: configured, Enabled: &enabled})
	},
	"getIntegration": func(ctx context.Context, c *Client) (any, error) {
		return c.GetIntegration(ctx, "1", IfNoneMatch(`"7"`))
	},
	"updateIntegration": func(ctx context.Context, c *Client) (any, error) {
		text := configured
		enabled := true
		return c.UpdateIntegration(ctx, "1", Change{Configuration: &text, Enabled: &enabled}, IfMatch(`"7"`))
	},
	"deleteIntegration": func(ctx context.Context, c *Client) (any, error) {
		return nil, c.DeleteIntegration(ctx, "1", IfMatch(`"7"`))
	},
	"checkIntegration": func(ctx context.Context, c *Client) (any, error) { return c.CheckIntegration(ctx, "1") },
	"getStatus":        func(ctx context.Context, c *Client) (any, error) { return c.GetStatus(ctx, "1") },
	"startSync": func(ctx context.Context, c *Client) (any, error) {
		return c.StartSync(ctx, "1", SyncRequest{Mode: "full", DryRun: true, Announce: true})
	},
	"listSyncs":  func(ctx context.Context, c *Client) (any, error) { return c.ListSyncs(ctx, "1", Page{Limit: 1}) },
	"getSync":    func(ctx context.Context, c *Client) (any, error) { return c.GetSync(ctx, "1", "2") },
	"listPlan":   func(ctx context.Context, c *Client) (any, error) { return c.ListPlan(ctx, "1", "2", Page{}) },
	"cancelSync": func(ctx context.Context, c *Client) (any, error) { return c.CancelSync(ctx, "1", "2") },
	"listItems": func(ctx context.Context, c *Client) (any, error) {
		return c.ListItems(ctx, "1", "failed", Page{After: "abc"})
	},
	"retryItems": func(ctx context.Context, c *Client) (any, error) { return c.RetryItems(ctx, "1", "2", "3") },
}

const configured = `{"owner":"octo","repo":"hello","token":"********"}`

// A documented API answers what it is told to, and refuses whatever the
// document does not know.
type documented struct {
	t      *testing.T
	answer func(*testkit.Operation) testkit.Answer
	asked  []string
}

func (d *documented) client(options ...Option) *Client {
	d.t.Helper()
	server := httptest.NewServer(testkit.ContractHandler(func(o *testkit.Operation, r *http.Request) testkit.Answer {
		if r.Header.Get("Authorization") != "Bearer T" {
			d.t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		d.asked = append(d.asked, o.ID)
		return d.answer(o)
	}, func(err error) { d.t.Error(err) }))

	d.t.Cleanup(server.Close)
	c, err := New(server.URL, Token("T"), append([]Option{WithTries(1)}, options...)...)
	if err != nil {
		d.t.Fatal(err)
	}

	return c
}

// Each request is as the document has it, and each documented answer is
// understood to the last member: what is read is written the same again.
func TestDocumentedAnswers(t *testing.T) {
	for _, o := range testkit.MustContract().Operations {
		t.Run(o.ID, func(t *testing.T) {
			for _, example := range o.Examples() {
				d := &documented{t: t, answer: func(*testkit.Operation) testkit.Answer { return example }}
				got, err := calls[o.ID](t.Context(), d.client())
				if !slices.Equal(d.asked, []string{o.ID}) {
					t.Fatalf("asked %v", d.asked)
				}

				switch {
				case example.Status == http.StatusNotModified:
					if !errors.Is(err, ErrNotModified) {
						t.Errorf("304: %v", err)
					}
				case example.Status >= 400:
					understood(t, example, err)
				case err != nil:
					t.Errorf("%d %s: %v", example.Status, example.Body, err)
				case got != nil:
					same(t, got, example)
				}
			}
		})
	}
}

func same(t *testing.T, got any, example testkit.Answer) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(example.Body))
	decoder.DisallowUnknownFields()
	fresh := reflect.New(reflect.TypeOf(got))
	if err := decoder.Decode(fresh.Interface()); err != nil {
		t.Errorf("%T: %v", got, err)
	}

	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}

	var a, b any
	if json.Unmarshal(again, &a) != nil || json.Unmarshal(example.Body, &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%s is written again as %s", example.Body, again)
	}

	if i, ok := got.(Integration); ok && i.ETag != example.Header.Get("ETag") {
		t.Errorf("ETag %q", i.ETag)
	}
}

func understood(t *testing.T, example testkit.Answer, err error) {
	t.Helper()
	var want struct {
		Title, Detail, Code, Message string
		RequestID                    string `json:"request_id"`
		Errors                       []FieldError
	}
	if err := json.Unmarshal(example.Body, &want); err != nil {
		t.Fatal(err)
	}

	var p *Problem
	if !errors.As(err, &p) || p.Status != example.Status || p.Code != want.Code || p.Detail != want.Detail+want.Message || !slices.Equal(p.Fields, want.Errors) || p.RequestID != want.RequestID {
		t.Errorf("%d %s is %#v", example.Status, example.Body, err)
	}

	if seconds := example.Header.Get("Retry-After"); (seconds == "2") != (p.RetryAfter == 2*time.Second) {
		t.Errorf("Retry-After %q is %s", seconds, p.RetryAfter)
	}
}
