package gitlab

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// firstMade is when the configured projects were made.
var firstMade = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A placing is a change of what a path leads to, as the journal keeps it: a new
// path for a project, or a new project under a path.
type placing struct {
	Path string `json:"path"`
	// ID is that of a new project, 0 for a rename.
	ID      int64     `json:"id,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

// Rename gives a project another path: a rename, or a transfer to another group.
// As at GitLab, a read at the old path is answered 301 and every other method
// 405, until another project takes that path.
func (s *state) Rename(path, newPath string) error {
	return s.Alone(func() error {
		found := s.projects.Current(path)
		if found == nil {
			return fmt.Errorf("GitLab fake server: there is no %s", path)
		}

		if other := s.projects.Current(newPath); other != nil && other.id != found.id {
			return fmt.Errorf("GitLab fake server: there is a %s", newPath)
		}

		return s.Commit(change{Project: found.Path, Placing: &placing{Path: newPath}})
	})
}

// Recreate makes a new, empty project under a path. The project that has the
// path is deleted. A path that a renamed project had leads to the new one from
// now on.
func (s *state) Recreate(path string) error {
	return s.Alone(func() error {
		id := identify(path + " " + strconv.Itoa(s.projects.Changes()+1))

		return s.Commit(change{Project: path, Placing: &placing{Path: path, ID: id, Created: s.now()}})
	})
}

// ID is the number of the project that has a path, 0 where there is none.
func (s *state) ID(path string) int64 {
	if found := s.projects.Current(path); found != nil {
		return found.id
	}

	return 0
}

// place carries out a placing.
func (s *state) place(from string, p placing) {
	before := s.projects.Current(from)
	made := newProject(Project{Path: p.Path})
	made.id = p.ID
	made.created = p.Created
	switch {
	case p.ID == 0 && before == nil:
		return // the project is no longer configured
	case p.ID == 0:
		renamed := *before
		renamed.Path = p.Path
		made = &renamed

	case before != nil:
		made.Roles = before.Roles
		made.Private = before.Private
	}

	s.projects.Replace(before, made)
}

// movedAnswer sends a reader on to a project's address by id, and refuses all
// else: find_project! in lib/api/helpers.rb of gitlabhq.
func movedAnswer(made *call) *answer {
	if made.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")
	}

	to := "https://" + made.Host + made.route.moved
	if made.URL.RawQuery != "" {
		to += "?" + made.URL.RawQuery
	}

	return &answer{status: http.StatusMovedPermanently, header: http.Header{"Location": {to}}, value: text("This resource has been moved permanently to " + to)}
}

// carryOutOrder renames a project, or deletes it and makes another one under its path.
func (s *state) carryOutOrder(order tracker.Order) error {
	if s.projects.Current(order.Place) == nil {
		return fmt.Errorf("place: there is no project %q", order.Place)
	}

	rename := func() error {
		if !plainPath(order.To) {
			return fmt.Errorf("to: %q is not the full path of a project", order.To)
		}
		return s.Rename(order.Place, order.To)
	}

	return order.Carry(rename, func() error { return s.Recreate(order.Place) })
}

// plainPath reports whether a project may have a path.
func plainPath(path string) bool {
	parts := strings.Split(path, "/")
	for _, part := range parts {
		if part == "" || part == "-" || strings.HasPrefix(part, ".") || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return false
		}
	}

	return len(parts) >= 2
}
