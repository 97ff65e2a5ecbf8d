package conformance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A validator is a program in the folder vendors that checks messages with code of the
// provider, or with the best known code for its format.
type validator struct {
	name string
	// packages are what it needs of npm, and program what it needs of the system.
	packages []string
	program  string
	// kits are the connectors whose requests it reads.
	kits []string
	// bad are messages in which it must find a fault, by what the fault must say.
	bad map[string]string
	// good is a message without a fault.
	good string
	// provider is the one that bad and good are for.
	provider string
}

// A judgedRequest is a request of a connector, as its validator reads it.
type judgedRequest struct {
	What     string          `json:"what"`     // item and request
	Provider string          `json:"provider"` // kit
	Hosts    []string        `json:"hosts"`    // of the provider's own pages
	Links    string          `json:"links"`    // "as written" where they may show another address
	Body     json.RawMessage `json:"body"`
}

// A vendorFault is what a validator says about a request.
type vendorFault struct {
	What  string
	Error string
	// Read is how many requests it has read. It is in the last line only.
	Read *int
}

// A recorder keeps each body that is written through it once.
type recorder struct {
	mu   sync.Mutex
	what string
	// links is what judgedRequest says of them.
	links string
	seen  map[[sha256.Size]byte]bool
	kept  []judgedRequest
	kit   string
}

// through records what is written to a server.
func (r *recorder) through(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}

		q.Body = io.NopCloser(bytes.NewReader(body))
		if q.Method != http.MethodGet && json.Valid(body) {
			r.keep(q.Method, body)
		}

		api.ServeHTTP(w, q)
	})
}

func (r *recorder) keep(method string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := sha256.Sum256(body)
	if r.seen[sum] {
		return
	}

	r.seen[sum] = true
	r.kept = append(r.kept, judgedRequest{
		What:     r.what + ", " + method,
		Provider: strings.TrimSuffix(r.kit, "_webhook"),
		Hosts:    []string{host, "www." + host},
		Links:    r.links,
		Body:     body,
	})
}

// now names what is written from here on.
func (r *recorder) now(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.what = fmt.Sprintf(format, args...)
}

// chatAnswers are the answers of a chat that takes everything.
func chatAnswers(kit string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := map[string]any{}
		switch kit {
		case "slack", "slack_buttons":
			answer = map[string]any{"ok": true, "channel": slackChannel, "ts": slackKit.sent.Remote.ID}
		case "discord", "discord_webhook":
			_ = json.Unmarshal(body, &answer)
			answer["id"] = discordKit.sent.Remote.ID
			answer["channel_id"] = discordChannel
			if strings.HasPrefix(kit+r.URL.Path, "discord/api/v10/channels/") {
				answer["channel_id"] = strings.Split(r.URL.Path, "/")[4]
			}

		case "slack_webhook":
			_, _ = io.WriteString(w, "ok")
			return
		default:
			w.WriteHeader(http.StatusAccepted)
			return
		}

		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	})
}

// cardKit sends the bare card, as some workflows want it.
var cardKit = func() kit {
	k := teamsKit
	k.name = "teams_card"
	k.open = func(client *outbound.Client) connector.Connector {
		return teams.New(teams.Config{URL: teamsURL, Card: true, DigestOver: 20}, client, clock)
	}

	return k
}()

// vendorKits are the connectors whose requests are judged. Two have no code of
// their vendor to be held against: MantisBT shows plain text, and the markup of
// Jira Data Center is read by a part of Jira that Atlassian does not publish.
var vendorKits = []kit{
	githubKit, gitlabKit, jiraKit("jira", "cloud"), slackKit, slackWebhookKit, slackButtonsKit, discordKit, discordWebhookKit, teamsKit, cardKit,
}

// recorded sends items through a connector in all ways that the engine does, and
// gives what was written.
func recorded(t *testing.T, k kit, items []domain.Item) []judgedRequest {
	t.Helper()
	r := &recorder{kit: k.name, seen: map[[sha256.Size]byte]bool{}}
	var c connector.Connector
	if k.fill != nil {
		c = k.fill(t, 0, r.through)
	} else {
		c = k.open(connectortest.Serve(t, r.through(chatAnswers(k.name)), k.secrets...))
	}

	chat, isChat := c.(connector.Chat)

	for n, item := range items {
		hostile := item.ID >= firstHostile && item.ID < firstHostile+1000
		if k.second() && (raceDetector || !hostile) && n%some != 0 {
			continue
		}

		r.links = ""
		if hostile && !isChat {
			r.links = "as written"
		}

		r.sendItem(t, c, dressed(k.name, item), n, isChat || n%some == 0)
	}

	if isChat {
		r.sendDigests(t, chat, items)
		r.now("test message")
		m := connector.TestMessage{Integration: 77, ItemType: "work_item", AskedBy: 5, AskedAt: now}
		if _, err := c.(connector.Tester).Test(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}

	return r.kept
}

// One item of so many is changed in a tracker, where a change leaves the text as it
// was but for its facts, and one real item of so many goes the second way to a chat.
const some = 10

// second reports whether a kit is another way to a chat that has a kit already: it
// sends the same messages.
func (k kit) second() bool {
	return slices.Contains([]string{"slack_webhook", "slack_buttons", "discord_webhook", "teams_card"}, k.name)
}

// dressed is an item with the members that the real ones do not have, and with
// addresses of the server that the kit has in place of the provider's own.
func dressed(kit string, item domain.Item) domain.Item {
	if item.Owner == nil {
		item.Type = &domain.Named{Name: "bug #1"}
		item.Project = &domain.Named{Name: "acme/work#2"}
		item.Milestone = &domain.Named{Name: "GH-3 <!channel>"}
		item.Owner = &domain.Named{Name: "@octocat <@123456789012345678>"}
		item.UpdatedBy = &domain.Named{Name: "[~bob] <at>Ann</at>"}
		item.DueAt = now
	}

	own := map[string]string{"github": "github.com", "gitlab": "gitlab.com"}[kit]
	if own != "" {
		item.Description = strings.ReplaceAll(item.Description, own+"/", host+"/")
		item.Title = strings.ReplaceAll(item.Title, own+"/", host+"/")
	}

	return item
}

// sendItem creates an item and, if it is to be changed, changes and deletes it.
func (r *recorder) sendItem(t *testing.T, c connector.Connector, item domain.Item, n int, changes bool) {
	t.Helper()
	chat, isChat := c.(connector.Chat)
	edits := !isChat || chat.DeliveryMode().Edits
	m := connector.Marker{Integration: 77, Item: item.ID, Attempt: 1, Tag: connectortest.Tag}
	was := c.Render(item)
	name := item.FormattedNumber[:min(len(item.FormattedNumber), 40)]

	r.now("%s: new", name)
	made, err := c.Create(t.Context(), was, m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}

	if !changes {
		return
	}

	for _, change := range []struct {
		name string
		do   func(*domain.Item)
	}{
		{"changed", func(i *domain.Item) {
			i.State = []domain.ItemState{domain.Open, domain.Closed}[n%2]
			i.Title = "@octocat fixes #5 " + i.Title
			i.Status = "in review @here"
			i.Priority = "urgent"
			i.Labels = append(slices.Clone(i.Labels), "@everyone", "<!here>", "[x](https://evil.test)")
		}},
		{"deleted", func(i *domain.Item) {
			i.Deleted = true
			i.State = domain.Closed
		}},
	} {
		change.do(&item)
		is := c.Render(item)
		is.Previous = was.AsPrevious()
		is.ChangedBy = "@ann <!channel>"
		m.Attempt++
		r.now("%s: %s", name, change.name)
		if edits {
			_, err = c.Update(t.Context(), connector.Sent{Remote: made.Remote, Labels: was.Labels, State: was.State}, is, m)
		} else {
			_, err = c.Create(t.Context(), is, m)
		}

		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		r.reply(t, c, made, is, m)
		was = is
	}
}

// reply says a change in a reply where the chat has them.
func (r *recorder) reply(t *testing.T, c connector.Connector, made connector.Written, is connector.Content, m connector.Marker) {
	t.Helper()
	replier, can := c.(connector.Replier)
	if !can {
		return
	}

	r.now("%s: reply", is.Number)
	_, err := replier.Reply(t.Context(), connector.Reply{
		Message: made.Remote, From: domain.Progress{State: domain.Open, Status: "planned"}, To: domain.ProgressOf(is.State, is.Facts, is.Deleted),
		Content: is, Since: now, ChangedBy: is.ChangedBy, Markers: []connector.Marker{m},
	})
	if err != nil {
		t.Fatalf("%s: %v", is.Number, err)
	}
}

// sendDigests sums up the items, as many in one message as a digest shows.
func (r *recorder) sendDigests(t *testing.T, c connector.Chat, items []domain.Item) {
	t.Helper()
	n := 0
	for first := range slices.Chunk(items, connector.DigestShows) {
		d := connector.Digest{New: len(first), Changed: 3, Closed: 2, Reopened: 1, URL: "https://items.example/all"}
		for _, item := range first {
			line := c.Render(item)
			line.Body = ""
			line.Blocks = nil
			d.First = append(d.First, line)
		}

		n++
		r.now("digest %d, from %.40s", n, first[0].FormattedNumber)
		if _, err := c.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: domain.Snowflake(n), Attempt: 1, Tag: connectortest.Tag}); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts a validator for requests, and gives the faults it finds.
func (v validator) run(t *testing.T, requests []judgedRequest) []vendorFault {
	t.Helper()
	var in bytes.Buffer
	lines := json.NewEncoder(&in)
	for _, r := range requests {
		if err := lines.Encode(r); err != nil {
			t.Fatal(err)
		}
	}

	node := exec.CommandContext(t.Context(), "node", "--max-semi-space-size=64", filepath.Join("vendors", v.name+".mjs"))
	node.Stdin = &in
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%s: %v: %.2000s", v.name, err, out)
	}

	var faults []vendorFault
	read := -1
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var f vendorFault
		if err := json.Unmarshal(scan.Bytes(), &f); err != nil {
			t.Fatalf("%s: %v: %s", v.name, err, scan.Bytes())
		}

		if f.Read != nil {
			read = *f.Read
			continue
		}

		faults = append(faults, f)
	}

	if read != len(requests) {
		t.Fatalf("%s has read %d of %d requests", v.name, read, len(requests))
	}

	return faults
}

// installed skips a test where what a validator needs is absent, and says what.
func (v validator) installed(t *testing.T) {
	t.Helper()
	for _, name := range append([]string{"node"}, strings.Fields(v.program)...) {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not on this machine", name)
		}
	}

	for _, name := range v.packages {
		if _, err := os.Stat(filepath.Join("..", "..", "node_modules", filepath.FromSlash(name))); err != nil {
			t.Skipf("the package %s is absent: npm ci installs it", name)
		}
	}
}

// markdownBad are texts in which both parsers must find a fault.
var markdownBad = map[string]string{
	body("ask @octocat", true):                                 "is alive",
	body("see #1", true):                                       "is alive",
	body("see acme/work#1", true):                              "is alive",
	body("see GH-1", true):                                     "is alive",
	body("see &#64;octocat", true):                             "is alive",
	body("see https://example.com/acme/work/issues/1", true):   "becomes a reference",
	body("see www.example.com/acme/work/pull/1", true):         "becomes a reference",
	body("```\nopen", true):                                    "the marker is not the last part",
	body("<pre>\nopen", true):                                  "the marker is not the last part",
	body("a <!-- secret --> b", true):                          "a comment",
	body(`a \<!-- secret`, true):                               "a comment is shown",
	body("<!-- integrations:1/2/3 -->", true):                  "there is not one marker",
	body("text", false):                                        "the marker is not the last part",
	body("<img src=x>", true):                                  "a tag",
	body("[https://bank.example](https://evil.example)", true): "hides",
}

// body is the request for an issue with a text, and the marker below it.
func body(text string, marked bool) string {
	if marked {
		text += "\n\n<!-- integrations:77/4711/1 -->"
	}

	b, err := json.Marshal(map[string]string{"title": "t", "body": text})
	if err != nil {
		panic(err) // strings always marshal
	}

	return string(b)
}

func adf(content string) string {
	return `{"fields":{"description":{"type":"doc","version":1,"content":[` + content + `]}}}`
}

func discordSays(members string) string { return `{"allowed_mentions":{"parse":[]},` + members + `}` }

func card(body string) string {
	return `{"type":"AdaptiveCard","version":"1.4","body":[` + body + `]}`
}

const goodMarkdown = "see `@octocat #1`, **GH**-1, a@b.example\n\n```\n@octocat\n```\n\n<details><summary>x</summary>\n\n[x](https://good.example) https://example.com/acme\n\n</details>"

var validators = []validator{
	{
		name: "markdown", packages: []string{"remark-parse", "remark-gfm", "unified"}, kits: []string{"github", "gitlab"},
		provider: "github", good: body(goodMarkdown, true), bad: markdownBad,
	},
	{
		name: "cmark", program: "cmark-gfm", kits: []string{"github"},
		provider: "github", good: body(goodMarkdown, true), bad: markdownBad,
	},
	{
		name: "jira", packages: []string{"@atlaskit/adf-schema", "ajv"}, kits: []string{"jira"},
		provider: "jira", good: adf(`{"type":"paragraph","content":[{"type":"text","text":"@bob","marks":[{"type":"strong"}]}]}`),
		bad: map[string]string{
			adf(`{"type":"paragraph","content":[{"type":"text","text":""}]}`):                                                                                       "schema",
			adf(`{"type":"paragraph","content":[{"type":"unknown"}]}`):                                                                                              "schema",
			adf(`{"type":"bulletList","content":[{"type":"text","text":"x"}]}`):                                                                                     "schema",
			adf(`{"type":"heading","attrs":{"level":7},"content":[]}`):                                                                                              "schema",
			adf(`{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"1"}}]}`):                                                                           "mention is alive",
			adf(`{"type":"paragraph","content":[{"type":"text","text":"https://bank.example","marks":[{"type":"link","attrs":{"href":"https://evil.example"}}]}]}`): "hides",
			`{"update":{"description":[{"set":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"1"}}]}]}}]}}`:    "mention is alive",
		},
	},
	{
		name: "slack", packages: []string{"@slack/types", "typescript"}, kits: []string{"slack", "slack_webhook", "slack_buttons"},
		provider: "slack", good: `{"text":"t","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"@here"}}],"attachments":[{"color":"#fff","blocks":[{"type":"divider"}]}]}`,
		bad: map[string]string{
			`{"text":"t","blocks":[{"type":"sectoin"}]}`:                                                                                                           "not assignable",
			`{"text":"t","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"},"colour":"red"}]}`:                                                        "colour",
			`{"text":"t","attachments":[{"blocks":[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]}]}`:                                                      "not assignable",
			`{"text":"t","blocks":[{"type":"section","text":{"type":"plain_text","text":"x"},"accessory":{"type":"button","text":{"type":"mrkdwn","text":"x"}}}]}`: "not assignable",
			`{"text":"t","attachments":[{"colour":"red"}]}`:                                                                                                        "colour",
			`{"text":"t","metadata":{"event_type":"x"}}`:                                                                                                           "event_payload",
			`{"text":"<!channel>"}`: "is alive",
			`{"text":"t","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"<@U1>"}}]}`:                                                                                             "is alive",
			`{"text":"t","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"user","user_id":"U1"}]}]}]}`:                                             "user is alive",
			`{"text":"t","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"link","url":"https://evil.example","text":"https://bank.example"}]}]}]}`: "hides",
		},
	},
	{
		name: "discord", packages: []string{"discord-markdown-parser"}, kits: []string{"discord", "discord_webhook"},
		provider: "discord", good: discordSays(`"content":"@\u200beveryone **x** [WI-1](https://items.example/1)","embeds":[{"title":"t","description":"https://good.example","fields":[{"name":"n","value":"v"}]}]`),
		bad: map[string]string{
			`{"content":"x"}`:                                                                         "allowed_mentions",
			discordSays(`"content":"@everyone"`):                                                      "everyone is alive",
			discordSays(`"content":"@here"`):                                                          "here is alive",
			discordSays(`"content":"<@&123456789012345678>"`):                                         "role is alive",
			discordSays(`"embeds":[{"title":"<@123456789012345678>"}]`):                               "user is alive",
			discordSays(`"embeds":[{"description":"<t:1700000000:R>"}]`):                              "timestamp is alive",
			discordSays(`"embeds":[{"fields":[{"name":"<#123456789012345678>","value":""}]}]`):        "channel is alive",
			discordSays(`"embeds":[{"fields":[{"name":"n","value":"<:smile:123456789012345678>"}]}]`): "emoji is alive",
			discordSays(`"content":"</close:123456789012345678>"`):                                    "slashCommand is alive",
			discordSays(`"content":"[https://bank.example](https://evil.example)"`):                   "hides",
		},
	},
	{
		name: "teams", packages: []string{"adaptivecards", "jsdom"}, kits: []string{"teams", "teams_card"},
		provider: "teams", good: card(`{"type":"TextBlock","text":"x"}`),
		bad: map[string]string{
			card(`{"type":"TextBlok","text":"x"}`):                                                      "UnknownElementType",
			card(`{"type":"TextBlock","text":"x","size":"enormous"}`):                                   "InvalidPropertyValue",
			card(`{"type":"TextBlock","id":"a","text":"x"},{"type":"TextBlock","id":"a","text":"y"}`):   "DuplicateId",
			card(`{"type":"ActionSet","actions":[{"type":"Action.Nothing"}]}`):                          "UnknownActionType",
			card(`{"type":"Table","rows":[]}`):                                                          "parse",
			card(``):                                                                                    "nothing is shown",
			card(`{"type":"TextBlock","text":"x"},{"type":"Image","url":"https://evil.example/i.png"}`): "a picture",
			`{"attachments":[]}`:                                                                        "0 cards",
		},
	},
}

// Each validator finds what it is there to find, and nothing where all is well.
func TestVendorsCanFail(t *testing.T) {
	for _, v := range validators {
		t.Run(v.name, func(t *testing.T) {
			v.installed(t)
			requests := []judgedRequest{{What: v.good, Provider: v.provider, Hosts: []string{host}, Body: json.RawMessage(v.good)}}
			for bad := range v.bad {
				requests = append(requests, judgedRequest{What: bad, Provider: v.provider, Hosts: []string{host}, Body: json.RawMessage(bad)})
			}

			found := map[string][]string{}
			for _, f := range v.run(t, requests) {
				found[f.What] = append(found[f.What], f.Error)
			}

			if bad := found[v.good]; bad != nil {
				t.Errorf("%s: %q", v.good, bad)
			}

			for bad, want := range v.bad {
				if !strings.Contains(strings.Join(found[bad], "\n"), want) {
					t.Errorf("%s: %q does not say %q", bad, found[bad], want)
				}
			}
		})
	}
}

// All real items and the hostile set, as each provider gets them, hold against the
// vendors' own code.
func TestVendorsTakeAllItems(t *testing.T) {
	items := hostileItems()
	t.Run("items", func(t *testing.T) { items = append(items, realItems(t)...) })

	written := map[string][]judgedRequest{} // by kit: two validators read GitHub's
	for _, v := range validators {
		t.Run(v.name, func(t *testing.T) {
			v.installed(t)
			var requests []judgedRequest
			for _, k := range vendorKits {
				if !slices.Contains(v.kits, k.name) {
					continue
				}

				if written[k.name] == nil {
					written[k.name] = recorded(t, k, items)
				}

				requests = append(requests, written[k.name]...)
			}

			faults := v.run(t, requests)
			for _, f := range faults[:min(len(faults), 20)] {
				t.Errorf("%s: %s", f.What, f.Error)
			}

			t.Logf("%d items, %d requests, %d faults", len(items), len(requests), len(faults))
		})
	}
}
