package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// bare is the marker as older versions wrote it into a label.
var bare = connector.Marker{Integration: 11, Item: 22}

func TestMarkersOfAnIssue(t *testing.T) {
	property := func(text string) map[string]json.RawMessage {
		return map[string]json.RawMessage{propertyKey: json.RawMessage(text)}
	}
	full := `{"integration":"11","item":"22","attempt":3,"tag":"` + connectortest.Tag + `"}`
	old := `{"integration":"11","item":"22","attempt":3}`
	other := connector.Marker{Integration: 11, Item: 23, Attempt: 1, Tag: connectortest.OtherTag}
	for name, tt := range map[string]struct {
		labels     []string
		properties map[string]json.RawMessage
		want       []connector.Marker
	}{
		"both":                   {[]string{"x", label(marker)}, property(full), []connector.Marker{marker}},
		"label alone":            {[]string{label(marker)}, nil, []connector.Marker{marker}},
		"property alone":         {nil, property(full), []connector.Marker{marker}},
		"another's label":        {[]string{label(other)}, property(full), []connector.Marker{marker, other}},
		"two labels":             {[]string{label(other), label(marker)}, nil, []connector.Marker{other, marker}},
		"an old label":           {[]string{label(bare)}, nil, []connector.Marker{bare}},
		"an old property":        {nil, property(old), []connector.Marker{{Integration: 11, Item: 22, Attempt: 3}}},
		"an old label, and ours": {[]string{label(bare), label(marker)}, property(full), []connector.Marker{marker, bare}},
		"nothing": {[]string{"sync-", "sync-x", strings.ToUpper(label(marker)), label(marker) + "a", label(bare) + "a"},
			property(`{"integration":"-1","item":"22"}`), nil},
		"a property of a string": {nil, property(`"x"`), nil},
		"a property of no tag":   {nil, property(`{"integration":"11","item":"22","attempt":3,"tag":"X"}`), nil},
	} {
		var i issue
		i.Fields.Labels = tt.labels
		i.Properties = tt.properties
		if got := i.markers(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLabel(t *testing.T) {
	longest := connector.Marker{Integration: 1<<63 - 1, Item: 1<<63 - 1, Attempt: 1<<16 - 1, Tag: connectortest.OtherTag}
	for _, m := range []connector.Marker{marker, longest, {Integration: 1, Item: 1, Tag: connectortest.Tag}} {
		l := label(m)
		if got, ok := parseLabel(l); !ok || got != m || len(l) != len(labelPrefix)+labelLetters || strings.ToLower(l) != l {
			t.Errorf("%+v is %s, read as %+v", m, l, got)
		}
	}

	if l := label(bare); l != "sync-aaaaaaaaaaaawaaaaaaaaaaacy" {
		t.Errorf("the older form is %s", l)
	}

	beyond := marker
	beyond.Attempt = 1 << 20
	if m, ok := parseLabel(label(beyond)); !ok || m.Attempt != maxAttempt || m.Tag != marker.Tag {
		t.Errorf("an attempt that no label can say is %+v", m)
	}
}

// The query travels in an address: with as many of the longest labels as one
// search asks for, it must stay below the 8 KiB that servers take.
func TestASearchFitsAnAddress(t *testing.T) {
	want := make([]connector.Marker, labelsAtOnce)
	for i := range want {
		want[i] = connector.Marker{Integration: 1<<63 - 1, Item: domain.Snowflake(1<<63 - 1 - i), Attempt: 1, Tag: connectortest.Tag}
	}

	if got := len(url.QueryEscape(labelled(want))); got > 4000 {
		t.Errorf("%d bytes", got)
	}
}

// Find asks for the label of each wanted attempt, and takes no issue that
// carries another one.
func TestFindByWholeLabels(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		c.changes.account.zone = time.UTC
		with := func(n int, markers ...connector.Marker) string {
			return issueJSON(n, "new", func(all map[string]any) {
				var labels []string
				for _, m := range markers {
					labels = append(labels, label(m))
				}
				all["fields"].(map[string]any)["labels"] = labels
			})
		}

		earlier := marker
		forged := marker
		earlier.Attempt = 2
		forged.Tag = connectortest.OtherTag
		var want []connector.Marker
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			switch jql := r.URL.Query().Get("jql"); {
			case strings.HasPrefix(jql, "labels in"):
				for _, m := range want {
					if !strings.Contains(jql, quote(label(m))) {
						t.Errorf("%s does not ask for %+v", jql, m)
					}
				}

				reply(w, 200, nil, listJSON(with(5, bare), with(6, forged), with(7, bare, earlier), with(8, marker)))

			case strings.Contains(r.URL.Path, "/search"):
				reply(w, 200, nil, listJSON())
			default:
				reply(w, 404, nil, "{}")
			}
		}

		want = []connector.Marker{earlier, marker}
		got, err := c.Find(t.Context(), now.Add(-time.Hour), want)
		if err != nil || len(got) != 1 || got[22].Remote.Key != "WORK-7" {
			t.Errorf("%+v %v", got, err)
		}

		want = []connector.Marker{marker}
		got, err = c.Find(t.Context(), now.Add(-time.Hour), want)
		if err != nil || len(got) != 1 || got[22].Remote.Key != "WORK-8" {
			t.Errorf("%+v %v", got, err)
		}

		// The issue that was found had two of our labels: the next edit leaves one.
		f.by("PUT /issue/9007", "204", "", "GET /issue/9007", "200", with(7, marker))
		sent := connector.Sent{Remote: domain.Remote{ID: "9007", Key: "WORK-7"}, State: domain.Open}
		f.take()
		for n, want := range []string{
			fmt.Sprintf(`"update":{"labels":[{"remove":%q},{"remove":%q},{"add":%q}]}`, label(bare), label(earlier), label(marker)),
			fmt.Sprintf(`"update":{"labels":[{"add":%q}]}`, label(marker)),
		} {
			if _, err := c.Update(t.Context(), sent, connector.Content{Title: "T", State: domain.Open}, marker); err != nil {
				t.Fatal(err)
			}

			if calls := f.take(); !strings.Contains(calls[0].body, want) {
				t.Errorf("edit %d: %s\nwant %s", n, calls[0].body, want)
			}
		}
	})
}

// An edit takes away labels of its own item alone: another one was put there
// by a person, and is his.
func TestAnEditLeavesOtherLabels(t *testing.T) {
	f, c := start(t, form.Datacenter)
	foreign := connector.Marker{Integration: 12, Item: 22, Attempt: 1, Tag: connectortest.Tag}
	f.answers(200, nil, listJSON(issueJSON(7, "new", func(all map[string]any) {
		all["fields"].(map[string]any)["labels"] = []string{label(bare), label(foreign), "theirs", label(marker)}
	})))
	objects, _, err := c.Changes(t.Context(), time.Time{}, 0)
	if err != nil || len(objects) != 1 || !slices.Equal(objects[0].Markers, []connector.Marker{bare, foreign, marker}) {
		t.Fatalf("%+v %v", objects, err)
	}

	if got := c.labels.beside("9007", marker); !slices.Equal(got, []string{label(bare)}) {
		t.Errorf("%q are taken away", got)
	}

	if got := c.labels.beside("9008", marker); len(got) != 0 {
		t.Errorf("%q are taken from an issue that was not read", got)
	}
}

func FuzzMarker(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint16(3), []byte("0123456789abcde"), label(bare))
	f.Add(uint64(1), uint64(2), uint16(3), []byte("0123456789abcde"), label(marker))
	f.Fuzz(func(t *testing.T, integration, item uint64, attempt uint16, tag []byte, text string) {
		m := connector.Marker{Integration: domain.Snowflake(integration>>1 | 1), Item: domain.Snowflake(item>>1 | 1), Attempt: int(attempt)}
		m.Tag = connector.Letters.EncodeToString(append(tag, make([]byte, 15)...)[:15])
		if got, ok := parseLabel(label(m)); !ok || got != m {
			t.Errorf("%v is read as %v", m, got)
		}

		m.Tag = ""
		m.Attempt = 0
		if got, ok := parseLabel(label(m)); !ok || got != m {
			t.Errorf("%v is read as %v", m, got)
		}

		if got, ok := parseLabel(text); ok && label(got) != text {
			t.Errorf("%q is read as %v", text, got)
		}
	})
}

// The index has an issue that was there before the attempt, into which
// somebody has pasted our label, and not yet of ours.
func TestAnOlderIssueIsInTheIndexAndOursIsNot(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		c.changes.account.zone = time.UTC
		m := marker
		m.Tag = connector.NewTag(now.Add(-10*time.Second), []byte("ten bytes."))
		with := func(n int, created time.Time) string {
			return issueJSON(n, "new", func(all map[string]any) {
				all["fields"].(map[string]any)["labels"] = []string{label(m)}
				all["fields"].(map[string]any)["created"] = created.Format("2006-01-02T15:04:05.000-0700")
			})
		}

		f.answer = func(w http.ResponseWriter, r *http.Request) {
			switch path := r.URL.Path; {
			case strings.Contains(r.URL.Query().Get("jql"), "created <"):
				reply(w, 200, nil, listJSON())
			case strings.Contains(path, "/search"):
				reply(w, 200, nil, listJSON(with(1, now.Add(-time.Minute))))
			case strings.HasSuffix(path, "/WORK-2"):
				reply(w, 200, nil, with(2, now))
			default:
				reply(w, 404, nil, "{}")
			}
		}

		got, err := c.Find(t.Context(), now.Add(-5*time.Minute), []connector.Marker{m})
		if err != nil || got[m.Item].Remote.Key != "WORK-2" {
			t.Errorf("%+v %v", got, err)
		}
	})
}
