package teams

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var (
	// at is the syntax of a mention in text.
	at = regexp.MustCompile(`(?i)</?at\b`)
	// function is the syntax of a date that cards insert into any text.
	function = regexp.MustCompile(`(?i)\{\{(DATE|TIME)\(`)
	// written finds addresses in text.
	written = regexp.MustCompile(`(?i)(?:https?://|\bwww\.)[^\s()<>"'\\]+`)
)

// markdownOf are the members that Teams shows as Markdown, by the element's type.
// Facts have none.
var markdownOf = map[string][]string{"TextBlock": {"text"}, "": {"title", "value"}, "AdaptiveCard": {"fallbackText"}}

// hazards lists what is dangerous in an object or a text of a card.
func hazards(path string, value any) []string {
	switch v := value.(type) {
	case string:
		return textHazards(path, v)
	case map[string]any:
		return objectHazards(path, v)
	}

	return nil
}

func textHazards(path, text string) []string {
	var all []string
	if at.MatchString(text) {
		all = append(all, path+": <at> is how a mention is written")
	}

	if function.MatchString(text) {
		all = append(all, path+": the text would be replaced by a date")
	}

	return all
}

func objectHazards(path string, v map[string]any) []string {
	var all []string
	fail := func(format string, args ...any) { all = append(all, path+fmt.Sprintf(format, args...)) }
	kind, _ := v["type"].(string)
	switch {
	case kind == "Action.OpenUrl":
		address, _ := v["url"].(string)
		title, _ := v["title"].(string)
		if !isWeb(address) {
			fail("/url: %q is no web address", address)
		}

		if other := elsewhere(title, address); other != "" {
			fail("/title: shows %s and leads to %s", other, address)
		}

	case strings.HasPrefix(kind, "Action."):
		fail(": %s does not work in a card that a workflow posts", kind)
	}

	for _, name := range []string{"backgroundImage", "iconUrl"} {
		if v[name] != nil {
			fail("/%s: loads a picture", name)
		}
	}

	if kind == "Image" {
		fail(": loads a picture")
	}

	for _, name := range markdownOf[kind] {
		text, _ := v[name].(string)
		for _, l := range links(text) {
			fail("/%s: [%s](%s) hides where it leads", name, l.Label, l.Address)
		}
	}

	if click, is := v["selectAction"].(map[string]any); is {
		address, _ := click["url"].(string)
		if other := elsewhere(allText(v), address); other != "" {
			fail(": shows %s and leads to %s", other, address)
		}
	}

	return all
}

func isWeb(address string) bool {
	read, err := url.Parse(address)
	return err == nil && read.Host != "" && (read.Scheme == "https" || read.Scheme == "http")
}

// elsewhere is an address in a text although its link leads to another host, "" if
// there is none.
func elsewhere(text, to string) string {
	host := func(address string) string {
		if !strings.Contains(address, "://") {
			address = "http://" + address
		}

		read, err := url.Parse(address)
		if err != nil {
			return ""
		}

		return strings.ToLower(read.Host)
	}
	for _, shown := range written.FindAllString(text, -1) {
		if host(shown) != host(to) {
			return shown
		}
	}

	return ""
}

// shownText are the paths of the texts that people read. An inline can be a text alone.
var shownText = regexp.MustCompile(`/(?:text|title|value|inlines/[0-9]+)$`)

// allText is the text of an element and of all that is in it.
func allText(value any) string {
	var out strings.Builder
	walk(value, "", func(path string, one any) {
		if text, is := one.(string); is && shownText.MatchString(path) {
			out.WriteString(text + " ")
		}
	})
	return out.String()
}
