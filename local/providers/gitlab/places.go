package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
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
func (s *Server) Rename(path, newPath string) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	found := s.current(path)
	if found == nil {
		return fmt.Errorf("GitLab fake server: there is no %s", path)
	}

	if other := s.current(newPath); other != nil && other.id != found.id {
		return fmt.Errorf("GitLab fake server: there is a %s", newPath)
	}

	return s.commit(entry{Project: found.Path, Placing: &placing{Path: newPath}})
}

// Recreate makes a new, empty project under a path. The project that has the
// path is deleted. A path that a renamed project had leads to the new one from
// now on.
func (s *Server) Recreate(path string) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	s.lock.RLock()
	id := identify(path + " " + strconv.Itoa(s.placed+1))
	s.lock.RUnlock()

	return s.commit(entry{Project: path, Placing: &placing{Path: path, ID: id, Created: s.now()}})
}

// ID is the number of the project that has a path, 0 where there is none.
func (s *Server) ID(path string) int64 {
	if found := s.current(path); found != nil {
		return found.id
	}

	return 0
}

// current is the project that has a path now.
func (s *Server) current(path string) *project {
	if found := s.find(path); found != nil && strings.EqualFold(found.Path, path) {
		return found
	}

	return nil
}

// all are the projects there are.
func (s *Server) all() []*project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.order
}

// place carries out a placing. The lock is held.
func (s *Server) place(from string, p placing) {
	s.placed++
	before := s.projects[strings.ToLower(from)]
	if before != nil && !strings.EqualFold(before.Path, from) {
		before = nil // it only had the path once
	}

	made := newProject(Project{Path: p.Path})
	made.id = p.ID
	made.created = p.Created
	switch {
	case p.ID == 0 && before == nil:
		return // the project is no longer configured
	case p.ID == 0:
		// A copy: those who read the old one meanwhile are not disturbed.
		renamed := *before
		renamed.Path = p.Path
		made = &renamed

	case before != nil:
		made.Roles = before.Roles
		made.Private = before.Private
	}

	s.order = slices.Clone(s.order)
	if at := slices.Index(s.order, before); at >= 0 {
		s.order[at] = made
	} else {
		s.order = append(s.order, made)
	}

	for path, one := range s.projects {
		switch {
		case before == nil || one != before:
		case p.ID == 0:
			s.projects[path] = made
		default:
			delete(s.projects, path)
		}
	}

	s.projects[strings.ToLower(p.Path)] = made
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

// placeOrder is what a person asks of POST /_/places.
type placeOrder struct {
	Do    string `json:"do"`    // rename or recreate
	Place string `json:"place"` // the path
	To    string `json:"to"`    // the new path, for a rename
}

// servePlaces renames a project, or deletes it and makes another one under its
// path. The page sends a form, a script JSON.
func (s *Server) servePlaces(w http.ResponseWriter, r *http.Request) {
	var order placeOrder
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.ParseForm() == nil && r.PostForm.Has("do")
	if form {
		order = placeOrder{Do: r.PostForm.Get("do"), Place: r.PostForm.Get("place"), To: r.PostForm.Get("to")}
	} else if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, "the body is neither a form nor JSON: "+err.Error(), http.StatusBadRequest)
		return
	}

	if err := s.carryOutOrder(order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	if form {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}

	providers.SendJSON(w, map[string]string{"done": order.Do})
}

func (s *Server) carryOutOrder(order placeOrder) error {
	if s.current(order.Place) == nil {
		return fmt.Errorf("place: there is no project %q", order.Place)
	}

	switch order.Do {
	case "rename":
		if !plainPath(order.To) {
			return fmt.Errorf("to: %q is not the full path of a project", order.To)
		}
		return s.Rename(order.Place, order.To)

	case "recreate":
		return s.Recreate(order.Place)
	}

	return fmt.Errorf("do: %q is not rename or recreate", order.Do)
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
