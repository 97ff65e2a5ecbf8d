package github

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// firstMade is when the configured repositories were made.
var firstMade = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A placing is a change of what a name leads to, as the journal keeps it: a new
// name for a repository, or a new repository under a name.
type placing struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
	// ID is that of a new repository, 0 for a rename.
	ID      int64     `json:"id,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

// Rename gives a repository another name, another owner, or both. As at GitHub,
// the old name goes on leading to it: a read is answered 301 and a write 307,
// until another repository takes that name. An app is installed with an owner: a
// repository that goes to another one leaves the installation.
func (s *state) Rename(owner, name, newOwner, newName string) error {
	return s.Alone(func() error {
		found := s.find(owner, name)
		if found == nil {
			return fmt.Errorf("GitHub fake server: there is no %s/%s", owner, name)
		}

		if other := s.find(newOwner, newName); other != nil && other.id != found.id {
			return fmt.Errorf("GitHub fake server: there is a %s/%s", newOwner, newName)
		}

		return s.Commit(change{Repository: found.FullName(), Placing: &placing{Owner: newOwner, Name: newName}})
	})
}

// Recreate makes a new, empty repository under a name. The repository that has
// the name is deleted. A name that a renamed repository had leads to the new one
// from now on. No app is installed on the new repository.
func (s *state) Recreate(owner, name string) error {
	return s.Alone(func() error {
		before := owner + "/" + name
		id := identify(before + " " + strconv.Itoa(s.repositories.Changes()+1))

		return s.Commit(change{Repository: before, Placing: &placing{Owner: owner, Name: name, ID: id, Created: s.now()}})
	})
}

// ID is the id of the repository that has a name, 0 where there is none.
func (s *state) ID(owner, name string) int64 {
	if found := s.find(owner, name); found != nil {
		return found.id
	}

	return 0
}

// place carries out a placing.
func (s *state) place(from string, p placing) {
	before := s.repositories.Current(from)
	made := newRepository(Repository{Owner: p.Owner, Name: p.Name})
	made.id = p.ID
	made.created = p.Created
	made.installed = ""
	switch {
	case p.ID == 0 && before == nil:
		return // the repository is no longer configured
	case p.ID == 0:
		renamed := *before
		renamed.Owner = p.Owner
		renamed.Name = p.Name
		if !strings.EqualFold(before.Owner, p.Owner) {
			renamed.installed = "" // an app is installed with an owner
		}

		made = &renamed

	case before != nil:
		made.Admin = before.Admin
		made.Push = before.Push
		made.Private = before.Private
		made.NoIssues = before.NoIssues
	}

	s.repositories.Replace(before, made)
}

// renamedAnswer sends the caller on to a repository's address by id, as GitHub
// does (recorded in npm @octokit/fixtures, rename-repository).
func renamedAnswer(made *call) *answer {
	parts := strings.SplitN(strings.Trim(made.URL.Path, "/"), "/", 4)
	to := made.root() + "/repositories/" + strconv.FormatInt(made.route.repository.id, 10)
	if len(parts) == 4 {
		to += "/" + parts[3]
	}

	if made.URL.RawQuery != "" {
		to += "?" + made.URL.RawQuery
	}

	status := http.StatusTemporaryRedirect
	if made.Method == http.MethodGet || made.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}

	return &answer{status: status, header: http.Header{"Location": {to}}, undescribed: true, value: map[string]string{
		"message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/v3/#http-redirects",
	}}
}

// carryOut renames a repository, or deletes it and makes another one under its name.
func (s *state) carryOut(order tracker.Order) error {
	owner, name, ok := strings.Cut(order.Place, "/")
	if !ok || s.find(owner, name) == nil {
		return fmt.Errorf("place: there is no repository %q", order.Place)
	}

	rename := func() error {
		newOwner, newName, ok := strings.Cut(order.To, "/")
		if !ok || !plainName(newOwner) || !plainName(newName) {
			return fmt.Errorf("to: %q is not owner/repo", order.To)
		}
		return s.Rename(owner, name, newOwner, newName)
	}

	return order.Carry(rename, func() error { return s.Recreate(owner, name) })
}

// plainName reports whether GitHub has such names.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && url.PathEscape(name) == name && !strings.ContainsAny(name, "$&+:=@~")
}
