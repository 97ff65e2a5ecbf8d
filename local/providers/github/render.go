package github

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	apiBase = "https://api.github.com"
	webBase = "https://github.com"
)

func apiURL(r *repository) string { return apiBase + "/repos/" + r.FullName() }

func webURL(r *repository, one *issue) string {
	kind := "issues"
	if one.PullRequest {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", webBase, r.FullName(), kind, one.Number)
}

func node(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%03d:%s%d", len(kind), kind, id))
}

// issueView is an issue as the API shows it.
type issueView struct {
	ID                int64            `json:"id"`
	NodeID            string           `json:"node_id"`
	URL               string           `json:"url"`
	RepositoryURL     string           `json:"repository_url"`
	LabelsURL         string           `json:"labels_url"`
	CommentsURL       string           `json:"comments_url"`
	EventsURL         string           `json:"events_url"`
	HTMLURL           string           `json:"html_url"`
	TimelineURL       string           `json:"timeline_url"`
	Number            int              `json:"number"`
	State             string           `json:"state"`
	StateReason       *string          `json:"state_reason"`
	Title             string           `json:"title"`
	Body              *string          `json:"body"`
	User              map[string]any   `json:"user"`
	Labels            []labelView      `json:"labels"`
	Assignee          map[string]any   `json:"assignee"`
	Assignees         []map[string]any `json:"assignees"`
	Milestone         any              `json:"milestone"`
	Locked            bool             `json:"locked"`
	ActiveLockReason  *string          `json:"active_lock_reason"`
	Comments          int              `json:"comments"`
	PullRequest       *pullView        `json:"pull_request,omitempty"`
	ClosedAt          *time.Time       `json:"closed_at"`
	CreatedAt         time.Time        `json:"created_at"`
	UpdatedAt         time.Time        `json:"updated_at"`
	ClosedBy          map[string]any   `json:"closed_by"`
	AuthorAssociation string           `json:"author_association"`
	Reactions         map[string]any   `json:"reactions"`
	SubIssues         map[string]int   `json:"sub_issues_summary"`
	Dependencies      map[string]int   `json:"issue_dependencies_summary"`
	PerformedViaApp   any              `json:"performed_via_github_app"`
}

type labelView struct {
	ID          int64   `json:"id"`
	NodeID      string  `json:"node_id"`
	URL         string  `json:"url"`
	Name        string  `json:"name"`
	Color       string  `json:"color"`
	Default     bool    `json:"default"`
	Description *string `json:"description"`
}

type pullView struct {
	URL      string     `json:"url"`
	HTMLURL  string     `json:"html_url"`
	DiffURL  string     `json:"diff_url"`
	PatchURL string     `json:"patch_url"`
	MergedAt *time.Time `json:"merged_at"`
}

func renderIssue(r *repository, one *issue) issueView {
	url := fmt.Sprintf("%s/issues/%d", apiURL(r), one.Number)
	view := issueView{
		ID: one.ID, NodeID: node("Issue", one.ID), URL: url, RepositoryURL: apiURL(r), LabelsURL: url + "/labels{/name}",
		CommentsURL: url + "/comments", EventsURL: url + "/events", HTMLURL: webURL(r, one), TimelineURL: url + "/timeline",
		Number: one.Number, State: one.State, Title: one.Title, Body: one.Body, User: renderUser(one.Creator),
		Labels: []labelView{}, Assignees: []map[string]any{}, ClosedAt: one.ClosedAt, CreatedAt: one.CreatedAt,
		UpdatedAt: one.UpdatedAt, AuthorAssociation: association(r, one.Creator), Reactions: reactions(url),
		SubIssues:    map[string]int{"total": 0, "completed": 0, "percent_completed": 0},
		Dependencies: map[string]int{"blocked_by": 0, "total_blocked_by": 0, "blocking": 0, "total_blocking": 0},
	}
	if one.StateReason != "" {
		view.StateReason = &one.StateReason
	}

	if one.ClosedBy != "" {
		view.ClosedBy = renderUser(one.ClosedBy)
	}

	for _, name := range one.Labels {
		view.Labels = append(view.Labels, renderLabel(r, name))
	}

	for i, login := range one.Assignees {
		view.Assignees = append(view.Assignees, renderUser(login))
		if i == 0 {
			view.Assignee = view.Assignees[0]
		}
	}

	if one.PullRequest {
		view.PullRequest = &pullView{
			URL: fmt.Sprintf("%s/pulls/%d", apiURL(r), one.Number), HTMLURL: view.HTMLURL, DiffURL: view.HTMLURL + ".diff", PatchURL: view.HTMLURL + ".patch",
		}
	}

	return view
}

func association(r *repository, login string) string {
	switch {
	case strings.EqualFold(r.Owner, login):
		return "OWNER"
	case r.mayPush(login):
		return "MEMBER"
	}

	return "NONE"
}

func renderLabel(r *repository, name string) labelView {
	id := identify(r.FullName() + "\x00" + name)
	return labelView{
		ID: id, NodeID: node("Label", id), URL: apiURL(r) + "/labels/" + escape(name), Name: name, Color: "ededed",
	}
}

func reactions(url string) map[string]any {
	none := map[string]any{"url": url + "/reactions", "total_count": 0}
	for _, one := range []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"} {
		none[one] = 0
	}
	return none
}

// renderUser is the short form of an account.
func renderUser(login string) map[string]any {
	id := identify(login)
	url := apiBase + "/users/" + login

	return map[string]any{
		"login": login, "id": id, "node_id": node("User", id), "gravatar_id": "", "type": "User", "user_view_type": "public",
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id), "url": url, "html_url": webBase + "/" + login,
		"followers_url": url + "/followers", "following_url": url + "/following{/other_user}", "gists_url": url + "/gists{/gist_id}",
		"starred_url": url + "/starred{/owner}{/repo}", "subscriptions_url": url + "/subscriptions",
		"organizations_url": url + "/orgs", "repos_url": url + "/repos", "events_url": url + "/events{/privacy}",
		"received_events_url": url + "/received_events", "site_admin": false,
	}
}

// renderSelf is what an account sees of itself.
func renderSelf(login string, now time.Time) map[string]any {
	self := renderUser(login)
	self["user_view_type"] = "private"
	for _, name := range []string{"name", "company", "location", "email", "hireable", "bio", "twitter_username", "notification_email"} {
		self[name] = nil
	}

	for _, name := range []string{
		"public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos", "owned_private_repos", "disk_usage", "collaborators",
	} {
		self[name] = 0
	}

	self["blog"] = ""
	self["two_factor_authentication"] = true
	self["created_at"] = now
	self["updated_at"] = now

	return self
}

// addresses of a repository, under its own.
var addresses = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
	"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}", "url": "",
}

func renderRepository(r *repository, open int, login string, now time.Time) map[string]any {
	web := webBase + "/" + r.FullName()
	view := map[string]any{
		"id": r.id, "node_id": node("Repository", r.id), "name": r.Name, "full_name": r.FullName(), "owner": renderUser(r.Owner),
		"private": r.Private, "html_url": web, "description": nil, "fork": false, "homepage": nil, "language": nil, "license": nil,
		"mirror_url": nil, "clone_url": web + ".git", "git_url": "git://github.com/" + r.FullName() + ".git",
		"ssh_url": "git@github.com:" + r.FullName() + ".git", "svn_url": web, "default_branch": "main",
		"archived": r.Archived, "disabled": false, "has_issues": !r.NoIssues, "has_projects": false, "has_wiki": false, "has_pages": false,
		"has_discussions": false, "open_issues": open, "open_issues_count": open, "created_at": r.created, "updated_at": now, "pushed_at": now,
		"permissions": map[string]bool{"admin": r.mayAdmin(login), "maintain": r.mayAdmin(login), "push": r.mayPush(login), "triage": r.mayTriage(login), "pull": true},
	}
	for _, name := range []string{
		"forks", "forks_count", "size", "stargazers_count", "watchers", "watchers_count", "network_count", "subscribers_count",
	} {
		view[name] = 0
	}

	for name, path := range addresses {
		view[name] = apiURL(r) + path
	}

	return view
}

func escape(name string) string { return url.PathEscape(name) }
