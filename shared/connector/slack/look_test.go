package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

// A wired message is what is read of one on the wire. Its elements are read
// without the connector's types.
type wired struct {
	Text        string           `json:"text"`
	Blocks      []map[string]any `json:"blocks"`
	Attachments []struct {
		Color    string           `json:"color"`
		Fallback string           `json:"fallback"`
		Blocks   []map[string]any `json:"blocks"`
	} `json:"attachments"`
}

// outline writes a message down briefly: a line for each block and each part. Text
// stands in quotes behind the letters of its style, a link's address behind an
// arrow.
func outline(t *testing.T, body string) string {
	t.Helper()
	var m wired
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}

	lines := outlineBlocks(m.Blocks)
	for _, a := range m.Attachments {
		lines = append(lines, "bar "+a.Color)
		lines = append(lines, outlineBlocks(a.Blocks)...)
	}

	return strings.Join(lines, "\n")
}

func outlineBlocks(blocks []map[string]any) []string {
	var lines []string
	for _, b := range blocks {
		lines = append(lines, b["type"].(string))
		elements, _ := b["elements"].([]any)
		for _, e := range elements {
			lines = append(lines, outlinePart(e.(map[string]any))...)
		}
	}

	return lines
}

func outlinePart(part map[string]any) []string {
	kind := strings.TrimPrefix(part["type"].(string), "rich_text_")
	if kind == "plain_text" {
		return []string{" " + outlineText(part)}
	}

	border := ""
	if part["border"] != nil {
		border = "|"
	}

	elements := part["elements"].([]any)
	if kind != "list" {
		return []string{" " + border + kind + ": " + outlineLine(elements)}
	}

	var lines []string
	indent, _ := part["indent"].(float64)
	offset, _ := part["offset"].(float64)
	for i, item := range elements {
		mark := part["style"].(string)
		if mark == "ordered" {
			mark = fmt.Sprint(int(offset) + i + 1)
		}
		lines = append(lines, " "+border+strings.Repeat(">", int(indent))+mark+": "+outlineLine(item.(map[string]any)["elements"].([]any)))
	}

	return lines
}

func outlineLine(elements []any) string {
	var all []string
	for _, e := range elements {
		all = append(all, outlineText(e.(map[string]any)))
	}

	return strings.Join(all, " ")
}

func outlineText(e map[string]any) string {
	style, _ := e["style"].(map[string]any)
	text := ""
	for _, name := range []string{"bold", "italic", "strike", "code"} {
		if style[name] == true {
			text += name[:1]
		}
	}

	if shown, ok := e["text"].(string); ok {
		text += "“" + strings.ReplaceAll(shown, "\n", "⏎") + "”"
	}

	if to, ok := e["url"].(string); ok {
		text += "→" + to
	}

	return text
}

// renderer is the one that a bot shows items with.
func renderer() message.Renderer { return newCore(Look{}, nil, nil).Renderer }

// linking shows items with a link to each.
var linking = newCore(Look{}, nil, nil)

// wireOf is a message of an item, as it is sent.
func wireOf(c connector.Content) string { return string(encode(created(linking.compose(c)))) }

// C6: what a title holds is text in a rich text. Nothing in it is markup, and
// nothing is added to it.
func TestATitleIsNoMarkup(t *testing.T) {
	for _, title := range []string{
		"Make *now* the default", "~later~", "_a_ `b`", "> quoted", "<!here> @channel <@U1>", "a & b &amp; c", "<https://evil/|bank>", ":tada: :+1:", "• no list", "|",
	} {
		for _, deleted := range []bool{false, true} {
			c := renderer().Render(domain.Item{Title: title, FormattedNumber: "WI-7", URL: "https://items.example/7", Deleted: deleted})
			style := "b"
			if deleted {
				style = "bs"
			}

			want := " section: " + style + "“WI-7 " + title + "”→https://items.example/7 "
			if strings.Contains(title, "://") {
				want = " section: " + style + "“WI-7”→https://items.example/7 " + style + "“ " + title + "” "
			}

			body := wireOf(c)
			if got := strings.Split(outline(t, body), "\n")[1]; !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", title, got, want)
			}

			if strings.Contains(body, "mrkdwn") {
				t.Errorf("%s: %s has mrkdwn", title, body)
			}

			if d := string(encode(created(linking.composeDigest(connector.Digest{New: 1, First: []connector.Content{c}})))); !strings.Contains(outline(t, d), strings.TrimPrefix(want, " section: ")) || strings.Contains(d, "mrkdwn") {
				t.Errorf("digest: %s", outline(t, d))
			}
		}
	}
}

// C6: the parts of a text have the parts that Slack has for them.
func TestTheTextKeepsItsStructure(t *testing.T) {
	for text, want := range map[string]string{
		"One **bold** *it* ~~no~~ `code`.\n\nTwo.": ` section: “One ” b“bold” “ ” i“it” “ ” s“no” “ ” c“code” “.⏎⏎Two.”`,
		"# Head\n\ntext":                     ` section: b“Head” “⏎⏎text”`,
		"one  \ntwo":                         ` section: “one⏎two”`,
		"- a\n- b\n\nafter":                  " bullet: “a”\n bullet: “b”\n section: “⏎after”",
		"text\n\n- a\n  - b\n    - c\n- d":   " section: “text”\n bullet: “a”\n >bullet: “b”\n >>bullet: “c”\n bullet: “d”",
		"3. a\n   - b\n4. c\n5. d":           " 3: “a”\n >bullet: “b”\n 4: “c”\n 5: “d”",
		"1. a\n\n   ```\n   x\n   ```\n2. b": " 1: “a”\n preformatted: “x”\n 2: “b”",
		"1. a\n2. b\n\n5) c":                 " 1: “a”\n 2: “b”\n 5: “c”",
		"| " + strings.Repeat("x", 61) + " | b |\n|---|---|\n| 1 | 2 |": " section: b“" + strings.Repeat("x", 61) + " | b” “⏎1 | 2”",
		"0. a\n1. b":                         " bullet: “0) a”\n 1: “b”",
		"- one\n\n  two":                     " bullet: “one⏎two”",
		"- ```\n  x\n  ```":                  " bullet: “\u00a0”\n preformatted: “x”",
		"-":                                  "",
		"```go\nif a < b && *p {\n\n}\n```":  " preformatted: “if a < b && *p {⏎⏎}”",
		"```\n```":                           "",
		"> quoted **b**\n>\n> more\n\nafter": " quote: “quoted ” b“b” “⏎⏎more”\n section: “after”",
		"> - a\n>\n> ```\n> x\n> ```":        " |bullet: “a”\n |preformatted: “x”",
		"one\n\n---\n\ntwo":                  " section: “one”\ndivider\nrich_text\n section: “two”",
		"---\n\none\n\n---\n***\n\n___":      " section: “one”",
		"| a | b |\n|---|---|\n| 1 | 字字 |\n| long | 2 |":       " preformatted: “a     b⏎----------⏎1     字字⏎long  2”",
		"| a | b |\n|---|---|\n| 1 | [x](https://x.example) |": " section: b“a | b” “⏎1 | x (” →https://x.example “)”",
		"![alt](https://x.example/i.png)":                      " section: “alt (” →https://x.example/i.png “)”",
	} {
		blocks := document.Parse(text)
		got := strings.TrimPrefix(strings.Join(outlineBlocks(generic(t, rich(blocks))), "\n"), "rich_text\n")
		if got != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}

// generic are blocks read without the connector's types.
func generic(t *testing.T, blocks []block) []map[string]any {
	t.Helper()
	text, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}

	var all []map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}

	return all
}

// A link is an address that can be read: no text stands for it but that address.
func TestLinksOfATextShowWhereTheyLead(t *testing.T) {
	for text, want := range map[string]string{
		"[bank.example](https://evil.example)":          "“bank.example (” →https://evil.example “)”",
		"[the docs](https://docs.example/a?b&c)":        "“the docs (” →https://docs.example/a?b&c “)”",
		"[**https://a.example**](https://evil.example)": "b“https://a.example” “ (” →https://evil.example “)”",
		"https://docs.example/a and more":               "→https://docs.example/a “ and more”",
		"[docs.example](https://docs.example/)":         "→https://docs.example/",
		"[x](javascript:alert(1)) [y](mailto:a@b.test)": "“x y”",
		"<mailto:a@b.test>":                             "“mailto:a@b.test”",
	} {
		got := outlineBlocks(generic(t, rich(document.Parse(text))))
		if len(got) != 2 || got[1] != " section: "+want {
			t.Errorf("%q: %q, want %s", text, got, want)
		}
	}
}

// A title that could be read as an address is not the text of a link.
func TestATitleIsNoAddress(t *testing.T) {
	for title, linked := range map[string]bool{
		"Doors close": true, "Version 2.1 and 3": true, "At 10:30. Then": true, "door.Close()": false, "See bank.example": false, "https://bank": false,
		"10.0.0.1 is down": false, "bank。example": false, "münchen.example": false,
	} {
		for _, number := range []string{"WI-1", ""} {
			c := connector.Content{Number: number, Title: title, URL: "https://items.example/1"}
			line := title
			if number != "" {
				line = number + " " + title
			}

			want := "b“" + line + "”→https://items.example/1 "
			switch {
			case !linked && number != "":
				want = "b“" + number + "”→https://items.example/1 b“ " + title + "” "
			case !linked:
				want = "b“" + line + "” "
			}

			if got := strings.Split(outline(t, wireOf(c)), "\n")[1]; !strings.HasPrefix(got, " section: "+want) {
				t.Errorf("%q: %s, want %s", title, got, want)
			}

			if text := whole(c); strings.Contains(text, "|"+disarm.Text(line)+">") != linked || strings.Contains(text, "|"+number+">") != (!linked && number != "") {
				t.Errorf("%q as plain text: %s", title, text)
			}

			if text := whole(c); !strings.Contains(text, "<https://items.example/1") {
				t.Errorf("%q leads nowhere as plain text: %s", title, text)
			}

			d := outline(t, string(encode(created(linking.composeDigest(connector.Digest{New: 1, First: []connector.Content{c}})))))
			want = strings.TrimSuffix(want, " ") + " “ — 🟢 open"
			if !linked && number == "" {
				want += " · ” b“open on items.example”→https://items.example/1"
			} else {
				want += "”"
			}

			if !strings.HasSuffix(d, " bullet: "+want) {
				t.Errorf("%q in a digest: %s, want %s", title, d, want)
			}
		}
	}
}

// What a person reads first, second and third, in this order.
func TestTheOrderOfAMessage(t *testing.T) {
	due := domain.Item{
		Title: "Doors close", FormattedNumber: "WI-1", URL: "https://items.example:8443/1", State: domain.Closed, Status: "done", Priority: "urgent", Description: "The sensor.",
		Labels: []string{"a", "b", "c", "d", "e", "f"}, Owner: &domain.Named{Name: "Maria"}, Project: &domain.Named{Name: "Fleet"}, UpdatedBy: &domain.Named{Name: "Ken"},
	}
	c := renderer().Render(due)
	c.Previous = &connector.PreviousMessage{Title: "Doors", State: domain.Open, Labels: c.Labels, Facts: domain.Facts{Status: "in review", Priority: "low", Owner: "Maria", Project: "Fleet"}}
	want := strings.Join([]string{
		"rich_text",
		" section: b“WI-1 Doors close”→https://items.example:8443/1 “⏎✅ closed · done · priority: urgent⏎” b“Changed:” “ closed · status: in review → done · priority: low → urgent · title was “Doors””",
		"bar #8250df",
		"rich_text",
		" section: “The sensor.”",
		"context",
		" “Project: Fleet · Owner: Maria · Labels: a, b, c, d, e +1 · Changed by: Ken”",
		"rich_text",
		" section: b“Open on items.example:8443”→https://items.example:8443/1",
	}, "\n")
	if got := outline(t, wireOf(c)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	var m wired
	if err := json.Unmarshal([]byte(wireOf(c)), &m); err != nil || !strings.HasPrefix(m.Text, "WI-1 Doors close — closed · status: ") || m.Attachments[0].Fallback == "" {
		t.Errorf("%+v %v", m, err)
	}

	if c.Previous, c.State = nil, domain.Open; !strings.Contains(wireOf(c), `"color":"#2da44e"`) || strings.Contains(wireOf(c), "Changed:") {
		t.Error(wireOf(c))
	}

	if c.Deleted = true; !strings.Contains(wireOf(c), `"color":"#6e7781"`) {
		t.Error(wireOf(c))
	}
}

// A text that was cut ends with an ellipsis, and the link below leads to the rest.
func TestTheRestOfAText(t *testing.T) {
	c := renderer().Render(domain.Item{Title: "T", URL: "https://items.example/1", Description: strings.Repeat("word ", 500)})
	got := strings.Split(outline(t, wireOf(c)), "\n")
	if len(got) != 7 || !strings.HasSuffix(got[4], "…”") || strings.Contains(got[4], "https:") || got[6] != " section: b“Read the rest on items.example”→https://items.example/1" {
		t.Errorf("%q", got)
	}
}

// A message with nothing beside the bar has none, and an edit takes an older one
// away.
func TestAnEditTakesTheBarAway(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	bare := connector.Content{Number: "WI-1", Title: "T", State: domain.Open}
	if _, err := b.Create(t.Context(), bare, marker); err != nil {
		t.Fatal(err)
	}

	if body := f.take()[0].body; strings.Contains(body, `"attachments"`) {
		t.Errorf("a new message: %s", body)
	}

	sent := connector.Sent{Remote: domain.Remote{ID: "1763892000.000100", Key: "C0123456789"}}
	if _, err := b.Update(t.Context(), sent, bare, marker); err != nil {
		t.Fatal(err)
	}

	if body := f.take()[0].body; !strings.Contains(body, `"attachments":[]`) {
		t.Errorf("an edit: %s", body)
	}
}

// C13: a reply is a rich text, so that what it holds is shown as it was written.
func TestAReplyIsNoMarkup(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, `{"ok":true,"channel":"C0123456789","ts":"1763892000.000100"}`)
	if _, err := b.Reply(t.Context(), aReply()); err != nil {
		t.Fatal(err)
	}

	body := f.take()[0].body
	if got := outline(t, body); got != "rich_text\n section: “closed · status: planned → *done* <!here> — Ada”" || strings.Contains(body, "mrkdwn") {
		t.Errorf("%s in %s", got, body)
	}
}

// A list that is deeper than Slack shows stays at the last depth.
func TestADeepList(t *testing.T) {
	got := outlineBlocks(generic(t, rich(document.Parse(hostile["deep"]))))
	if len(got) != 16 || got[9] != " >>>>>>>>bullet: “\u00a0”" || got[15] != " >>>>>>>>bullet: “x”" {
		t.Errorf("%d lines: %q", len(got), got)
	}
}

// hostile are texts with as much structure as there is room for.
var hostile = map[string]string{
	"styles":   strings.Repeat("**a** *b* ", 4000),
	"quotes":   strings.Repeat(`"\"`, 20_000),
	"rules":    strings.Repeat("x\n\n---\n\n", 5000),
	"lists":    strings.Repeat("- a\n    - b\n", 5000),
	"deep":     strings.Repeat("- ", 15) + "x",
	"numbers":  strings.Repeat("999999999. a\n\n    > b\n\n", 2000),
	"table":    strings.Repeat("|a", 40) + "|\n" + strings.Repeat("|-", 40) + "|\n" + strings.Repeat(strings.Repeat("|x", 40)+"|\n", 500),
	"links":    strings.Repeat("[a](https://items.example/"+strings.Repeat("x", 300)+") ", 200),
	"long":     strings.Repeat("word ", 13_000),
	"one word": strings.Repeat("w", 64<<10),
	"emoji":    strings.Repeat("👩🏽‍🔧 ", 4000),
	"code":     "```\n" + strings.Repeat("x\t\"\\\n", 9000) + "```",
	"nothing":  "\u200b",
}

// The largest item there can be gives a message within the limits, with each
// hostile text, and so does the largest digest.
func TestTheLargestMessages(t *testing.T) {
	long := func(n int) string { return strings.Repeat(`"`, n) }
	named := &domain.Named{Name: long(300)}
	item := domain.Item{
		Title: long(1000), FormattedNumber: long(100), State: domain.Open, Status: long(200), Priority: long(200), URL: "https://" + strings.Repeat("h", 150) + ".example/" + strings.Repeat("x", 1800),
		Type: named, Project: named, Milestone: named, Owner: named, UpdatedBy: named,
	}
	for i := range 100 {
		item.Labels = append(item.Labels, fmt.Sprint(i)+long(197))
	}

	for name, text := range hostile {
		item.Description = text
		for _, template := range []string{"", "{{description}}"} {
			r := renderer()
			r.BodyTemplate = template
			c := r.Render(item)
			c.Previous = &connector.PreviousMessage{Title: long(1000), Text: "x", Facts: domain.Facts{Status: long(60), Priority: long(60), Owner: long(59), Project: long(59), Milestone: long(59), Type: long(59), Due: long(59)}, Labels: item.Labels[50:]}
			valid(t, name, pressing.compose(c))
			m := linking.compose(c)
			valid(t, name, m)
			if n := utf8.RuneCountInString(whole(c)); n > maxText {
				t.Errorf("%s: %d characters as plain text", name, n)
			}

			if name == "styles" && template != "" && len(m.attachments[0].Blocks) < 3 {
				t.Errorf("the text is missing: %d blocks", len(m.attachments[0].Blocks))
			}
		}
	}

	c := renderer().Render(item)
	d := connector.Digest{New: 100_000, Closed: 5, URL: item.URL}
	for range connector.DigestShows {
		d.First = append(d.First, c)
	}

	valid(t, "digest", pressing.composeDigest(d))
	m := linking.composeDigest(d)
	valid(t, "digest", m)
	if got := outline(t, string(encode(created(m)))); strings.Count(got, " bullet: ") != connector.DigestShows || !strings.Contains(got, "All items") {
		t.Errorf("digest: %s", got)
	}
}

// valid holds a message against what Slack asks of blocks.
func valid(t *testing.T, name string, m composed) {
	t.Helper()
	if n := m.size(); n > maxWire {
		t.Errorf("%s: %d characters", name, n)
	}

	if n := utf8.RuneCountInString(m.text); n == 0 || n > maxText {
		t.Errorf("%s: the text has %d characters", name, n)
	}

	if n := len(m.blocks); n == 0 || n > 2 || n == 2 && m.blocks[1].Accessory == nil || len(m.attachments) > 1 {
		t.Errorf("%s: %d blocks, %d attachments", name, len(m.blocks), len(m.attachments))
	}

	for _, a := range m.attachments {
		if len(a.Blocks) == 0 || len(a.Blocks) > 50 || a.Fallback == "" {
			t.Errorf("%s: an attachment with %d blocks", name, len(a.Blocks))
		}
		m.blocks = append(m.blocks, a.Blocks...)
	}

	for _, b := range m.blocks {
		if b.Type == "section" {
			validButton(t, name, b)
			continue
		}

		if (b.Type == "divider") != (len(b.Elements) == 0) {
			t.Errorf("%s: %s with %d elements", name, b.Type, len(b.Elements))
		}

		validElements(t, name, b.Elements)
	}
}

// validButton holds a section with a button against the limits of both
// (https://docs.slack.dev/reference/block-kit/block-elements/button-element).
func validButton(t *testing.T, name string, b block) {
	t.Helper()
	validElements(t, name, []element{*b.Text, b.Accessory.Text})
	if n := utf8.RuneCountInString(b.Accessory.Text.Text); n > 75 || len(b.Accessory.URL) == 0 || len(b.Accessory.URL) > maxLink || len(b.Elements) > 0 {
		t.Errorf("%s: a button %+v", name, b.Accessory)
	}
}

func validElements(t *testing.T, name string, elements []element) {
	t.Helper()
	for _, e := range elements {
		switch {
		case e.Type == "text" || e.Type == "plain_text":
			if n := utf8.RuneCountInString(e.Text); n == 0 || n > 3000 || e.URL != "" {
				t.Errorf("%s: a text with %d characters", name, n)
			}
		case e.Type == "link":
			if len(e.URL) == 0 || len(e.URL) > maxLink {
				t.Errorf("%s: a link with %d characters", name, len(e.URL))
			}
		case strings.HasPrefix(e.Type, "rich_text_") && len(e.Elements) > 0 && e.Indent <= 8 && e.Offset >= 0:
			validElements(t, name, e.Elements)
		default:
			t.Errorf("%s: %s with %d elements, indent %d, offset %d", name, e.Type, len(e.Elements), e.Indent, e.Offset)
		}
	}
}

// FuzzMessage: whatever is written in an item, its message is within the limits.
func FuzzMessage(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 300)], text[:min(len(text), 30)], false)
	}

	f.Add("> 1. a\n>    | b |\n>    |---|\n>\n> ---", "~later~ *now*", true)
	f.Fuzz(func(t *testing.T, text, title string, deleted bool) {
		c := renderer().Render(domain.Item{Title: title, Description: text, FormattedNumber: title, URL: "https://items.example/1", Deleted: deleted})
		valid(t, "message", linking.compose(c))
		valid(t, "message", pressing.compose(c))
		valid(t, "digest", linking.composeDigest(connector.Digest{New: 1, First: []connector.Content{c}}))
	})
}
