package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/local/environment"

	"example.com/integrations/shared/events/incoming"
)

// stateOf is the state folder of an environment whose bus is the one at hand.
func stateOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(environment.Control{Endpoint: os.Getenv("AWS_ENDPOINT_URL_EVENTBRIDGE"), Region: "eu-central-1", Bus: "integrations-prod"})
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "control.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}

	return dir
}

func TestEventCommand(t *testing.T) {
	q := busAt(t, nil)
	dir := stateOf(t)
	for _, name := range []string{"item.created/good-work-item", "role.deleted/good", "item.created/bad-no-title"} {
		if err := run(t.Context(), []string{"event", "-dir", dir, "-file", "../../../events/samples/" + name + ".json"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	if ids := q.ids(t); !slices.Equal(ids, []string{"1190000000000000001", "1160000000000000001", "1190000000000000001"}) {
		t.Errorf("%v came", ids)
	}

	for _, bad := range []string{"../../../events/README.md", "../../../events/get.json", "none.json"} {
		if err := run(t.Context(), []string{"event", "-dir", dir, "-file", bad}); err == nil || len(q.sent) != 3 {
			t.Errorf("%s was sent: %v", bad, err)
		}
	}
}

func TestReplayCommand(t *testing.T) {
	q := busAt(t, nil)
	dir := stateOf(t)
	path := export(t, 20)
	ids := func(args ...string) []string {
		q.sent = nil
		if err := run(t.Context(), append([]string{"replay", "-dir", dir, "-file", path}, args...)); err != nil {
			t.Fatal(err)
		}
		return q.ids(t)
	}

	plain := ids()
	if len(plain) != 23 || plain[3] != "1000" || plain[22] != "1019" {
		t.Errorf("%v", plain)
	}

	shuffled := ids("-seed", "0")
	slices.Sort(plain)
	if slices.Equal(shuffled, plain) || len(shuffled) != 23 || len(ids("-double")) != 46 {
		t.Errorf("in disorder: %v", shuffled)
	}

	moved := ids("-organisation", "42", "-rate", "100000")
	if moved[0] != "42" || moved[3] != Shifted(42, 1000).String() || !strings.Contains(q.sent[3], `"organisation_id":"42"`) {
		t.Errorf("moved: %v", moved)
	}
}

// A person is told what becomes of an event that does no good.
func TestFateOf(t *testing.T) {
	for _, tt := range []struct{ source, detailType, detail, want string }{
		{"platform", "organisation.deleted", `{"id":"1","version":2}`, ""},
		{"elsewhere", "organisation.deleted", `{"id":"1","version":2}`, `It will not be delivered: the source is "elsewhere", and the rules look for "platform".`},
		{"platform", "item.made", `{}`, `It will not be delivered: no rule looks for the detail-type "item.made".`},
		{"platform", "role.deleted", `{"id":"0"}`, "It will be refused: malformed event: organisation_id is missing"},
	} {
		got := fateOf(incoming.Envelope{Source: tt.source, DetailType: tt.detailType, Detail: []byte(tt.detail)})
		if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s of %s: %q, want %q", tt.detailType, tt.source, got, tt.want)
		}
	}
}
