package slack

import (
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/markup/chat"
)

// composeDigest sums items up: totals, the items, how many more there are, and
// where all of them are. Where not all links fit, the last items have none.
func (k core) composeDigest(d connector.Digest) composed {
	m := composed{text: fit(disarm.Text(message.Totals(d)))}
	for links := len(message.Shown(d)); links >= 0; links-- {
		m.blocks = k.digestBlocks(d, links)
		if m.size() <= maxWire {
			break
		}
	}

	return m
}

// digestBlocks show a digest, of whose items the first ones have links.
func (k core) digestBlocks(d connector.Digest, links int) []block {
	parts := digestParts(d, links)
	var end []element
	if more := message.More(d); more != "" {
		end = addText(end, more, nil)
	}

	all, ok := chat.Address(d.URL)
	leads := ok && linkable(all)
	if leads && !k.buttons {
		if len(end) > 0 {
			end = addText(end, "\n", nil)
		}
		end = append(end, opens("All items", all)...)
	}

	if len(end) > 0 {
		parts = append(parts, section(end))
	}

	blocks := []block{richText(parts...)}
	if leads && k.buttons {
		blocks = append(blocks, k.opener("All items", all))
	}

	return blocks
}

// digestParts are the totals and the items.
func digestParts(d connector.Digest, links int) []element {
	parts := []element{section(addText(nil, message.Totals(d), &textStyle{Bold: true}))}

	list := element{Type: "rich_text_list", Style: "bullet"}
	for i, c := range message.Shown(d) {
		if i >= links {
			c.URL = ""
		}

		line := title(c)
		leads := slices.ContainsFunc(line, func(e element) bool { return e.Type == "link" })
		line = addText(line, " — "+message.Sign(c)+" "+message.Standing(c), nil)
		if !leads && linkable(c.URL) {
			line = append(addText(line, " · ", nil), opens("open", c.URL)...)
		}

		list.Elements = append(list.Elements, section(line))
	}

	if len(list.Elements) > 0 {
		parts = append(parts, list)
	}

	return parts
}
