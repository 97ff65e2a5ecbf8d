package mantisbt

import (
	"encoding/json"
	"fmt"
	"time"

	"example.com/integrations/local/providers"
)

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID          int       `json:"id"`
	Project     int       `json:"project"`
	Category    string    `json:"category"`
	Summary     string    `json:"summary"`
	Description string    `json:"description"`
	Steps       string    `json:"steps,omitempty"`
	Additional  string    `json:"additional,omitempty"`
	Status      int       `json:"status"`
	Resolution  int       `json:"resolution"`
	Sticky      bool      `json:"sticky,omitempty"`
	Private     bool      `json:"private,omitempty"`
	Reporter    string    `json:"reporter"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Deleted     bool      `json:"deleted,omitempty"`
	// Notes are in the order in which they were made.
	Notes []note `json:"notes,omitempty"`
	// Relations are those that were made from this issue to others.
	Relations []relation `json:"relations,omitempty"`
	// Fields are the values of custom fields, by name.
	Fields map[string]string `json:"fields,omitempty"`
}

// An entry of the journal: a write, applied (then with the issue as it is
// since) or refused.
type entry struct {
	Number int64            `json:"n,omitempty"`
	Write  *providers.Write `json:"write,omitempty"`
	Issue  *issue           `json:"issue,omitempty"`
	Turn   *turn            `json:"turn,omitempty"`

	at time.Time // since when it is so, zero for what a journal tells
}

func (s *Server) replay(line []byte) error {
	var read entry
	if err := json.Unmarshal(line, &read); err != nil {
		return err
	}

	s.remember(read)
	return nil
}

// commit stores an entry for good, then makes it visible.
func (s *Server) commit(made entry) error {
	if err := s.journal.Append(made); err != nil {
		return err
	}

	made.at = s.config.Now()
	s.remember(made)
	return nil
}

func (s *Server) remember(made entry) {
	if made.Write != nil {
		s.writes.Add(made.Number, made)
	}

	s.lock.Lock()
	defer s.lock.Unlock()
	if made.Turn != nil {
		s.applyTurn(*made.Turn)
	}

	if made.Issue == nil {
		return
	}

	for len(s.issues) < made.Issue.ID {
		s.issues = append(s.issues, nil)
	}

	s.issues[made.Issue.ID-1] = made.Issue
	s.past.Put(made.Issue.ID, made.at, made.Issue)
	if made.Issue.Deleted {
		s.issues[made.Issue.ID-1] = nil
	}
}

// SetUpdated gives the issues from number first to last one time of their last
// change, as whoever edits many at once leaves them.
func (s *Server) SetUpdated(first, last int, at time.Time) error {
	return s.each(first, last, func(i *issue) { i.UpdatedAt = at.UTC().Truncate(time.Second) })
}

// SetSticky makes issues sticky, without a change of their time.
func (s *Server) SetSticky(first, last int) error {
	return s.each(first, last, func(i *issue) { i.Sticky = true })
}

func (s *Server) each(first, last int, change func(*issue)) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	for id := first; id <= last; id++ {
		found := s.get(id)
		if found == nil {
			return fmt.Errorf("MantisBT fake server: there is no issue %d", id)
		}

		changed := *found
		change(&changed)
		if err := s.commit(entry{Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// get returns an issue or nil.
func (s *Server) get(id int) *issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if id < 1 || id > len(s.issues) {
		return nil
	}
	return s.issues[id-1]
}

// next returns the number of the next issue. The caller decides alone.
func (s *Server) next() int {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return len(s.issues) + 1
}

// snapshot returns the issues that are there, oldest first.
func (s *Server) snapshot() []*issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	all := make([]*issue, 0, len(s.issues))
	for _, one := range s.issues {
		if one != nil {
			all = append(all, one)
		}
	}

	return all
}

// now has MantisBT's resolution: a second.
func (s *Server) now() time.Time { return s.config.Now().UTC().Truncate(time.Second) }
