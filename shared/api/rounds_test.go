package api_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/shared/api"
)

// The round trips each request costs, as the transport under the AWS clients
// sees them. KMS is not counted.
func TestRoundTrips(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(*world) api.Handler
		request
		warm []string
	}{
		{"GET", func(w *world) api.Handler { return w.get }, request{}, []string{"BatchGetItem"}},
		{"GET that is not modified", func(w *world) api.Handler { return w.get }, request{header: map[string]string{"if-none-match": `"1"`}}, []string{"BatchGetItem"}},
		{"PATCH", func(w *world) api.Handler { return w.patch }, request{body: `{"enabled":false}`}, []string{"BatchGetItem", "UpdateItem"}},
		{"PATCH with a secret", func(w *world) api.Handler { return w.patch }, request{body: changed(`{"owner":"octo","repo":"hello","token":"` + token + `"}`)}, []string{"BatchGetItem", "UpdateItem"}},
		{"PATCH of the place", func(w *world) api.Handler { return w.patch }, request{body: changed(`{"owner":"o","repo":"r","token":"` + token + `"}`)}, []string{"BatchGetItem", "TransactWriteItems"}},
		{"sync", func(w *world) api.Handler { return w.sync }, request{}, []string{"BatchGetItem", "UpdateItem", "SendMessage"}},
		{"DELETE", func(w *world) api.Handler { return w.remove }, request{}, []string{"BatchGetItem", "TransactWriteItems", "SendMessage"}},
		{"check", func(w *world) api.Handler { w.provider = healthy; return w.check }, request{}, []string{"BatchGetItem", "UpdateItem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			trips := func() []string {
				w.wire.take()
				if resp := send(t, c.call(w), c.request); resp.StatusCode >= 400 {
					t.Fatalf("%d %s", resp.StatusCode, resp.Body)
				}

				var operations []string
				for _, call := range w.wire.take() {
					operations = append(operations, call.operation)
				}

				return operations
			}
			if got := trips(); !slices.Equal(got, append([]string{"GetItem"}, c.warm...)) {
				t.Errorf("cold: %v", got)
			}

			// A second world, warmed by a request that does not write.
			w = newWorld(t)
			refused(t, send(t, c.call(w), request{caller: stranger, body: c.body}), refusal{403, "forbidden", nil})
			if got := trips(); !slices.Equal(got, c.warm) {
				t.Errorf("warm: %v, want %v", got, c.warm)
			}
		})
	}
}

// An organisation's routes have nothing to look for before they read who may.
func TestRoundTripsOfAnOrganisation(t *testing.T) {
	for name, c := range map[string]struct {
		call func(*world) api.Handler
		request
		want []string
	}{
		"list":              {func(w *world) api.Handler { return w.list }, request{}, []string{"BatchGetItem", "Query"}},
		"create":            {func(w *world) api.Handler { return w.make }, request{body: wanted("1")}, []string{"BatchGetItem", "TransactWriteItems"}},
		"create with a key": {func(w *world) api.Handler { return w.make }, request{body: wanted("1"), header: key("k")}, []string{"BatchGetItem", "GetItem", "TransactWriteItems"}},
	} {
		w := newWorld(t)
		if resp := send(t, c.call(w), c.request); resp.StatusCode >= 400 {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, resp.Body)
		}

		var got []string
		for _, call := range w.wire.take() {
			got = append(got, call.operation)
		}

		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Every read that decides on access is strongly consistent.
func TestReadsAreConsistent(t *testing.T) {
	w := newWorld(t)
	send(t, w.get, request{})
	for _, c := range w.wire.take() {
		if !strings.Contains(c.body, `"ConsistentRead":true`) {
			t.Errorf("%s: %s", c.operation, c.body)
		}
	}
}

// What goes wrong at AWS is told by a fixed text, and the reason is logged. A
// table that cannot be reached may be back soon (D6); what our role may not do is
// a fault of ours.
func TestOurOwnFailures(t *testing.T) {
	t.Run("unreachable", func(t *testing.T) {
		failures(t, newWorld(t), refusal{503, "unavailable", nil}, "network is down")
	})
	t.Run("denied", func(t *testing.T) {
		w := newWorld(t)
		w.wire.denies = true
		failures(t, w, refusal{500, "internal_error", nil}, "the role may not do this")
	})
}

func failures(t *testing.T, w *world, want refusal, logged string) {
	t.Helper()
	w.wire.fail = map[string]bool{"GetItem": true}
	resp := send(t, w.get, request{})
	refused(t, resp, want)
	if strings.Contains(resp.Body, logged) || !strings.Contains(w.log.String(), logged) {
		t.Errorf("answered %s\nlogged %s", resp.Body, w.log)
	}

	for name, h := range map[string]api.Handler{"PATCH": w.patch, "sync": w.sync, "status": w.status, "syncs": w.syncs, "cancel": w.cancel, "items": w.items, "retry": w.retry, "delete": w.remove} {
		t.Run(name, func(t *testing.T) { refused(t, send(t, h, request{}), want) })
	}

	for _, route := range []string{"", planRoute} {
		refused(t, send(t, w.syncs, request{sync: "7", route: route}), want)
	}

	w.wire.fail = map[string]bool{"BatchGetItem": true}
	refused(t, send(t, w.list, request{}), want)
	refused(t, send(t, w.make, request{body: wanted("1")}), want)
	w.wire.fail = map[string]bool{"UpdateItem": true}
	refused(t, send(t, w.patch, request{body: `{"enabled":false}`}), want)
	refused(t, send(t, w.sync, request{}), want)
	if sent := messages(t, w); len(sent) != 0 {
		t.Errorf("sent %v without a run", sent)
	}
}

func TestPanicsAndForeignErrors(t *testing.T) {
	log := &lockedLog{}
	for _, route := range []api.Route{
		func(context.Context, api.Request) (api.Answer, error) { panic("hidden") },
		func(context.Context, api.Request) (api.Answer, error) { return api.Answer{}, errors.New("hidden") },
		func(context.Context, api.Request) (api.Answer, error) { return api.Answer{Body: func() {}}, nil },
	} {
		resp := send(t, api.Serve(slog.New(slog.NewTextHandler(log, nil)), "sub", route), request{})
		refused(t, resp, refusal{500, "internal_error", nil})
		if strings.Contains(resp.Body, "hidden") {
			t.Errorf("the answer tells %s", resp.Body)
		}
	}

	if n := strings.Count(log.String(), "level=ERROR"); n != 3 {
		t.Errorf("logged %d of 3 failures", n)
	}
}

// The name of the claim is the deployment's.
func TestUserClaimIsASetting(t *testing.T) {
	h := api.Serve(slog.New(slog.DiscardHandler), "user_id", func(_ context.Context, r api.Request) (api.Answer, error) {
		return api.Answer{Status: 200, Body: r.Caller}, nil
	})
	event := request{}.event()
	event.RequestContext.Authorizer.JWT.Claims["user_id"] = "77"
	if resp, _ := h(t.Context(), event); resp.Body != `"77"` {
		t.Errorf("caller %s", resp.Body)
	}

	event.RequestContext.Authorizer = nil
	if resp, _ := h(t.Context(), event); resp.Body != `""` {
		t.Errorf("caller without an authorizer %s", resp.Body)
	}
}
