package document

import (
	"strings"

	"example.com/integrations/shared/markup/raw"
)

// styled is the style behind a tag that has a partner.
func (f *flow) styled(t raw.Token) Span {
	role := t.Role()
	if role == raw.Summary {
		f.endPart()
		f.line.summary = !t.Closing
	}

	if t.Closing {
		last := f.open[len(f.open)-1]
		f.open = f.open[:len(f.open)-1]
		f.shut(last)
		return last.style
	}

	one := frame{role: role, style: f.style, spans: len(f.spans)}
	if one.spans > 0 {
		one.text = len(f.spans[one.spans-1].Text)
	}

	style := f.style
	switch role {
	case raw.Bold, raw.Summary:
		style.Bold = !style.Code
	case raw.Italic:
		style.Italic = !style.Code
	case raw.Strike:
		style.Strike = !style.Code
	case raw.Code:
		style = Span{Code: true, Link: style.Link}
	case raw.Anchor:
		style = linked(style, t.Attribute("href"))
		one.link = style.Link
	}

	f.open = append(f.open, one)

	return style
}

// shut does what the end of a tag means for the text within.
func (f *flow) shut(one frame) {
	switch one.role {
	case raw.Super, raw.Sub:
		f.script(one)
	case raw.Anchor:
		f.reveal(one)
	}
}

// script raises or lowers the text of a sup or sub tag.
func (f *flow) script(one frame) {
	last := len(f.spans) - 1
	begin := 0
	switch {
	case last < 0 || f.spans[last].Break || f.spans[last].Code || last > one.spans:
		return // nothing, or more than a short text
	case last == one.spans-1:
		begin = min(one.text, len(f.spans[last].Text))
	}

	text := f.spans[last].Text
	before := text[:begin]
	if begin == 0 && last > 0 {
		before = f.spans[last-1].Text
	}

	f.spans[last].Text = text[:begin] + raw.Scripted(before, text[begin:], one.role)
}

// reveal shows the address of a link whose text names another host.
func (f *flow) reveal(one frame) {
	from := min(one.spans, len(f.spans))
	var text strings.Builder
	for _, s := range f.spans[from:] {
		text.WriteString(s.Text)
	}

	if one.link == "" || !raw.Hides(text.String(), one.link) {
		return
	}

	for i := range f.spans[from:] {
		if f.spans[from+i].Link == one.link {
			f.spans[from+i].Link = ""
		}
	}

	f.address(one.style, one.link)
}

// withText is a text in a style.
func withText(style Span, text string) Span {
	style.Text = text
	return style
}

// image is a link to the image, as images of Markdown are. Within a link its text
// leads where the link leads.
func (f *flow) image(t raw.Token) {
	style := f.style
	if style.Link == "" {
		style = linked(style, t.Attribute("src"))
	}

	text := strings.TrimSpace(visible(t.Attribute("alt")))
	if text == "" {
		text = style.Link
	}

	f.begin()
	if f.style.Link != "" || text == style.Link || !raw.Hides(text, style.Link) {
		f.spans = add(f.spans, withText(style, text))
		return
	}

	f.spans = add(f.spans, withText(f.style, text))
	if style.Link != "" {
		f.address(f.style, style.Link)
	}
}

// address writes in brackets where a link leads whose text says something else.
func (f *flow) address(style Span, to string) {
	link := withText(style, to)
	link.Link = to
	for _, s := range []Span{withText(style, " ("), link, withText(style, ")")} {
		f.spans = add(f.spans, s)
	}
}
