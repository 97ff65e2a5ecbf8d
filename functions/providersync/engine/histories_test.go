package engine

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"integrations/shared/domain"
	"integrations/shared/notice"
)

// digestOver is more than the items of a scene: each gets its own message.
const digestOver = 20

// titleOf is what an item is called in a version.
func titleOf(id domain.Snowflake, version int64) string {
	return fmt.Sprint(itemNames[id-1], " in form ", version)
}

// places are the ways to the seven providers. A webhook of Slack and a workflow
// of Teams only post.
func places() []place {
	tracker := []string{"create", "update", "close"}
	return []place{
		{name: "github", kinds: tracker, open: ofTracker("github"),
			object: object403(`{"message":"Issue is locked for the caller","documentation_url":"https://docs.github.com/rest","status":"403"}`, "Issue is locked for the caller"),
			atOnce: json403(`{"message":"Resource not accessible by personal access token","status":"403"}`), means: "forbidden"},
		{name: "gitlab", kinds: tracker, open: ofTracker("gitlab"),
			object: object403(`{"message":"403 Forbidden"}`, "403 Forbidden"),
			atOnce: json403(`{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token."}`), means: "forbidden"},
		{name: "jira", kinds: append(tracker, "reopen"), open: onJiraCloud,
			object: object403(`{"errorMessages":["The workflow does not let you change this issue."],"errors":{}}`, "The workflow does not let you change this issue."),
			atOnce: reply{"400 without the project", 400, jsonMedia, `{"errorMessages":[],"errors":{"project":"valid project is required"}}`, ""}, means: "target_not_found"},
		{name: "jira_datacenter", kinds: append(tracker, "reopen"), open: ofTracker("jira"),
			twice:  "an edit without mail to the watchers that is refused with 403 is sent once with it",
			object: object403(`{"errorMessages":["The workflow does not let you change this issue."],"errors":{}}`, "The workflow does not let you change this issue."),
			atOnce: reply{"400 without the project", 400, jsonMedia, `{"errorMessages":[],"errors":{"project":"valid project is required"}}`, ""}, means: "target_not_found"},
		{name: "mantisbt", kinds: tracker, open: ofTracker("mantisbt"),
			object: object403(`{"message":"Access denied for user updater. Reason: Not allowed to update note 4."}`, "Not allowed to update note 4"),
			atOnce: json403(`{"message":"User does not have access right to report issues","code":13,"localized":"Access Denied."}`), means: "forbidden"},
		{name: "discord", kinds: tracker, open: onDiscord(false),
			object: object403(`{"message":"Explicit content cannot be sent to the desired recipient(s)","code":20009}`, "Explicit content"),
			atOnce: json403(`{"message":"Missing Permissions","code":50013}`), means: "forbidden"},
		{name: "discord_webhook", kinds: tracker, open: onDiscord(true),
			object: object403(`{"message":"Explicit content cannot be sent to the desired recipient(s)","code":20009}`, "Explicit content"),
			atOnce: reply{"unknown webhook", 404, jsonMedia, `{"message":"Unknown Webhook","code":10015}`, ""}, means: "target_not_found"},
		{name: "slack", kinds: tracker, open: onSlack(false),
			object: object403(`{"ok":false,"error":"message_refused"}`, "message_refused"),
			own:    reply{"200 with an error", 200, jsonMedia, `{"ok":false,"error":"msg_too_long"}`, "msg_too_long"},
			atOnce: reply{"missing scope", 200, jsonMedia, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`, ""}, means: "forbidden"},
		{name: "slack_webhook", kinds: []string{"create"}, open: onSlack(true),
			object: object403(`{"ok":false,"error":"message_refused"}`, "message_refused"),
			own:    reply{"400 with a word", 400, "text/plain", "invalid_blocks", "invalid_blocks"},
			atOnce: reply{"prohibited", 403, "text/plain", "action_prohibited", ""}, means: "forbidden"},
		{name: "teams", kinds: []string{"create"}, open: onTeams,
			object: object403(`{"error":{"code":"RunDenied","message":"The run was denied by a data policy."}}`, "denied by a data policy"),
			atOnce: json403(`{"error":{"code":"DirectApiAuthorizationRequired","message":"The caller is not authorized."}}`), means: "forbidden"},
	}
}

// object403 is a 403 about one object, and json403 another one.
func object403(body, words string) reply {
	return reply{"JSON 403 about the object", 403, jsonMedia, body, words}
}

func json403(body string) reply { return reply{"JSON 403 about everything", 403, jsonMedia, body, ""} }

// moves reports whether a request changes nothing but an issue's state.
func moves(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/transitions") }

// prepare has six items ready for a kind of write, each in a version that is to
// be written, and gives that version and its state.
func (h *scene) prepare(p place, kind string) (version int64, state domain.ItemState) {
	h.t.Helper()
	before, after := domain.Open, domain.Open
	switch kind {
	case "close":
		after = domain.Closed
	case "reopen":
		before = domain.Closed
	}

	version = 1
	if kind != "create" {
		for id := range domain.Snowflake(6) {
			h.put(id+1, version, before)
		}
		h.start(domain.Incremental)
		h.settle()
		h.noMarks()
		h.linkAll()
		version++
	}
	for id := range domain.Snowflake(6) {
		h.put(id+1, version, after)
	}

	return version, after
}

// refuse has the wall give an answer to the writes of a kind for the first n
// items.
func (h *scene) refuse(p place, kind string, n domain.Snowflake, a reply) {
	byTransition := slices.Contains(p.kinds, "reopen") && (kind == "close" || kind == "reopen")
	h.wall.set(func(r *http.Request, item domain.Snowflake) *reply {
		if item == 0 {
			h.t.Errorf("%s %s names no item", r.Method, r.URL.Path)
		}
		if item > n || byTransition && !moves(r) {
			return nil
		}
		return &a
	})
}

// holds fails unless the provider shows each of the items once in a version and
// no other.
func (h *scene) holds(what string, version int64, state domain.ItemState, ids ...domain.Snowflake) {
	h.t.Helper()
	shown := h.shown()
	for _, id := range ids {
		found := 0
		for _, one := range shown {
			if !strings.Contains(one, itemNames[id-1]) {
				continue
			}
			found++
			if !strings.Contains(one, titleOf(id, version)) || h.messages == nil && !strings.HasSuffix(one, string(state)) {
				h.t.Errorf("%s: item %d is shown as %.300s", what, id, one)
			}
		}
		if found != 1 {
			h.t.Errorf("%s: item %d is shown %d times", what, id, found)
		}
	}
	if broken := h.violations(); len(broken) > 0 {
		h.t.Errorf("%s: %v", what, broken)
	}
}

// ledger is the row of an item.
func (h *scene) ledger(id domain.Snowflake) domain.LedgerRow {
	h.t.Helper()
	rows, _, err := h.sure.Ledger(h.ctx, 77, h.state().Target.Key, "", (id - 1).Sortable(), 1)
	h.must(err)
	if len(rows) != 1 || rows[0].ItemID != id {
		h.t.Fatalf("item %d has no row: %v", id, rows)
	}

	return rows[0]
}

// named fails unless a text names an answer's status and words.
func (h *scene) named(what, text string, a reply) {
	h.t.Helper()
	if !strings.Contains(text, fmt.Sprint(a.status)) || !strings.Contains(text, a.words) {
		h.t.Errorf("%s: %q names not both %d and %q", what, text, a.status, a.words)
	}
}

// everyRefusal runs a scene for each provider, kind of write and refusal that
// is about one item.
func everyRefusal(t *testing.T, play func(t *testing.T, p place, kind string, a reply)) {
	for _, p := range places() {
		for _, kind := range p.kinds {
			for _, a := range p.aboutOneItem() {
				t.Run(p.name+"/"+kind+"/"+a.name, func(t *testing.T) { play(t, p, kind, a) })
			}
		}
	}
}

// B1, B2, B3, B16 at each provider over HTTP: items 1 and 2 of six are refused.
// The others arrive in the same run, the integration stays healthy, rows 1 and 2
// name status and words. Once they are taken, both arrive, each once.
func TestHistoriesOfTwoRefusedItems(t *testing.T) {
	everyRefusal(t, func(t *testing.T, p place, kind string, a reply) {
		h := newScene(t, p)
		version, state := h.prepare(p, kind)
		h.refuse(p, kind, 2, a)
		id := h.start(domain.Incremental)
		h.must(h.slice())

		run := h.run(id)
		mustBe(t, "status", run.Status, domain.Partial)
		mustBe(t, "failed", run.Counts.Failed, 2)
		mustBe(t, "arrived", run.Counts.Created+run.Counts.Updated, 4)
		mustBe(t, "health", h.state().Condition.State, domain.Healthy)
		mustBe(t, "told of its health", len(h.bus.of(notice.TypeHealthChanged)), 0)
		h.holds("in the same run", version, state, 3, 4, 5, 6)
		for item := range domain.Snowflake(2) {
			row := h.ledger(item + 1)
			mustBe(t, "outcome", row.Outcome, domain.FailedOut)
			if row.Reason == nil {
				t.Fatalf("item %d has no reason", item+1)
			}
			h.named(fmt.Sprint("row ", item+1), *row.Reason, a)
		}

		h.wall.set(nil)
		h.minutes(2)
		h.holds("once they are taken", version, state, 1, 2, 3, 4, 5, 6)
		h.noMarks()
	})
}

// All six are refused: the third one pauses the integration, and nothing is
// parked. After each pause one write tries it, of an item that was not refused
// yet. Once the writes are taken, all six arrive, each once.
func TestHistoriesOfSixRefusedItems(t *testing.T) {
	everyRefusal(t, func(t *testing.T, p place, kind string, a reply) {
		h := newScene(t, p)
		version, state := h.prepare(p, kind)
		h.refuse(p, kind, 6, a)
		id := h.start(domain.Incremental)
		h.must(h.slice())

		run := h.run(id)
		mustBe(t, "status", run.Status, domain.Failed)
		mustBe(t, "code", run.Error.Code, writesRefused)
		h.named("the run", run.Error.ProviderMessage, a)
		mustBe(t, "tried", fmt.Sprint(h.wall.tried()), "[1 2 3]")
		if again := len(h.wall.requests()) - 3; again > 0 && (p.twice == "" || again > 1) {
			t.Errorf("%d refused writes are repeated", again)
		}
		mustBe(t, "health", h.state().Condition.State, domain.Unhealthy)
		mustBe(t, "told of its health", len(h.bus.of(notice.TypeHealthChanged)), 1)

		for range 2 {
			h.pass(time.UnixMilli(h.state().Condition.CoolDownUntil).Sub(h.clock.now) + 2*time.Minute)
		}
		mustBe(t, "tried after two pauses", fmt.Sprint(h.wall.tried()), "[1 2 3 4 5]")
		_, parked, err := h.sure.Backlog(h.ctx, 77, h.state().Target.Key)
		h.must(err)
		mustBe(t, "parked", parked, 0)
		h.marksLeft(6)

		h.wall.set(nil)
		h.pass(2 * time.Hour)
		mustBe(t, "health", h.state().Condition.State, domain.Healthy)
		h.holds("once they are taken", version, state, 1, 2, 3, 4, 5, 6)
		h.noMarks()
	})
}

// A refusal that names the credential, its rights or the place as a whole counts
// at once: one write is sent, and the integration is unhealthy.
func TestHistoriesOfARefusalThatCountsAtOnce(t *testing.T) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			h := newScene(t, p)
			h.prepare(p, "create")
			h.refuse(p, "create", 6, p.atOnce)
			id := h.start(domain.Incremental)
			h.must(h.slice())

			run := h.run(id)
			mustBe(t, "status", run.Status, domain.Failed)
			mustBe(t, "code", run.Error.Code, p.means)
			mustBe(t, "tried", fmt.Sprint(h.wall.requests()), "[1]")
			mustBe(t, "health", h.state().Condition.State, domain.Unhealthy)
		})
	}
}
