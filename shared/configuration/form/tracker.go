package form

import (
	"crypto/rsa"
	"strings"

	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/domain"
)

// Tracker is what the four trackers have in common.
type Tracker struct {
	Pull      string    `json:"pull"`      // off, linked or all
	OnDelete  string    `json:"on_delete"` // close or leave
	Templates Templates `json:"templates"`
}

func (t *Tracker) setDefaults() {
	orElse(&t.Pull, "off")
	orElse(&t.OnDelete, "close")
}

// Labels values.
const (
	LabelsSync = "sync"
	LabelsNone = "none"
)

// GitHub writes issues into a repository, by token or as an app.
type GitHub struct {
	Tracker
	Owner          string `json:"owner"`
	Repo           string `json:"repo"`
	Token          string `json:"token"`
	AppID          ID     `json:"app_id"`
	InstallationID ID     `json:"installation_id"`
	PrivateKey     string `json:"private_key"`
	BaseURL        string `json:"base_url"`
	Labels         string `json:"labels"`
}

func (c *GitHub) setDefaults() {
	c.Tracker.setDefaults()
	orElse(&c.BaseURL, address.GitHubAPI)
	orElse(&c.Labels, LabelsSync)
}

// API is the root of the REST API: an Enterprise Server named by its host
// alone has it under /api/v3.
func (c *GitHub) API() string {
	host := strings.TrimPrefix(origin(c.BaseURL), "https://")
	saas := host == "api.github.com" || strings.HasSuffix(host, ".ghe.com")
	if saas || c.BaseURL != origin(c.BaseURL) {
		return c.BaseURL
	}
	return c.BaseURL + "/api/v3"
}

// Key is the app's.
func (c *GitHub) Key() (*rsa.PrivateKey, error) { return ParseRSAKey(c.PrivateKey) }

// Destination is the repository; GitHub's names have no case.
func (c *GitHub) Destination(Webhook) Destination {
	return place(domain.GitHub, c.API(), strings.ToLower(c.Owner), strings.ToLower(c.Repo))
}

// Rendering is templates and labels.
func (c *GitHub) Rendering() any { return []any{c.Templates, c.Labels} }

// GitLab writes issues into a project.
type GitLab struct {
	Tracker
	Project ID     `json:"project"`
	Token   string `json:"token"`
	BaseURL string `json:"base_url"`
	Labels  string `json:"labels"`
}

func (c *GitLab) setDefaults() {
	c.Tracker.setDefaults()
	orElse(&c.BaseURL, address.GitLabHome)
	orElse(&c.Labels, LabelsSync)
}

// API is the root of the REST API.
func (c *GitLab) API() string { return strings.TrimSuffix(c.BaseURL, "/api/v4") + "/api/v4" }

// Destination is the project; GitLab's paths have no case.
func (c *GitLab) Destination(Webhook) Destination {
	return place(domain.GitLab, c.API(), strings.ToLower(string(c.Project)))
}

// Rendering is templates and labels.
func (c *GitLab) Rendering() any { return []any{c.Templates, c.Labels} }

// Jira flavors.
const (
	Cloud      = "cloud"
	Datacenter = "datacenter"
)

// Jira writes issues into a project of Jira Cloud or Jira Data Center.
type Jira struct {
	Tracker
	Flavor     string `json:"flavor"`
	BaseURL    string `json:"base_url"`
	Email      string `json:"email"`
	APIToken   string `json:"api_token"`
	Token      string `json:"token"`
	ProjectKey string `json:"project_key"`
	IssueType  string `json:"issue_type"`
	Labels     string `json:"labels"`
}

func (c *Jira) setDefaults() {
	c.Tracker.setDefaults()
	orElse(&c.IssueType, "Task")
	orElse(&c.Labels, LabelsSync)
}

// API is the root of the REST API: version 3 of Jira Cloud, 2 of Data Center.
func (c *Jira) API() string {
	if c.Flavor == Cloud {
		return c.BaseURL + "/rest/api/3"
	}
	return c.BaseURL + "/rest/api/2"
}

// Destination is the project.
func (c *Jira) Destination(Webhook) Destination {
	return place(domain.Jira, c.BaseURL, c.ProjectKey)
}

// Rendering is templates, labels, issue type, and the markup that the flavor
// decides.
func (c *Jira) Rendering() any { return []any{c.Templates, c.Labels, c.IssueType, c.Flavor} }

// MantisBT writes issues into a project of a server of one's own.
type MantisBT struct {
	Tracker
	BaseURL  string `json:"base_url"`
	Token    string `json:"token"`
	Project  ID     `json:"project"`
	Category string `json:"category"`
}

func (c *MantisBT) setDefaults() {
	c.Tracker.setDefaults()
	orElse(&c.Category, "General")
}

// API is the root of the REST API.
func (c *MantisBT) API() string { return strings.TrimSuffix(c.BaseURL, "/api/rest") + "/api/rest" }

// Destination is the project.
func (c *MantisBT) Destination(Webhook) Destination {
	return place(domain.MantisBT, c.API(), string(c.Project))
}

// Rendering is templates and category.
func (c *MantisBT) Rendering() any { return []any{c.Templates, c.Category} }
