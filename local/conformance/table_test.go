package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// capabilities are what the table tells, each with how it is found out.
var capabilities = []struct {
	name string
	can  func(c connector.Connector) bool
}{
	{"create", func(connector.Connector) bool { return true }},
	{"update", func(c connector.Connector) bool {
		chat, is := c.(connector.Chat)
		return !is || chat.DeliveryMode().Edits
	}},
	{"reconcile", func(c connector.Connector) bool { _, can := c.(connector.Finder); return can }},
	{"pull", func(c connector.Connector) bool { _, can := c.(connector.Puller); return can }},
	{"labels", func(c connector.Connector) bool { return len(content(c).Labels) > 0 }},
	{"close", func(c connector.Connector) bool { return content(c).State == domain.Closed }},
	{"digest", func(c connector.Connector) bool { _, can := c.(connector.Chat); return can }},
}

// reason is why a provider cannot do something: its own, or that of its kind.
func (k kit) reason(c connector.Connector, capability string) (string, bool) {
	if reason, excused := k.cannot[capability]; excused {
		return reason, true
	}

	_, chat := c.(connector.Chat)
	switch {
	case chat && capability == "pull":
		return "people answer a message in threads; what they write there says nothing about the item", true
	case !chat && capability == "digest":
		return "a tracker has an object for each item, and sends no message", true
	}

	return "", false
}

// TestTable prints what each provider can do. What it cannot is there with its
// reason, never left out in silence.
func TestTable(t *testing.T) {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "provider")
	for _, one := range capabilities {
		fmt.Fprint(w, "\t", one.name)
	}

	fmt.Fprintln(w)
	for _, k := range kits {
		_, c := stage(t, k, nil)
		fmt.Fprint(w, k.name)
		var why []string
		for _, one := range capabilities {
			reason, excused := k.reason(c, one.name)
			switch can := one.can(c); {
			case can && excused:
				t.Errorf("%s can %s, though it is said not to", k.name, one.name)
			case can:
				fmt.Fprint(w, "\tyes")
			case excused:
				fmt.Fprint(w, "\tno")
				why = append(why, fmt.Sprintf("%s: no %s: %s", k.name, one.name, reason))
			default:
				t.Errorf("%s cannot %s, and no reason is given", k.name, one.name)
			}
		}

		fmt.Fprintln(w)
		defer func() { t.Log(strings.Join(why, "\n")) }()
	}

	_ = w.Flush()
	t.Log("\n" + out.String())
}

// Equal items have equal content, whatever is asked in between, so that they
// cost no call; and what differs in an item shows.
func TestEqualItemsHaveEqualContent(t *testing.T) {
	items := realItems(t)
	everyKit(t, func(t *testing.T, k kit) {
		_, c := stage(t, k, nil)
		_, again := stage(t, k, nil)
		hashes := map[string]bool{}
		for _, item := range items {
			hash := c.Render(item).Hash()
			if hash != c.Render(item).Hash() || hash != again.Render(item).Hash() {
				t.Fatalf("%s is rendered in two ways", item.FormattedNumber)
			}

			hashes[hash] = true
			changed := item
			changed.Title += "!"
			if c.Render(changed).Hash() == hash {
				t.Errorf("%s with another title is the same", item.FormattedNumber)
			}

			slices.Reverse(changed.Labels)
		}

		if len(hashes) != len(items) {
			t.Errorf("%d items have %d contents", len(items), len(hashes))
		}
	})
}

// realItems are the data set's, or a few of our own where it is absent.
func realItems(t *testing.T) []domain.Item {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "items.jsonl"))
	if err != nil {
		t.Skip("no ../shared/data/items.jsonl beside the project: ", err)
	}

	var items []domain.Item
	for line := range strings.Lines(string(b)) {
		var i domain.Item
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		items = append(items, i)
	}

	if raceDetector {
		items = items[:len(items)/10]
	}

	return items
}

// Ten thousand objects take no more memory than a thousand, listed or looked
// through.
func TestPagesInFlatMemory(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		walk := k.listed
		if k.history != nil {
			walk = k.searched
		}

		if k.fill == nil && k.history == nil {
			_, c := stage(t, k, nil)
			_, pulls := k.reason(c, "pull")
			if _, finds := k.reason(c, "reconcile"); !pulls || !finds {
				t.Error("nothing to list, and no reason is given")
			}
			return
		}

		n := 10_000
		if raceDetector {
			n /= 10
		}

		few := walk(t, n/10)
		many := walk(t, n)
		t.Logf("live heap of a walk over %d objects %d KiB, over %d %d KiB", n/10, few>>10, n, many>>10)
		// Kept, their texts alone would be so many bytes. The fake server, in the same
		// process, keeps what it was asked.
		if kept := n * textSize; many > few+kept/4 {
			t.Errorf("a walk over %d objects keeps %d KiB, over %d %d KiB", n/10, few>>10, n, many>>10)
		}
	})
}

// A read of one object shows what the list shows of it.
func TestReadShowsWhatTheListShows(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			t.Skip("it has no list: ", k.cannot)
		}

		c := k.fill(t, 3, straight).(connector.Puller)
		objects, _, err := c.Changes(t.Context(), time.Time{}, 0)
		if err != nil || len(objects) != 3 {
			t.Fatalf("%d objects: %v", len(objects), err)
		}

		for _, want := range objects {
			got, err := c.Read(t.Context(), want.Remote)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("read %+v: %v, listed %+v", got, err, want)
			}
		}
	})
}

// What is written looks as the connector says, where the provider stores texts as
// they are sent: the fake servers do.
func TestWhatIsWrittenLooksAsTold(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			t.Skip("it has no list: ", k.cannot)
		}

		c := k.fill(t, 0, straight)
		look := c.(connector.Puller).Look
		first := c.Render(domain.Item{ID: 1, Title: " A title, \"quoted\" ", Description: "# A heading\r\n\r\nSome *text* with `code`, <b>tags</b> & a list:\n\n- one\n- two\n", State: domain.Open})
		second := c.Render(domain.Item{ID: 1, Title: "Another title", Description: "Another text\n", State: domain.Closed})

		made, err := c.Create(t.Context(), first, marker)
		if err != nil || made.Seen.Text != look(first, marker) {
			t.Fatalf("created %+v: %v, told %s", made.Seen, err, look(first, marker))
		}

		sent := connector.Sent{Remote: made.Remote, State: domain.Open, Seen: made.Seen}
		changed, err := c.Update(t.Context(), sent, second, marker)
		if err != nil || changed.Seen.Text != look(second, marker) || look(first, marker) == look(second, marker) {
			t.Errorf("updated %+v: %v, told %s", changed.Seen, err, look(second, marker))
		}
	})
}

// A read of an object that is gone, or that a link does not name, concerns this
// object alone.
func TestReadOfNoObject(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			t.Skip("it has no list: ", k.cannot)
		}

		c := k.fill(t, 1, straight).(connector.Puller)
		for name, remote := range map[string]domain.Remote{"gone": {ID: "99999", Key: "99999"}, "unnamed": {ID: "x", Key: "x"}, "empty": {}, "negative": {ID: "-1", Key: "-1"}} {
			_, err := c.Read(t.Context(), remote)
			if e := failureOf(t, name, err); e.Class != failure.Final || e.Scope != failure.ItemScope {
				t.Errorf("%s: %s, scope %d: %v", name, e.Class, e.Scope, e)
			}
		}
	})
}

// straight has nothing stand between a connector and its provider.
func straight(provider http.Handler) http.Handler { return provider }

// A read of one object that is refused never stops the integration: it is the
// object's matter, or a failure that may pass.
func TestReadRefusedForOneObject(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			t.Skip("it has no list: ", k.cannot)
		}

		var refusal *foreign
		var object string
		c := k.fill(t, 2, func(provider http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if refusal != nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+object) {
					refusal.serve(w, r)
					return
				}
				provider.ServeHTTP(w, r)
			})
		}).(connector.Puller)

		objects, _, err := c.Changes(t.Context(), time.Time{}, 0)
		if err != nil || len(objects) != 2 {
			t.Fatalf("%d objects: %v", len(objects), err)
		}

		remote := objects[0].Remote
		object = remote.Key
		if strings.HasPrefix(k.name, "jira") {
			object = remote.ID
		}

		for _, f := range aboutOneItem {
			refusal = &f
			_, err := c.Read(t.Context(), remote)
			e := failureOf(t, f.name, err)
			passes := e.Class == failure.Retryable && !strings.HasPrefix(f.body, "{") // not in the provider's form
			alone := e.Class == failure.Final && e.Scope == failure.ItemScope
			if !passes && !alone || !strings.Contains(e.Detail, f.detail) && f.status != 404 && f.status != 410 {
				t.Errorf("%s: %s, scope %d: %v", f.name, e.Class, e.Scope, e)
			}

			if _, err := c.Read(t.Context(), objects[1].Remote); err != nil {
				t.Errorf("%s: the other object: %v", f.name, err)
			}
		}
	})
}

// filled makes n objects of ours.
func filled(t *testing.T, c connector.Connector, n int) {
	t.Helper()
	body := strings.Repeat("text ", textSize/len("text "))
	for i := range n {
		m := connector.Marker{Integration: 77, Item: domain.Snowflake(i + 1), Attempt: 1}
		if _, err := c.Create(t.Context(), connector.Content{Title: fmt.Sprint(i), Body: body}, m); err != nil {
			t.Fatal(err)
		}
	}
}

// listed walks over n objects as the engine does and gives what the walk kept
// alive at most.
func (k kit) listed(t *testing.T, n int) int {
	t.Helper()
	c := k.fill(t, n, straight)
	base := live()
	most := 0
	seen := 0
	for page := 1; ; page++ {
		objects, more, err := c.(connector.Puller).Changes(t.Context(), time.Time{}, seen)
		if err != nil {
			t.Fatalf("page %d: %v", page, err)
		}

		if seen += len(objects); !more {
			break
		}

		if page%10 == 0 {
			most = max(most, live()-base)
			runtime.KeepAlive(objects)
		}
	}

	if seen != n {
		t.Errorf("%d objects of %d were listed", seen, n)
	}

	return most
}

// searched looks through n messages for one of the oldest, and gives what that
// kept alive at most.
func (k kit) searched(t *testing.T, n int) int {
	t.Helper()
	base := 0
	most := 0
	pages := 0
	c := k.open(connectortest.Serve(t, k.history(n, func() {
		if pages++; pages%10 == 0 {
			most = max(most, live()-base)
		}
	}), k.secrets...))

	base = live()
	found, err := c.(connector.Finder).Find(t.Context(), now.Add(-time.Hour), []connector.Marker{marker})
	if err != nil || len(found) != 1 || found[marker.Item].Remote.ID == "" || pages < n/1000 {
		t.Fatalf("%v after %d pages: %v", found, pages, err)
	}

	return most
}

func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
