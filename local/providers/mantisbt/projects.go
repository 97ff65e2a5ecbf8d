package mantisbt

import (
	"fmt"
	"slices"
	"time"
)

// A turn is what an administrator did to a project, as the journal keeps it.
type turn struct {
	ID   int    `json:"id"`             // of the project
	Name string `json:"name,omitempty"` // its new name
	// NewID is the number of the project that replaces it under its name.
	NewID int `json:"new_id,omitempty"`
}

// all lists the projects.
func (s *state) all() []Project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.projects
}

// Rename gives a project another name. Its number and its issues stay.
func (s *state) Rename(id int, name string) error { return s.turn(turn{ID: id, Name: name}) }

// Recreate deletes a project with all its issues and makes an empty one of the
// same name. The new one has a number that none had before.
func (s *state) Recreate(id int) error {
	highest := 0
	for _, p := range s.all() {
		highest = max(highest, p.ID)
	}
	return s.turn(turn{ID: id, NewID: highest + 1})
}

func (s *state) turn(t turn) error {
	return s.Alone(func() error {
		if s.project(t.ID, "") == nil {
			return fmt.Errorf("MantisBT fake server: there is no project %d", t.ID)
		}

		return s.Commit(change{Turn: &t})
	})
}

// applyTurn does what an administrator did.
func (s *state) applyTurn(t turn, at time.Time) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.projects = slices.Clone(s.projects)
	for i := range s.projects {
		p := &s.projects[i]
		switch {
		case p.ID != t.ID:
		case t.NewID != 0:
			p.ID = t.NewID
			s.dropIssues(t.ID, at)
		default:
			p.Name = t.Name
		}
	}
}

// dropIssues deletes the issues of a project.
func (s *state) dropIssues(project int, at time.Time) {
	for _, one := range s.issues.All() {
		if one.Project == project {
			gone := *one
			gone.Deleted = true
			s.issues.Put(gone.ID, at, &gone)
		}
	}
}

// project returns a project by number, or by name where the number is 0.
func (s *state) project(id int, name string) *Project {
	all := s.all()
	for i := range all {
		p := &all[i]
		if id != 0 && p.ID == id || id == 0 && p.Name == name {
			return p
		}
	}

	return nil
}

// below reports whether a project is another one or lies below it.
func (s *state) below(p *Project, id int) bool {
	for range s.all() {
		if p == nil || p.ID == id {
			break
		}
		p = s.project(p.Parent, "")
	}

	return p != nil && p.ID == id
}
