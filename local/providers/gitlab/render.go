package gitlab

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// stamp writes a time as GitLab does: in milliseconds, though it stores more.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// views render what the API shows.
type views struct {
	base string // the address of the server
}

func (v views) webURL(p *project, one *issue) string {
	return fmt.Sprintf("%s/%s/-/issues/%d", v.base, p.Path, one.IID)
}

// issue is an issue as the API shows it.
func (v views) issue(p *project, one *issue) map[string]any {
	url := fmt.Sprintf("%s/api/v4/projects/%d", v.base, p.id)
	view := map[string]any{
		"id": one.ID, "iid": one.IID, "project_id": p.id, "title": one.Title, "description": one.Description, "state": one.State,
		"created_at": stamp(one.CreatedAt), "updated_at": stamp(one.UpdatedAt), "closed_at": nil, "closed_by": nil,
		"labels": append([]string{}, one.Labels...), "milestone": nil, "assignees": []any{}, "assignee": nil, "author": v.user(one.Author),
		"type": "ISSUE", "issue_type": "issue", "user_notes_count": 0, "merge_requests_count": 0, "upvotes": 0, "downvotes": 0, "due_date": nil,
		"confidential": one.Confidential, "discussion_locked": nil, "web_url": v.webURL(p, one), "moved_to_id": one.MovedTo, "severity": "UNKNOWN",
		"imported": false, "imported_from": "none", "service_desk_reply_to": nil, "has_tasks": false, "blocking_issues_count": 0, "task_status": "0 of 0 checklist items completed",
		"task_completion_status": map[string]int{"count": 0, "completed_count": 0},
		"time_stats":             map[string]any{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil},
		"references":             map[string]string{"short": "#" + strconv.Itoa(one.IID), "relative": "#" + strconv.Itoa(one.IID), "full": p.Path + "#" + strconv.Itoa(one.IID)},
		"_links": map[string]any{
			"self": url + "/issues/" + strconv.Itoa(one.IID), "notes": url + "/issues/" + strconv.Itoa(one.IID) + "/notes",
			"award_emoji": url + "/issues/" + strconv.Itoa(one.IID) + "/award_emoji", "project": url, "closed_as_duplicate_of": nil,
		},
	}
	if one.ClosedAt != nil {
		view["closed_at"], view["closed_by"] = stamp(*one.ClosedAt), v.user(one.ClosedBy)
	}

	return view
}

func (v views) user(name string) map[string]any {
	return map[string]any{
		"id": identify(name), "username": name, "public_email": "", "name": name, "state": "active", "locked": false,
		"avatar_url": nil, "web_url": v.base + "/" + name,
	}
}

// self is a user as the user sees the own account.
func (v views) self(name string) map[string]any {
	self := v.user(name)
	self["bot"] = strings.HasSuffix(name, "bot")
	self["external"] = false
	self["private_profile"] = false
	self["created_at"] = "2026-01-01T00:00:00.000Z"
	self["confirmed_at"] = "2026-01-01T00:00:00.000Z"
	return self
}

func (v views) token(user string, scopes []string) map[string]any {
	return map[string]any{
		"id": identify("token of " + user), "name": "sync", "revoked": false, "created_at": "2026-01-01T00:00:00.000Z", "description": nil,
		"scopes": scopes, "user_id": identify(user), "last_used_at": nil, "active": true, "expires_at": "2027-01-01",
	}
}

func (v views) project(p *project, user string) map[string]any {
	name := p.Path[strings.LastIndexByte(p.Path, '/')+1:]
	var role any
	if level := p.role(user); level > 0 {
		role = map[string]int{"access_level": level, "notification_level": 3}
	}

	visibility := "public"
	access := "enabled"
	if p.Private {
		visibility = "private"
	}

	if p.NoIssues {
		access = "disabled"
	}

	return map[string]any{
		"id": p.id, "description": nil, "name": name, "path": name, "name_with_namespace": p.Path, "path_with_namespace": p.Path,
		"created_at": stamp(p.created), "default_branch": "main", "web_url": v.base + "/" + p.Path, "visibility": visibility,
		"archived": p.Archived, "issues_enabled": !p.NoIssues, "issues_access_level": access, "empty_repo": true, "star_count": 0, "forks_count": 0,
		"permissions": map[string]any{"project_access": role, "group_access": nil},
	}
}
