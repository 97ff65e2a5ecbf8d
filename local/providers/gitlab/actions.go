package gitlab

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

// commands are quick actions of issues
// (https://docs.gitlab.com/user/project/quick_actions/).
var commands = regexp.MustCompile(`(?i)^/(add_child|add_contacts|add_email|add_parent|assign|award|blocked_by|blocks|board_move|cc|child_of|clear_health_status|clear_weight|clone|close|confidential|copy_metadata|create_merge_request|done|draft|due|duplicate|epic|estimate|estimate_time|health_status|invite_email|iteration|label|labels|link|lock|milestone|move|page|parent_epic|promote|promote_to|promote_to_incident|publish|react|ready|reassign|reassign_reviewer|rebase|relabel|relate|remind_me|remove_child|remove_contacts|remove_due_date|remove_email|remove_epic|remove_estimate|remove_iteration|remove_milestone|remove_parent|remove_parent_epic|remove_time_spent|remove_zoom|reopen|request_review|severity|set_parent|shrug|spend|spent|spend_time|status|subscribe|tableflip|tag|target_branch|timeline|title|todo|type|unassign|unassign_reviewer|unblock|unlabel|unlink|unlock|unrelate|unsubscribe|weight|zoom)(?:[ \t]+(.*))?$`)

// extract takes the quick actions out of a description: lines that begin with
// one, wherever the paragraphs and code blocks around them may lie. The real
// one spares code; who relies on that relies on where it sees code.
func extract(description string) (left string, found []string) {
	var kept []string
	for line := range strings.SplitSeq(strings.ReplaceAll(description, "\r\n", "\n"), "\n") {
		if commands.MatchString(strings.TrimLeft(line, " \t")) {
			found = append(found, strings.TrimSpace(line))
			continue
		}
		kept = append(kept, line)
	}

	if len(found) == 0 {
		return description, nil
	}

	return strings.Join(kept, "\n"), found
}

// carryOut does what quick actions say, of those that change what is kept here.
func (s *issues) carryOut(on *issue, found []string, a *asked) {
	on.Commands = append(slices.Clone(on.Commands), found...)
	for _, line := range found {
		m := commands.FindStringSubmatch(line)
		argument := strings.TrimSpace(m[2])
		switch name := strings.ToLower(m[1]); name {
		case "close", "reopen":
			if a.event == nil {
				a.event = &name
			}
		case "confidential":
			yes := true
			a.confidential = &yes
		case "title":
			if argument != "" {
				on.Title = argument
			}
		case "label", "labels", "unlabel":
			names := labelNames(argument)
			if name == "unlabel" {
				a.remove = &names
			} else {
				a.add = &names
			}
		}
	}
}

var labelName = regexp.MustCompile(`~(?:"([^"]+)"|([^\s"]+))`)

func labelNames(text string) []string {
	names := []string{}
	for _, m := range labelName.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1]+m[2])
	}
	return names
}

// references are what GitLab finds in rendered text
// (https://docs.gitlab.com/user/markdown/#gitlab-specific-references).
var references = regexp.MustCompile(`(?:^|[^A-Za-z0-9_])(@[A-Za-z0-9_.][A-Za-z0-9_.-]*)|(#\d+|\bGL-\d+|!\d+|&\d+|\$\d+|~(?:"[^"]+"|[A-Za-z0-9_?.&-]*[A-Za-z0-9_&-])|%(?:"[^"]+"|[^"\s<\x{200b}]+)|\^alert#\d+|\*iteration:\S+|\[(?:issue|work_item|epic|vulnerability|feature_flag|cadence|contact|wiki_page):[^\]]+\]|\[\[[^\]]*\]\]|\[TOC\]|[A-Za-z0-9_][A-Za-z0-9_./-]*/[A-Za-z0-9_.-]+>)`)

// numberGoesOn finds what only begins like the number of an issue, such as #64k:
// behind the digits no letter and no underscore may stand. Other kinds of
// references have no such rule (Gitlab::Regex in lib/gitlab/regex.rb of GitLab).
var numberGoesOn = regexp.MustCompile(`^(?:#|GL-)\d+[A-Za-z_]`)

var (
	fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})([^`]*)$")
	codeSpan  = regexp.MustCompile("(?:^|[^`])(`[^`]+`|``[^`]+``)")
	anyLink   = regexp.MustCompile(`https?://[^\s<>"'()\[\]{}|\\` + "`" + `]+`)
	escaped   = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);")
	ownLink   = regexp.MustCompile(`/(?:-/)?(?:issues|work_items|merge_requests|commit|epics|milestones|snippets|alert_management)/[0-9a-f]+`)
)

// mentioned are the people and things a title and a description refer to, as
// GitLab of host shows them: outside of code and addresses, but for addresses
// of its own.
func mentioned(host, title, description string) (people, things []string) {
	fence := ""
	add := func(line string) {
		for _, link := range anyLink.FindAllString(line, -1) {
			if rest, own := strings.CutPrefix(link, "https://"+host+"/"); own && ownLink.MatchString("/"+rest) {
				things = append(things, link)
			}
		}

		line = anyLink.ReplaceAllString(line, " ")
		line = escaped.ReplaceAllStringFunc(line, func(found string) string {
			if found[0] == '\\' {
				return found[1:]
			}
			return html.UnescapeString(found)
		})
		for _, m := range references.FindAllStringSubmatchIndex(line, -1) {
			switch {
			case m[2] >= 0:
				people = append(people, line[m[2]:m[3]])
			case !numberGoesOn.MatchString(line[m[4]:]):
				things = append(things, line[m[4]:m[5]])
			}
		}
	}

	add(title)
	for line := range strings.SplitSeq(description, "\n") {
		mark := fenceLine.FindStringSubmatch(line)
		switch {
		case fence == "" && mark != nil:
			fence = mark[1]
		case fence != "" && mark != nil && strings.HasPrefix(mark[1], fence) && strings.TrimSpace(mark[2]) == "":
			fence = ""
		case fence == "" && strings.Count(line, "`")%2 == 0:
			add(codeSpan.ReplaceAllString(line, " code "))
		case fence == "":
			add(line)
		}
	}

	return people, things
}
