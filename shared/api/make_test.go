package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// wanted is the body of a create; repo tells one from another.
func wanted(repo string) string {
	text, _ := json.Marshal(`{"owner":"octo","repo":"` + "r" + repo + `","token":"` + token + `"}`)
	return `{"item_type":"document","provider":"github","configuration":` + string(text) + `}`
}

func key(k string) map[string]string { return map[string]string{"idempotency-key": k} }

func TestCreate(t *testing.T) {
	w := newWorld(t)
	resp := send(t, w.make, request{body: wanted("1")})
	var made domain.Integration
	must(t, json.Unmarshal([]byte(resp.Body), &made))
	if resp.StatusCode != 201 || resp.Headers["location"] != "/integrations/"+made.ID.String() || resp.Headers["etag"] != `"1"` {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Headers, resp.Body)
	}

	if made.OrganisationID != org || made.ItemType != "document" || made.Provider != domain.GitHub || !made.Enabled || !strings.Contains(made.Configuration, domain.Mask) {
		t.Errorf("%+v", made)
	}

	got := send(t, w.get, request{id: made.ID.String()})
	if got.StatusCode != 200 || got.Body != resp.Body || got.Headers["etag"] != `"1"` {
		t.Errorf("read: %d %s", got.StatusCode, got.Body)
	}

	v, err := w.store.View(t.Context(), store.IntegrationRef{ID: made.ID, OrganisationID: org, ItemType: "document"}, 0)
	must(t, err)
	if !store.NeedsFull(*v.Integration, v.State) || v.Integration.TargetHash == "" || v.Integration.SecretOrigins["token"] != "https://api.github.com" {
		t.Errorf("%+v", v.Integration)
	}

	opened, err := factory.Open(t.Context(), w.kms, outbound.New(outbound.Config{}), v)
	if opened.Secrets["token"] != token {
		t.Errorf("the secret does not open: %v", err)
	}

	for _, c := range w.wire.take() {
		if strings.Contains(c.body, token) {
			t.Errorf("%s carries the secret in the clear", c.operation)
		}
	}

	if strings.Contains(w.log.String(), token) {
		t.Error("the secret is logged")
	}

	off := told[domain.Integration](t, w.make, request{body: strings.Replace(wanted("2"), "{", `{"enabled":false,`, 1)}, 201)
	if off.Enabled {
		t.Error("enabled though it should not be")
	}
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t)
	with := func(change string) string { return strings.Replace(wanted("1"), "{", "{"+change, 1) }
	for name, c := range map[string]struct {
		body   string
		header map[string]string
		refusal
	}{
		"no body":                {"", nil, refusal{415, "unsupported_media_type", nil}},
		"nothing in it":          {"{}", nil, refusal{400, "invalid_body", []string{"item_type", "provider", "configuration"}}},
		"no JSON":                {"x", nil, refusal{400, "invalid_body", nil}},
		"unknown member":         {with(`"colour":"red",`), nil, refusal{400, "invalid_body", []string{"colour"}}},
		"the id is ours to give": {with(`"id":"7",`), nil, refusal{400, "invalid_body", []string{"id"}}},
		"another organisation":   {with(`"organisation_id":"1002",`), nil, refusal{400, "invalid_body", []string{"organisation_id"}}},
		"doubled":                {with(`"provider":"github",`), nil, refusal{400, "invalid_body", []string{"provider"}}},
		"nulls":                  {`{"item_type":null,"provider":null,"configuration":null,"enabled":null}`, nil, refusal{400, "invalid_body", []string{"item_type", "provider", "configuration", "enabled"}}},
		"unknown values":         {`{"item_type":"ticket","provider":"svn","configuration":"{}"}`, nil, refusal{400, "invalid_body", []string{"item_type", "provider"}}},
		"configuration":          {`{"item_type":"document","provider":"github","configuration":"{\"owner\":\"o\",\"colour\":1}"}`, nil, refusal{400, "invalid_configuration", []string{"configuration.colour", "configuration.repo", "configuration.token"}}},
		"a mask of nothing":      {strings.Replace(wanted("1"), token, domain.Mask, 1), nil, refusal{400, "invalid_configuration", []string{"configuration.token"}}},
		"another type":           {wanted("1"), map[string]string{"content-type": "application/merge-patch+json"}, refusal{415, "unsupported_media_type", nil}},
		"too large":              {with(`"colour":"` + strings.Repeat("x", 64<<10) + `",`), nil, refusal{413, "body_too_large", nil}},
		"empty key":              {wanted("1"), key(""), refusal{400, "invalid_header", []string{"Idempotency-Key"}}},
		"long key":               {wanted("1"), key(strings.Repeat("k", 256)), refusal{400, "invalid_header", []string{"Idempotency-Key"}}},
		"key with a space":       {wanted("1"), key("a b"), refusal{400, "invalid_header", []string{"Idempotency-Key"}}},
		"key in other letters":   {wanted("1"), key("ключ"), refusal{400, "invalid_header", []string{"Idempotency-Key"}}},
		"body before key":        {"{", key(""), refusal{400, "invalid_body", nil}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, send(t, w.make, request{body: c.body, header: c.header}), c.refusal) })
	}

	all, _, err := w.store.Integrations(t.Context(), org, domain.Page{Limit: 100})
	if must(t, err); len(all) != 2 {
		t.Errorf("%d integrations, 2 before", len(all))
	}

	if resp := send(t, w.make, request{body: wanted("1"), header: key(strings.Repeat("~", 255))}); resp.StatusCode != 201 {
		t.Errorf("the longest key: %d %s", resp.StatusCode, resp.Body)
	}
}

// However often a create is repeated with its key, and by however many at
// once, it is done once and answered alike.
func TestCreateOnce(t *testing.T) {
	w := newWorld(t)
	answers := make([]string, 12)
	var all sync.WaitGroup
	for n := range answers {
		all.Go(func() {
			resp := send(t, w.make, request{body: wanted("1"), header: key("k1")})
			answers[n] = fmt.Sprint(resp.StatusCode, resp.Headers["location"], resp.Headers["etag"], resp.Body)
		})
	}

	all.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, "201") {
			t.Errorf("%s\n%s", a, answers[0])
		}
	}

	count := func(want int) {
		t.Helper()
		found, _, err := w.store.Integrations(t.Context(), org, domain.Page{Limit: 100})
		if must(t, err); len(found) != want {
			t.Errorf("%d integrations, want %d", len(found), want)
		}
	}

	count(3)
	for name, body := range map[string]string{
		"configuration": wanted("2"), "enabled": strings.Replace(wanted("1"), "{", `{"enabled":false,`, 1),
		"type": strings.Replace(wanted("1"), "document", "work_item", 1),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, send(t, w.make, request{body: body, header: key("k1")}), refusal{422, "idempotency_key_reused", nil})
		})
	}

	same := strings.Replace(wanted("1"), "{", `{ "enabled":true,`, 1) // in other words
	if resp := send(t, w.make, request{body: same, header: key("k1")}); resp.StatusCode != 201 || !strings.HasSuffix(answers[0], resp.Body) {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	count(3)
	if resp := send(t, w.make, request{body: wanted("2"), header: key("k1"), caller: owner}); resp.StatusCode != 201 || strings.HasSuffix(answers[0], resp.Body) {
		t.Errorf("another caller's key is his own: %d %s", resp.StatusCode, resp.Body)
	}

	count(4)
	w.now = w.now.Add(24*time.Hour - time.Second)
	send(t, w.make, request{body: wanted("1"), header: key("k1")})
	count(4)
	w.now = w.now.Add(time.Second) // the record is still there: DynamoDB deletes late
	if resp := send(t, w.make, request{body: wanted("9"), header: key("k1")}); resp.StatusCode != 201 {
		t.Errorf("after a day: %d %s", resp.StatusCode, resp.Body)
	}

	count(5)
	for _, c := range w.wire.take() {
		if strings.Contains(c.body, `"k1"`) || strings.Contains(c.body, "#k1") {
			t.Errorf("%s carries the key in the clear", c.operation)
		}
	}
}

// The record of a request is no place to try guesses at a secret on: it is keyed
// with the idempotency key, so that one request has another under each.
func TestFingerprintsAreKeyed(t *testing.T) {
	w := newWorld(t)
	for _, k := range []string{"k1", "k2"} {
		i := told[domain.Integration](t, w.make, request{body: wanted("1"), header: key(k)}, 201)
		if resp := send(t, w.remove, request{id: i.ID.String()}); resp.StatusCode != 204 {
			t.Fatal(resp.Body)
		}
	}

	seen := map[string]bool{}
	pages := dynamodb.NewScanPaginator(w.db, &dynamodb.ScanInput{TableName: &w.table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, item := range page.Items {
			if print, ok := item["fingerprint"].(*types.AttributeValueMemberS); ok && item["expires_at"] != nil {
				seen[print.Value] = true
			}
		}
	}

	if len(seen) != 2 {
		t.Errorf("%d fingerprints of one request under two keys", len(seen))
	}
}

// An organisation never has more than it may, however many ask at once, and one
// that is deleted makes room for another.
func TestAtMostFifty(t *testing.T) {
	w := newWorld(t)
	statuses := make([]int, 60)
	var all sync.WaitGroup
	for n := range statuses {
		all.Go(func() { statuses[n] = send(t, w.make, request{body: wanted(fmt.Sprint(n))}).StatusCode })
	}

	all.Wait()
	made := 0
	for _, s := range statuses {
		if s == 201 {
			made++
		} else if s != 400 {
			t.Errorf("status %d", s)
		}
	}

	if made != store.MaxIntegrations-2 { // two were there
		t.Errorf("%d made", made)
	}

	refused(t, send(t, w.make, request{body: wanted("x"), header: key("k")}), refusal{400, "limit_reached", nil})
	if resp := send(t, w.remove, request{}); resp.StatusCode != 204 {
		t.Fatal(resp.Body)
	}

	if resp := send(t, w.make, request{body: wanted("x"), header: key("k")}); resp.StatusCode != 201 {
		t.Errorf("after one was deleted: %d %s", resp.StatusCode, resp.Body)
	}

	refused(t, send(t, w.make, request{body: wanted("y")}), refusal{400, "limit_reached", nil})
	if resp := send(t, w.make, request{body: wanted("x"), header: key("k")}); resp.StatusCode != 201 {
		t.Errorf("a full organisation forgets what was made: %d %s", resp.StatusCode, resp.Body)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	type list struct {
		Items []domain.Integration
		Next  *string
	}
	want := []string{github.String(), disabled.String()}
	for n := range 5 {
		made := told[domain.Integration](t, w.make, request{body: wanted(fmt.Sprint(n))}, 201)
		want = append(want, made.ID.String())
	}

	for limit := 1; limit <= 8; limit++ {
		var got, order []string
		query := map[string]string{"limit": fmt.Sprint(limit)}
		for {
			page := told[list](t, w.list, request{query: query}, 200)
			for _, i := range page.Items {
				got = append(got, i.ID.String())
				order = append(order, string(i.ItemType)+i.ID.Sortable())
				if i.OrganisationID != org || strings.Contains(i.Configuration, token) {
					t.Errorf("%+v", i)
				}
			}

			if len(page.Items) > limit {
				t.Errorf("%d on a page of %d", len(page.Items), limit)
			}

			if page.Next == nil {
				break
			}

			query["after"] = *page.Next
		}

		if !slices.IsSorted(order) {
			t.Errorf("pages of %d are not by item type and age: %v", limit, order)
		}

		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", limit, got, want)
		}
	}

	resp := send(t, w.list, request{query: map[string]string{"limit": "1"}})
	var raw struct{ Items []map[string]any }
	must(t, json.Unmarshal([]byte(resp.Body), &raw))
	if len(raw.Items) != 1 || len(raw.Items[0]) != 6 {
		t.Errorf("%s", resp.Body)
	}

	for _, c := range w.wire.take() {
		if c.operation == "Query" && (!strings.Contains(c.body, `"ConsistentRead":true`) || strings.Contains(c.answer, "secret_")) {
			t.Errorf("%s\n%s", c.body, c.answer)
		}
	}

	for _, place := range []string{"integrations:", "integrations:work_item", "integrations:work_item#7", "integrations:ticket#0000000000000000007",
		"integrations:work_item#0000000000000000007#", "integrations:#0000000000000000007", "items:work_item#0000000000000000007", "integrations:0000000000000000007"} {
		after := base64.RawURLEncoding.EncodeToString([]byte(place))
		refused(t, send(t, w.list, request{query: map[string]string{"after": after}}), refusal{400, "invalid_query", []string{"after"}})
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	refused(t, send(t, w.remove, request{header: map[string]string{"if-match": `"7"`}}), refusal{412, "precondition_failed", nil})
	resp := send(t, w.remove, request{header: map[string]string{"if-match": `"1"`}})
	if resp.StatusCode != 204 || resp.Body != "" {
		t.Fatalf("%d %s", resp.StatusCode, resp.Body)
	}

	for name, h := range map[string]func() int{
		"get":    func() int { return send(t, w.get, request{}).StatusCode },
		"patch":  func() int { return send(t, w.patch, request{body: `{"enabled":true}`}).StatusCode },
		"sync":   func() int { return send(t, w.sync, request{}).StatusCode },
		"delete": func() int { return send(t, w.remove, request{}).StatusCode },
		"check":  func() int { return send(t, w.check, request{}).StatusCode },
	} {
		if got := h(); got != 404 {
			t.Errorf("%s: %d", name, got)
		}
	}

	sent := messages(t, w)
	v := w.view(t, github)
	if v.Integration != nil || v.Sealed("token") != nil || v.State == nil || v.State.Run == nil || v.State.Run.Mode != domain.Purge {
		t.Fatalf("%+v", v)
	}

	if len(sent) != 1 || sent[0].RunID != v.State.Run.ID || sent[0].OrganisationID != org {
		t.Errorf("sent %v", sent)
	}
}

// A send that fails is dispatch's; where a worker is on a run, it begins the
// purge itself.
func TestDeleteWithoutAMessage(t *testing.T) {
	w := newWorld(t)
	w.wire.fail = map[string]bool{"SendMessage": true}
	if resp := send(t, w.remove, request{}); resp.StatusCode != 204 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	if st := w.view(t, github).State; st.DueAt == 0 || st.DueAt > w.now.UnixMilli() {
		t.Errorf("dispatch does not find it: %+v", st)
	}

	w = newWorld(t)
	run := w.accepted(t, request{})
	messages(t, w)
	pair := store.IntegrationRef{ID: github, OrganisationID: org, ItemType: "work_item"}
	held, err := w.store.Acquire(t.Context(), pair, store.LeaseRequest{RunID: run.ID, ID: "a worker", Now: w.now, Until: w.now.Add(time.Minute)})
	if must(t, err); held == nil {
		t.Fatal("no lease")
	}

	if resp := send(t, w.remove, request{}); resp.StatusCode != 204 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	if sent := messages(t, w); len(sent) != 0 || w.view(t, github).State.Run.ID != run.ID {
		t.Errorf("sent %v", sent)
	}
}

// asked is a connector that can be checked.
type asked struct {
	connector.Connector
	checks []connector.Check
	until  time.Time
	then   func()
}

func (a *asked) Check(ctx context.Context) ([]connector.Check, error) {
	a.until, _ = ctx.Deadline()
	if a.then != nil {
		a.then()
	}
	return a.checks, nil
}

// healthy is a provider that has nothing against it.
func healthy(context.Context, store.View) (connector.Connector, error) {
	return &asked{checks: []connector.Check{connector.Passed(connector.CheckReachable)}}, nil
}

func TestCheck(t *testing.T) {
	yes := connector.Passed("reachable")
	no := connector.Refused("target", "target_not_found")
	unknown := connector.Undecided("write", "not_told")
	for want, checks := range map[string][]connector.Check{
		`{"ok":true,"checks":[{"name":"reachable","ok":true,"code":null,"detail":null}],"message":null}`:                                                                         {yes},
		`{"ok":null,"checks":[{"name":"reachable","ok":true,"code":null,"detail":null},{"name":"write","ok":null,"code":"not_told","detail":null}],"message":null}`:              {yes, unknown},
		`{"ok":false,"checks":[{"name":"write","ok":null,"code":"not_told","detail":null},{"name":"target","ok":false,"code":"target_not_found","detail":null}],"message":null}`: {unknown, no},
	} {
		w := newWorld(t)
		a := &asked{checks: checks}
		w.provider = func(_ context.Context, v store.View) (connector.Connector, error) {
			if v.Integration.ID != disabled {
				t.Errorf("opened %s", v.Integration.ID)
			}
			return a, nil
		}

		resp := send(t, w.check, request{id: disabled.String(), body: "{}"})
		if resp.StatusCode != 200 || resp.Body != want {
			t.Errorf("%d %s\nwant %s", resp.StatusCode, resp.Body, want)
		}

		if a.until.IsZero() || time.Until(a.until) > time.Second {
			t.Error("the provider may take as long as it likes")
		}
	}
}

// Whatever keeps a provider from answering, and however soon that is known, it
// takes the same time to say so.
func TestCheckOfAnUnreachableTakesItsTime(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: 3 * time.Second, time.Second: 2 * time.Second, 3 * time.Second: 0} {
		w := newWorld(t)
		w.provider = func(context.Context, store.View) (connector.Connector, error) {
			return &asked{checks: connector.Failed(&failure.Error{Code: "address_refused"}), then: func() { w.now = w.now.Add(took) }}, nil
		}
		if resp := send(t, w.check, request{}); resp.StatusCode != 200 || !slices.Equal(w.slept, []time.Duration{want}) {
			t.Errorf("known after %s: %d, waited %v", took, resp.StatusCode, w.slept)
		}
	}

	w := newWorld(t)
	w.provider = healthy
	if send(t, w.check, request{}); len(w.slept) != 0 {
		t.Errorf("who is reached is waited for: %v", w.slept)
	}
}

func TestCheckOfWhatCannotBeUsed(t *testing.T) {
	for code, want := range map[string]string{
		factory.SecretUnreadable:      `{"ok":false,"checks":[{"name":"credentials","ok":false,"code":"secret_unreadable","detail":null}],"message":null}`,
		factory.ConfigurationUnusable: `{"ok":false,"checks":[{"name":"configuration","ok":false,"code":"configuration_unusable","detail":null}],"message":null}`,
		"provider_not_supported":      `{"ok":null,"checks":[{"name":"connector","ok":null,"code":"not_supported","detail":null}],"message":null}`,
	} {
		w := newWorld(t)
		w.provider = func(context.Context, store.View) (connector.Connector, error) {
			return nil, &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: code}
		}
		if resp := send(t, w.check, request{}); resp.StatusCode != 200 || resp.Body != want {
			t.Errorf("%d %s\nwant %s", resp.StatusCode, resp.Body, want)
		}
	}

	w := newWorld(t)
	w.provider = func(context.Context, store.View) (connector.Connector, error) { return nil, errors.New("KMS is away") }
	refused(t, send(t, w.check, request{}), refusal{500, "internal_error", nil})
}

// One check in ten seconds, before anything is opened or asked.
func TestChecksAreLimited(t *testing.T) {
	w := newWorld(t)
	opened := 0
	w.provider = func(context.Context, store.View) (connector.Connector, error) {
		opened++
		return &asked{checks: []connector.Check{connector.Passed("reachable")}}, nil
	}
	check := func(id domain.Snowflake, want int, wait string) {
		t.Helper()
		resp := send(t, w.check, request{id: id.String()})
		if resp.StatusCode != want || resp.Headers["retry-after"] != wait {
			t.Errorf("%d %v %s, want %d, Retry-After %s", resp.StatusCode, resp.Headers, resp.Body, want, wait)
		}
	}

	check(github, 200, "")
	check(github, 429, "10")
	check(disabled, 200, "")
	w.now = w.now.Add(4 * time.Second)
	check(github, 429, "6")
	w.now = w.now.Add(6*time.Second - time.Millisecond)
	check(github, 429, "1")
	w.now = w.now.Add(time.Millisecond)
	check(github, 200, "")
	refused(t, send(t, w.check, request{id: disabled.String(), body: `{"deep":true}`}), refusal{400, "invalid_body", []string{"deep"}})
	if opened != 3 {
		t.Errorf("opened %d times", opened)
	}
}
