package discord

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// maxThread is the longest name of a thread.
const maxThread = 100

// wrongThread says what is wrong with the name of a thread.
func (in *input) wrongThread(k *checker) {
	if in.ThreadName == nil {
		return
	}

	if n := length(strings.TrimSpace(*in.ThreadName)); n < 1 || n > maxThread {
		k.add("thread_name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxThread)
	}
}

// misplaced refuses a new message of the wrong kind for its channel: a forum accepts
// only messages that open threads, and other channels accept none of them
// (https://discord.com/developers/docs/resources/webhook#execute-webhook).
func (s *messages) misplaced(c *call, where *Channel, asked *input) *result {
	opens := asked.ThreadName != nil
	switch {
	case c.webhook == nil && where.Forum:
		return &noMessages
	case c.webhook == nil:
		return nil
	case opens && c.URL.Query().Get("thread_id") != "":
		return &twoThreads
	case opens && !where.Forum:
		return &noForum
	case !opens && where.Forum:
		return &wantsThread
	case opens && where.RequireTag:
		return &wantsTag
	}

	return nil
}

// open makes a message the first of a new thread of a forum. The thread has the
// message's id.
func (s *messages) open(forum *Channel, m *chat.Message, name string) {
	m.ID = s.NextThread(forum.ID)
	m.Channel = m.ID
	m.Opens = &chat.Thread{Name: strings.TrimSpace(name), Parent: forum.ID}
}

// label is a part of a host's name. An underscore is no part of one
// (discordjs/discord.js#7438).
var label = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`)

// wellFormedHost reports whether Discord accepts the host of an address: an IPv4
// address (go-gitea/gitea#11124), or a name with a dot (bugsink/bugsink#280,
// grafana/grafana#65270) in ASCII. Its own rule is not published.
func wellFormedHost(u *url.URL) bool {
	name := u.Hostname()
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Is4()
	}

	labels := strings.Split(name, ".")
	for _, one := range labels {
		if !label.MatchString(one) {
			return false
		}
	}

	return len(labels) > 1
}

// olderForm is an error for a body in the form of versions before 8: the members, and
// for each of them the errors or the numbers of the wrong elements, such as
// {"embeds": ["0"]}.
func olderForm(value any) any {
	refused, isObject := value.(object)
	if !isObject || refused["errors"] == nil {
		return value
	}

	tree, _ := refused["errors"].(object)

	form := map[string][]string{}
	for _, member := range slices.Sorted(maps.Keys(tree)) {
		below, _ := tree[member].(object)
		for _, name := range slices.Sorted(maps.Keys(below)) {
			if name != "_errors" {
				form[member] = append(form[member], name)
				continue
			}

			for _, one := range below[name].([]object) {
				text, _ := one["message"].(string)
				form[member] = append(form[member], text)
			}
		}
	}

	return form
}
