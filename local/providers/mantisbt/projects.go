package mantisbt

import (
	"fmt"
	"slices"
)

// A turn is what an administrator did to a project, as the journal keeps it.
type turn struct {
	ID   int    `json:"id"`             // of the project
	Name string `json:"name,omitempty"` // its new name
	// NewID is the number of the project that replaces it under its name.
	NewID int `json:"new_id,omitempty"`
}

// all lists the projects.
func (s *Server) all() []Project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.projects
}

// Rename gives a project another name. Its number and its issues stay.
func (s *Server) Rename(id int, name string) error { return s.turn(turn{ID: id, Name: name}) }

// Recreate deletes a project with all its issues and makes an empty one of the
// same name. The new one has a number that none had before.
func (s *Server) Recreate(id int) error {
	highest := 0
	for _, p := range s.all() {
		highest = max(highest, p.ID)
	}
	return s.turn(turn{ID: id, NewID: highest + 1})
}

func (s *Server) turn(t turn) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()

	if s.project(t.ID, "") == nil {
		return fmt.Errorf("MantisBT fake server: there is no project %d", t.ID)
	}

	return s.commit(entry{Turn: &t})
}

// applyTurn does what an administrator did. The lock is held.
func (s *Server) applyTurn(t turn) {
	s.projects = slices.Clone(s.projects)
	for i := range s.projects {
		p := &s.projects[i]
		switch {
		case p.ID != t.ID:
		case t.NewID != 0:
			p.ID = t.NewID
			s.dropIssues(t.ID)
		default:
			p.Name = t.Name
		}
	}
}

// dropIssues deletes the issues of a project.
func (s *Server) dropIssues(project int) {
	for i, one := range s.issues {
		if one == nil || one.Project != project {
			continue
		}

		gone := *one
		gone.Deleted = true
		s.issues[i] = nil
		s.past.Put(gone.ID, s.config.Now(), &gone)
	}
}
