package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

// changed is the body that gives a configuration.
func changed(configuration string) string {
	b, _ := json.Marshal(map[string]string{"configuration": configuration}) // strings always marshal
	return string(b)
}

func TestPatchRefuses(t *testing.T) {
	w := newWorld(t)
	const mask = `"owner":"octo","repo":"hello","token":"********"`
	for _, c := range []struct {
		name string
		request
		refusal
	}{
		{"no body", request{}, refusal{415, "unsupported_media_type", nil}},
		{"empty body", request{header: map[string]string{"content-type": "application/json"}}, refusal{400, "invalid_body", nil}},
		{"immutable members", request{body: `{"id":"501","organisation_id":"1001","item_type":"work_item","provider":"github"}`},
			refusal{400, "invalid_body", []string{"id", "organisation_id", "item_type", "provider"}}},
		{"an immutable member beside a good one", request{body: `{"enabled":false,"provider":"slack"}`}, refusal{400, "invalid_body", []string{"provider"}}},
		{"nulls", request{body: `{"enabled":null,"configuration":null}`}, refusal{400, "invalid_body", []string{"enabled", "configuration"}}},
		{"wrong types", request{body: `{"enabled":"true","configuration":{}}`}, refusal{400, "invalid_body", []string{"enabled", "configuration"}}},
		{"numbers", request{body: `{"enabled":1,"configuration":2}`}, refusal{400, "invalid_body", []string{"enabled", "configuration"}}},
		{"doubled member", request{body: `{"enabled":true,"enabled":true}`}, refusal{400, "invalid_body", []string{"enabled"}}},
		{"doubled by an escape", request{body: `{"enabled":true,"en\u0061bled":false}`}, refusal{400, "invalid_body", []string{"enabled"}}},
		{"sync's member", request{body: `{"mode":"full"}`}, refusal{400, "invalid_body", []string{"mode"}}},
		{"stale If-Match", request{body: `{"enabled":false}`, header: map[string]string{"if-match": `"7"`}}, refusal{412, "precondition_failed", nil}},
		{"weak If-Match", request{body: `{"enabled":false}`, header: map[string]string{"if-match": `W/"1"`}}, refusal{412, "precondition_failed", nil}},
		{"stale If-Match and nothing to do", request{body: `{}`, header: map[string]string{"if-match": `"0"`}}, refusal{412, "precondition_failed", nil}},
		{"order: body before precondition", request{body: `{"x":1}`, header: map[string]string{"if-match": `"7"`}}, refusal{400, "invalid_body", []string{"x"}}},
		{"order: configuration before precondition", request{body: changed(`{}`), header: map[string]string{"if-match": `"7"`}},
			refusal{400, "invalid_configuration", []string{"configuration.owner", "configuration.repo", "configuration.token"}}},
		{"mask with a changed base_url", request{body: changed(`{` + mask + `,"base_url":"https://ghe.example.com/api/v3"}`)},
			refusal{400, "secret_required", []string{"configuration.token"}}},
		{"mask of another form", request{body: changed(`{"owner":"octo","repo":"hello","app_id":1,"installation_id":2,"private_key":"********"}`)},
			refusal{400, "invalid_configuration", []string{"configuration.private_key"}}},
		{"damaged mask", request{body: changed(`{"owner":"octo","repo":"hello","token":"*******"}`)}, refusal{400, "invalid_configuration", []string{"configuration.token"}}},
		{"unknown member of the configuration", request{body: changed(`{` + mask + `,"colour":"red"}`)}, refusal{400, "invalid_configuration", []string{"configuration.colour"}}},
		{"configuration is no JSON", request{body: changed(`x`)}, refusal{400, "invalid_configuration", []string{"configuration"}}},
		{"configuration is an array", request{body: changed(`[]`)}, refusal{400, "invalid_configuration", []string{"configuration"}}},
		{"configuration is empty", request{body: changed(``)}, refusal{400, "invalid_configuration", []string{"configuration"}}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, send(t, w.patch, c.request), c.refusal) })
	}

	if v := w.view(t, github); v.Integration.Version != 1 {
		t.Errorf("a refused request has written: %+v", v.Integration)
	}
}

// Each provider's integration, and what is wrong with the configurations it is
// then sent.
var providers = []struct {
	provider domain.Provider
	good     string
	bad      map[string][]string // configuration → the members complained about
}{
	{domain.GitHub, `{"owner":"o","repo":"r","token":$T}`, map[string][]string{
		`{"owner":"-","repo":"..","token":"a b"}`: {"owner", "repo", "token"}, `{"owner":null,"repo":5,"token":$T}`: {"owner", "repo"}}},
	{domain.GitLab, `{"project":"a/b","token":$T}`, map[string][]string{
		`{"project":"a","token":$T}`: {"project"}, `{"project":"a/b","token":$T,"base_url":"http://x.example.com"}`: {"base_url"}}},
	{domain.Jira, `{"flavor":"datacenter","base_url":"https://jira.example.com","token":$T,"project_key":"ABC"}`, map[string][]string{
		`{"flavor":"server","base_url":"https://jira.example.com","project_key":"abc"}`: {"flavor", "project_key"}, `{}`: {"base_url", "flavor", "project_key"}}},
	{domain.MantisBT, `{"base_url":"https://bugs.example.com","token":$T,"project":"P"}`, map[string][]string{
		`{"base_url":"https://10.0.0.1","token":$T,"project":"P"}`: {"base_url"}, `{}`: {"base_url", "project", "token"}}},
	{domain.Discord, `{"bot_token":$T,"channel_id":"123456789012345678"}`, map[string][]string{
		`{"bot_token":$T,"channel_id":"12"}`: {"channel_id"}, `{"webhook_url":"https://example.com/api/webhooks/1/x"}`: {"webhook_url"}}},
	{domain.Slack, `{"bot_token":$T,"channel":"C0123456789"}`, map[string][]string{
		`{"bot_token":$T,"channel":"#general"}`: {"channel"}, `{"webhook_url":"https://hooks.slack.com.evil.example/services/T0/B0/x"}`: {"webhook_url"}}},
	{domain.Teams, `{"workflow_url":$F}`, map[string][]string{
		`{"workflow_url":$F,"payload":"text"}`: {"payload"}, `{"workflow_url":"https://example.com/"}`: {"workflow_url"}}},
}

func fill(text string) string {
	flow := "https://default0a1b.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + strings.Repeat("s", 43)
	bot := "xox" + "b-" + strings.Repeat("1", 12) + "-" + strings.Repeat("a", 24)
	if strings.Contains(text, "bot_token") {
		return strings.ReplaceAll(text, "$T", `"`+bot+`"`)
	}
	return strings.NewReplacer("$T", `"`+token+`"`, "$F", `"`+flow+`"`).Replace(text)
}

func TestEveryProvidersConfiguration(t *testing.T) {
	w := newWorld(t)
	for n, c := range providers {
		id := domain.Snowflake(600 + n)
		w.create(t, id, org, c.provider, true, fill(c.good))
		for text, members := range c.bad {
			t.Run(string(c.provider)+" "+text, func(t *testing.T) {
				want := refusal{400, "invalid_configuration", nil}
				for _, m := range members {
					want.fields = append(want.fields, "configuration."+m)
				}
				refused(t, send(t, w.patch, request{id: id.String(), body: changed(fill(text))}), want)
			})
		}

		t.Run(string(c.provider)+" good", func(t *testing.T) {
			stored := w.view(t, id).Integration
			for _, text := range []string{stored.Configuration, fill(c.good)} { // the mask kept, the secret given again
				resp := send(t, w.patch, request{id: id.String(), body: changed(text)})
				if resp.StatusCode != 200 {
					t.Errorf("%d %s", resp.StatusCode, resp.Body)
				}
			}

			if got := w.view(t, id).Integration; got.Configuration != stored.Configuration || got.Version != 2 || got.FullEpoch != stored.FullEpoch {
				t.Errorf("%+v\nbefore %+v", got, stored)
			}
		})
	}
}

func TestPatchThatChangesNothingWritesNothing(t *testing.T) {
	w := newWorld(t)
	before := raw(t, w, github)
	for _, body := range []string{`{}`, ` { } `, `{"enabled":true}`, changed(w.view(t, github).Integration.Configuration)} {
		w.wire.take()
		resp := send(t, w.patch, request{body: body})
		if resp.StatusCode != 200 || resp.Headers["etag"] != `"1"` || !strings.Contains(resp.Body, `"id":"501"`) {
			t.Errorf("%s: %d %v %s", body, resp.StatusCode, resp.Headers, resp.Body)
		}

		for _, c := range w.wire.take() {
			if c.operation != "GetItem" && c.operation != "BatchGetItem" {
				t.Errorf("%s: sent %s", body, c.operation)
			}
		}
	}

	if after := raw(t, w, github); !bytes.Equal(dump(t, before), dump(t, after)) {
		t.Error("the record has changed")
	}
}

func TestPatchEnables(t *testing.T) {
	w := newWorld(t)
	before := *w.view(t, disabled).Integration
	for n, c := range []struct {
		body  string
		epoch int64
	}{{`{"enabled":true}`, 1}, {`{"enabled":false}`, 1}, {`{"enabled":true}`, 2}} {
		resp := send(t, w.patch, request{id: disabled.String(), body: c.body, header: map[string]string{"content-type": "application/merge-patch+json; charset=UTF-8"}})
		v := w.view(t, disabled)
		if resp.StatusCode != 200 || v.Integration.Version != int64(n+2) || v.Integration.FullEpoch != before.FullEpoch+c.epoch ||
			!strings.Contains(c.body, map[bool]string{true: "true", false: "false"}[v.Integration.Enabled]) {
			t.Errorf("%s: %d %+v", c.body, resp.StatusCode, v.Integration)
		}

		if v.Integration.Configuration != before.Configuration || !maps.Equal(v.Integration.SecretOrigins, before.SecretOrigins) || v.Sealed("token") == nil {
			t.Errorf("%s: the configuration has changed: %+v", c.body, v.Integration)
		}

		if got := send(t, w.get, request{id: disabled.String()}); got.Body != resp.Body || got.Headers["etag"] != resp.Headers["etag"] {
			t.Errorf("PATCH answered %s, GET %s", resp.Body, got.Body)
		}
	}
}

func TestPatchMatches(t *testing.T) {
	w := newWorld(t)
	for n, tags := range []string{`"1"`, `"9", "2"`, `*`} {
		body := []string{`{"enabled":false}`, `{"enabled":true}`}[n%2]
		if resp := send(t, w.patch, request{body: body, header: map[string]string{"if-match": tags}}); resp.StatusCode != 200 {
			t.Errorf("If-Match %s: %d %s", tags, resp.StatusCode, resp.Body)
		}
	}

	// A precondition that names no version is none that holds.
	for _, tags := range []string{"", " ", ",", `"9,*,9"`, `"9, * , 9"`, `"9", *`, `"4", 9`} {
		resp := send(t, w.patch, request{body: `{"enabled":true}`, header: map[string]string{"if-match": tags}})
		refused(t, resp, refusal{412, "precondition_failed", nil})
		refused(t, send(t, w.remove, request{header: map[string]string{"if-match": tags}}), refusal{412, "precondition_failed", nil})
	}
}

// A secret is sealed, shown as a mask, kept by it, and gone with its form.
func TestPatchSealsSecrets(t *testing.T) {
	w := newWorld(t)
	fresh := "gh" + "p_" + strings.Repeat("y", 36)
	before := w.view(t, github)
	resp := send(t, w.patch, request{body: changed(`{"owner":"octo","repo":"other","token":"` + fresh + `"}`)})
	got := w.view(t, github)
	if resp.StatusCode != 200 || resp.Headers["etag"] != `"2"` || strings.Contains(resp.Body, fresh) || !strings.Contains(resp.Body, domain.Mask) {
		t.Fatalf("%d %s", resp.StatusCode, resp.Body)
	}

	if bytes.Equal(got.Sealed("token"), before.Sealed("token")) || got.Integration.TargetHash == before.Integration.TargetHash ||
		got.Integration.FullEpoch != before.Integration.FullEpoch { // whether it is another place is for the worker to find out
		t.Errorf("%+v", got.Integration)
	}

	bound := sealing.Binding{Organisation: org, Integration: github, Field: "token", Origin: got.Integration.SecretOrigins["token"]}
	if secret, err := sealing.Open(t.Context(), w.kms, bound, got.Sealed("token")); err != nil || secret != fresh {
		t.Errorf("the sealed secret opens to %d bytes, %v", len(secret), err)
	}

	// The mask keeps it, byte for byte, while the rest changes.
	resp = send(t, w.patch, request{body: changed(`{"owner":"octo","repo":"third","labels":"none","token":"********"}`)})
	kept := w.view(t, github)
	if resp.StatusCode != 200 || !bytes.Equal(kept.Sealed("token"), got.Sealed("token")) || kept.Integration.Version != 3 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	noSecret(t, w, token, fresh)
}

// With another form of authentication the old secret is gone in the same write.
func TestPatchForgetsSecrets(t *testing.T) {
	w := newWorld(t)
	id := domain.Snowflake(700)
	hook := "https://hooks.slack.com/serv" + "ices/T00000000/B00000000/" + strings.Repeat("x", 24)
	w.create(t, id, org, domain.Slack, true, `{"webhook_url":"`+hook+`"}`)
	resp := send(t, w.patch, request{id: id.String(), body: changed(fill(`{"bot_token":$T,"channel":"C0123456789"}`))})
	v := w.view(t, id)
	if resp.StatusCode != 200 || v.Sealed("webhook_url") != nil || v.Sealed("bot_token") == nil || v.Integration.WebhookHash != "" ||
		!slices.Equal(slices.Collect(maps.Keys(v.Integration.SecretOrigins)), []string{"bot_token"}) {
		t.Errorf("%d %s\n%+v", resp.StatusCode, resp.Body, v.Integration)
	}

	refused(t, send(t, w.patch, request{id: id.String(), body: changed(`{"webhook_url":"********"}`)}),
		refusal{400, "invalid_configuration", []string{"configuration.webhook_url"}})
	noSecret(t, w, hook)
}

// Another manager's change comes between reading and writing: both are
// applied, unless the caller said which version he has seen.
func TestPatchIsAppliedAnewAfterAnother(t *testing.T) {
	for tags, want := range map[string]int{"": 200, `"1"`: 412} {
		w := newWorld(t)
		v := w.view(t, github)
		read := *v.Integration
		w.wire.before = func() {
			change := store.Change{Enabled: false, Configuration: read.Configuration, TargetHash: read.TargetHash, SecretOrigins: read.SecretOrigins}
			if _, err := w.store.UpdateIntegration(t.Context(), v, change, w.now); err != nil {
				t.Error(err)
			}
		}

		q := request{body: changed(`{"owner":"octo","repo":"new","token":"********"}`)}
		if tags != "" {
			q.header = map[string]string{"if-match": tags}
		}

		resp := send(t, w.patch, q)
		v = w.view(t, github)
		if resp.StatusCode != want || v.Integration.Enabled || strings.Contains(v.Integration.Configuration, `"new"`) != (want == 200) {
			t.Errorf("If-Match %q: %d %s\nstored %+v", tags, resp.StatusCode, resp.Body, v)
		}
	}
}

// raw is the manager's record as the table has it.
func raw(t *testing.T, w *world, id domain.Snowflake) map[string]types.AttributeValue {
	t.Helper()
	return w.record(t, "ORG#"+org.Sortable(), "INT#work_item#"+id.Sortable())
}

func (w *world) record(t *testing.T, pk, sk string) map[string]types.AttributeValue {
	t.Helper()
	out, err := w.db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &w.table, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk},
	}})
	must(t, err)
	if len(out.Item) == 0 {
		t.Fatal("the record is not where it is expected")
	}

	return out.Item
}

func dump(t *testing.T, item map[string]types.AttributeValue) []byte {
	t.Helper()
	b, err := json.Marshal(item)
	must(t, err)
	return b
}

// noSecret looks for secrets in everything that was written down: the table,
// the log, and what was sent to DynamoDB and SQS.
func noSecret(t *testing.T, w *world, secrets ...string) {
	t.Helper()
	calls := w.wire.take()
	pages := dynamodb.NewScanPaginator(w.db, &dynamodb.ScanInput{TableName: &w.table})
	items := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		items += len(page.Items)
		for _, item := range page.Items { // the wire has binary values in base64
			for name, value := range item {
				for _, secret := range secrets {
					if b, ok := value.(*types.AttributeValueMemberB); ok && bytes.Contains(b.Value, []byte(secret)) {
						t.Errorf("%s holds a secret in plain text", name)
					}
				}
			}
		}
	}

	calls = append(calls, w.wire.take()...)
	if items == 0 {
		t.Fatal("the table is empty")
	}

	for _, secret := range secrets {
		if strings.Contains(w.log.String(), secret) {
			t.Error("the log holds a secret")
		}

		for _, c := range calls {
			if strings.Contains(c.body, secret) || strings.Contains(c.answer, secret) {
				t.Errorf("a secret in a call of %s", c.operation)
			}
		}
	}
}
