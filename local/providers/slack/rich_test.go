package slack

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/chat"
)

func richOf(parts string) string { return `{"type":"rich_text","elements":[` + parts + `]}` }

func sectionOf(elements string) string {
	return `{"type":"rich_text_section","elements":[` + elements + `]}`
}

const plainText = `{"type":"text","text":"x"}`

// The members, types and children of a rich text are held against Slack's reference.
func TestRichText(t *testing.T) {
	list := func(members, items string) string {
		return richOf(`{"type":"rich_text_list",` + members + `,"elements":[` + items + `]}`)
	}
	for _, c := range []struct{ block, want, where string }{
		{richOf(sectionOf(plainText)), "ok", ""},
		{richOf(sectionOf(`{"type":"text","text":"x","style":{"bold":true,"italic":true,"strike":true,"code":true}}`)), "ok", ""},
		{richOf(sectionOf(`{"type":"link","url":"https://a.example/"}`)), "ok", ""},
		{richOf(sectionOf(`{"type":"link","url":"https://a.example/","text":"there","style":{"bold":true}}`)), "ok", ""},
		{richOf(`{"type":"rich_text_quote","border":1,"elements":[` + plainText + `]}`), "ok", ""},
		{richOf(`{"type":"rich_text_preformatted","border":0,"elements":[` + plainText + `]}`), "ok", ""},
		{list(`"style":"ordered","indent":8,"offset":4,"border":1`, sectionOf(plainText)), "ok", ""},
		{richOf(sectionOf(`{"type":"text","text":"` + strings.Repeat("x", 3000) + `"}`)), "ok", ""},

		{`{"type":"rich_text"}`, "invalid_blocks", "missing required field: elements"},
		{richOf(""), "invalid_blocks", "fewer than 1"},
		{richOf(plainText), "invalid_blocks", "unsupported type: text"},
		{richOf(sectionOf("")), "invalid_blocks", "fewer than 1"},
		{richOf(sectionOf(`{"type":"text","text":""}`)), "invalid_blocks", "more than 0"},
		{richOf(sectionOf(`{"type":"text"}`)), "invalid_blocks", "missing required field: text"},
		{richOf(sectionOf(`{"type":"text","text":7}`)), "invalid_blocks", "must be a string"},
		{richOf(sectionOf(`{"type":"text","text":"` + strings.Repeat("x", 3001) + `"}`)), "invalid_blocks", "less than 3001"},
		{richOf(sectionOf(`{"type":"text","text":"x","style":{"bold":"yes"}}`)), "invalid_blocks", "must be a boolean"},
		{richOf(sectionOf(`{"type":"text","text":"x","style":{"blink":true}}`)), "invalid_blocks", "invalid additional property: blink"},
		{richOf(sectionOf(`{"type":"text","text":"x","style":"bullet"}`)), "invalid_blocks", "must be an object"},
		{richOf(sectionOf(`{"type":"text","text":"x","emoji":false}`)), "invalid_blocks", "invalid additional property: emoji"},
		{richOf(sectionOf(`{"type":"link","text":"x"}`)), "invalid_blocks", "missing required field: url"},
		{richOf(sectionOf(`{"type":"link","url":"https://a.example","text":""}`)), "invalid_blocks", "more than 0"},
		{richOf(sectionOf(`{"type":"link","url":"javascript:x"}`)), "invalid_blocks", "valid URL"},
		{richOf(sectionOf(`{"type":"link","url":"https://a.example/` + strings.Repeat("x", 3000) + `"}`)), "invalid_blocks", "less than 3001"},
		{richOf(sectionOf(`{"type":"mrkdwn","text":"x"}`)), "invalid_blocks", "unsupported type: mrkdwn"},
		{richOf(sectionOf(sectionOf(plainText))), "invalid_blocks", "unsupported type: rich_text_section"},
		{richOf(`{"type":"rich_text_section","border":1,"elements":[` + plainText + `]}`), "invalid_blocks", "invalid additional property: border"},
		{richOf(`{"type":"rich_text_quote","border":2,"elements":[` + plainText + `]}`), "invalid_blocks", "from 0 to 1"},
		{richOf(`{"type":"rich_text_preformatted","elements":[{"type":"text","text":"x","style":{"bold":true}}]}`), "invalid_blocks", "invalid additional property: style"},
		{richOf(`{"type":"rich_text_preformatted","elements":[{"type":"emoji","name":"tada"}]}`), "invalid_blocks", "unsupported type: emoji"},
		{list(`"style":"bullet"`, ""), "invalid_blocks", "fewer than 1"},
		{list(`"style":"square"`, sectionOf(plainText)), "invalid_blocks", "valid enum"},
		{list(`"indent":0`, sectionOf(plainText)), "invalid_blocks", "missing required field: style"},
		{list(`"style":"bullet","indent":9`, sectionOf(plainText)), "invalid_blocks", "from 0 to 8"},
		{list(`"style":"ordered","offset":-1`, sectionOf(plainText)), "invalid_blocks", "from 0 to"},
		{list(`"style":"bullet"`, plainText), "invalid_blocks", "unsupported type: text"},
		{list(`"style":"bullet"`, `{"type":"rich_text_list","style":"bullet","elements":[`+sectionOf(plainText)+`]}`), "invalid_blocks", "unsupported type: rich_text_list"},
	} {
		d := start(t, nil)
		for at, message := range map[string]string{
			"invalid_blocks":      `"blocks":[` + c.block + `]`,
			"invalid_attachments": `"attachments":[{"color":"#2da44e","fallback":"f","blocks":[` + c.block + `]}]`,
		} {
			want := c.want
			if want != "ok" {
				want = at
			}

			r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"x",`+message+`}`)
			if r.outcome() != want || !strings.Contains(r.body, c.where) {
				t.Errorf("%.120s: %.300s, want %s with %s", message, r.body, want, c.where)
			}
		}

		d.noViolations()
	}
}

// A mention in a rich text is an element, not a text.
func TestElementsThatSpeak(t *testing.T) {
	for element, want := range map[string]string{
		`{"type":"broadcast","range":"channel"}`:                                            "element broadcast",
		`{"type":"user","user_id":"U1"}`:                                                    "element user",
		`{"type":"usergroup","usergroup_id":"S1"}`:                                          "element usergroup",
		`{"type":"channel","channel_id":"C1"}`:                                              "element channel",
		`{"type":"team","team_id":"T1"}`:                                                    "element team",
		`{"type":"emoji","name":"tada"}`:                                                    "element emoji",
		`{"type":"date","timestamp":1,"format":"{date}"}`:                                   "element date",
		`{"type":"attachment_mention"}`:                                                     "element attachment_mention",
		`{"type":"link","url":"https://evil.example/","text":"bank.example"}`:               "names bank.example",
		`{"type":"link","url":"https://a.example.evil/","text":"https://a.example"}`:        "names a.example",
		`{"type":"link","url":"https://evil.example/","text":"10.0.0.1"}`:                   "names 10.0.0.1",
		`{"type":"link","url":"https://evil.example/","text":"bank。example"}`:               "names bank。example",
		`{"type":"link","url":"https://a.example/x","text":"https://a.example/x"}`:          "",
		`{"type":"link","url":"https://a.example/page.html","text":"a.example/page.html"}`:  "",
		`{"type":"link","url":"https://a.example:8443/x","text":"Open on a.example:8443"}`:  "",
		`{"type":"link","url":"https://a.example/","text":"Version 2.1"}`:                   "",
		`{"type":"text","text":"<!channel> @here <@U1> :tada: *b* https://evil.example x"}`: "",
	} {
		d := start(t, nil)
		r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"x","attachments":[{"fallback":"f","blocks":[`+richOf(sectionOf(element))+`]}]}`)
		got := strings.Join(d.Violations(), "; ")
		if r.outcome() != "ok" || (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %s, violations %q, want %q", element, r.body, got, want)
		}
	}
}

// The forms of attachments that Slack refuses, and those that it takes and that no
// caller of ours may send.
func TestAttachments(t *testing.T) {
	blocks := `"blocks":[` + richOf(sectionOf(plainText)) + `]`
	many := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"fallback":"f",`+blocks+`},`, n), ",")
	}
	long := strings.Repeat(`{"type":"section","text":{"type":"plain_text","text":"`+strings.Repeat("x", 2900)+`"}},`, 5)
	for _, c := range []struct {
		attachments, want string
		violations        int
	}{
		{`[{"color":"#2da44e","fallback":"f",` + blocks + `}]`, "ok", 0},
		{`[{"color":"good","fallback":"f",` + blocks + `}]`, "ok", 0},
		{`[]`, "ok", 0},
		{`[{"color":"red","fallback":"f",` + blocks + `}]`, "invalid_attachments", 0},
		{`[{"color":"#2da44","fallback":"f",` + blocks + `}]`, "invalid_attachments", 0},
		{`[{"color":"#2da44e","fallback":"",` + blocks + `}]`, "invalid_attachments", 0},
		{`[{"fallback":"f","text":"x",` + blocks + `}]`, "invalid_attachments", 0},
		{`[{"fallback":"f","callback_id":"x",` + blocks + `}]`, "invalid_attachments", 0},
		{`[{"fallback":"f","blocks":[]}]`, "invalid_attachments", 0},
		{`[{"fallback":"f","blocks":{}}]`, "invalid_attachments", 0},
		{`{}`, "invalid_attachments", 0},
		{`[null]`, "invalid_attachments", 0},
		{`[{` + blocks + `}]`, "ok", 1},
		{`[{"text":"x"}]`, "ok", 1},
		{`[{"fallback":"<!channel>",` + blocks + `}]`, "ok", 1},
		{`[` + many(20) + `]`, "ok", 0},
		{`[` + many(21) + `]`, "ok", 1},
		{`[` + many(101) + `]`, "too_many_attachments", 0},
		{`[{"fallback":"f","blocks":[` + strings.TrimSuffix(strings.Repeat(`{"type":"divider"},`, 51), ",") + `]}]`, "invalid_attachments", 0},
		{`[{"fallback":"f","blocks":[` + strings.TrimSuffix(long, ",") + `]}]`, "msg_blocks_too_long", 0},
	} {
		d := start(t, nil)
		r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"x","attachments":`+c.attachments+`}`)
		if r.outcome() != c.want || len(d.Violations()) != c.violations {
			t.Errorf("%.100s: %.200s, %q, want %s and %d", c.attachments, r.body, d.Violations(), c.want, c.violations)
		}

		if hook := d.send("POST", "/services/T1/B1/right", "", jsonType, `{"text":"x","attachments":`+c.attachments+`}`); hook.body != c.want {
			t.Errorf("%.100s by a webhook: %s, want %s", c.attachments, hook.body, c.want)
		}
	}
}

// An edit keeps the attachments that it does not name, and the blocks only where it
// has no text either.
func TestWhatAnEditKeeps(t *testing.T) {
	const attachments = `"attachments":[{"color":"#2da44e","fallback":"f","blocks":[{"type":"divider"}]}]`
	for _, c := range []struct {
		edit                string
		blocks, attachments bool
	}{
		{`"text":"new"`, false, true},
		{`"text":"new","attachments":[]`, false, false},
		{`"text":"new","blocks":[],"attachments":[]`, false, false},
		{`"text":"new","blocks":[{"type":"divider"}]`, true, true},
		{`"attachments":[]`, true, false},
		{`"text":"new","attachments":null`, false, true},
	} {
		d := start(t, nil)
		ts := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"t","blocks":[{"type":"divider"}],`+attachments+`}`).json["ts"].(string)
		d.clock.turn(time.Minute)
		if r := d.call("chat.update", ours, `{"channel":"C0WORK","ts":"`+ts+`",`+c.edit+`}`); r.outcome() != "ok" {
			t.Fatalf("%s: %s", c.edit, r.body)
		}

		m := d.send("GET", "/api/conversations.history?channel=C0WORK", ours, "", "").json["messages"].([]any)[0].(map[string]any)
		if (m["blocks"] != nil) != c.blocks || (m["attachments"] != nil) != c.attachments {
			t.Errorf("%s: %v", c.edit, m)
		}

		if list, ok := m["attachments"].([]any); ok {
			if one := list[0].(map[string]any); one["color"] != "2da44e" || one["id"] != 1.0 || one["fallback"] != "f" {
				t.Errorf("%v", one)
			}
		}
	}
}

// A rich text is drawn part by part, and an attachment as a card with its color.
func TestDrawRichText(t *testing.T) {
	blocks := richOf(strings.Join([]string{
		sectionOf(`{"type":"link","url":"https://a.example/","text":"WI-1 *now*","style":{"bold":true,"strike":true}},{"type":"text","text":"\nopen"}`),
		`{"type":"rich_text_list","style":"bullet","elements":[` + sectionOf(plainText) + `]}`,
		`{"type":"rich_text_list","style":"ordered","indent":1,"offset":2,"elements":[` + sectionOf(plainText) + `,` + sectionOf(`{"type":"user","user_id":"U1"}`) + `]}`,
		`{"type":"rich_text_preformatted","elements":[{"type":"text","text":"a <b>"}]}`,
		`{"type":"rich_text_quote","elements":[{"type":"link","url":"https://a.example/"}]}`,
	}, ","))

	p := draw(encode(content{Text: "not shown", Blocks: json.RawMessage("[" + blocks + "]"), Attachments: json.RawMessage(
		`[{"color":"#8250df","fallback":"f","blocks":[{"type":"divider"},` + blocks + `]},{"color":"red;x","blocks":[]},{"color":"danger","blocks":[]}]`)}))
	want := "WI-1 *now*\nopen\n• x\n\u20033. x\n\u20034. user\na <b>\nhttps://a.example/"
	if got := p.String(); got != want+"\n"+want {
		t.Errorf("%q", got)
	}

	first := p.Blocks[0].Spans[0]
	mention := p.Blocks[3].Spans[1]
	code := p.Blocks[4]
	if !first.Bold || !first.Strike || first.Link != "https://a.example/" || !mention.Mention || code.Kind != chat.Code {
		t.Errorf("%+v %+v %+v", first, mention, code)
	}

	if p.Cards[0].Color != "#8250df" || p.Cards[1].Color != "" || p.Cards[2].Color != "#a30200" {
		t.Errorf("%+v", p.Cards)
	}

	if got := draw(encode(content{Text: "shown", Attachments: json.RawMessage(`[{"color":"good","blocks":[` + blocks + `]}]`)})).String(); got != "shown\n"+want {
		t.Errorf("without blocks the text is shown: %q", got)
	}
}

// FuzzForms: whatever comes as blocks and attachments is judged and drawn.
func FuzzForms(f *testing.F) {
	f.Add(`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","indent":-3,"elements":[{"type":"rich_text_section","elements":[]}]}]}]`, `[{"color":"good","blocks":[{"type":"divider"}]}]`)
	f.Add(`[]`, `[null]`)
	f.Fuzz(func(t *testing.T, blocks, attachments string) {
		j := &judge{ids: map[string]bool{}}
		_ = j.blocks("/blocks", json.RawMessage(blocks))
		_ = j.attachments(json.RawMessage(attachments))
		if !json.Valid([]byte(blocks)) || !json.Valid([]byte(attachments)) {
			return
		}

		if _, err := draw(encode(content{Blocks: json.RawMessage(blocks), Attachments: json.RawMessage(attachments)})).HTML(); err != nil {
			t.Error(err)
		}
	})
}
