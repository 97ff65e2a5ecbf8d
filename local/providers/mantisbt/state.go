package mantisbt

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/integrations/local/providers/tracker"
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

// Gone reports whether the issue is deleted.
func (i *issue) Gone() bool { return i.Deleted }

// A change is what a write does to an issue, or what an administrator did to a
// project.
type change struct {
	Issue *issue `json:"issue,omitempty"`
	Turn  *turn  `json:"turn,omitempty"`
}

// state is what the fake server has: its projects and issues.
type state struct {
	tracker.Ledger[change]

	config Config
	issues tracker.Issues[int, *issue]
	last   int // the highest number of an issue

	lock     sync.RWMutex
	projects []Project // replaced as a whole, and never changed
}

// apply makes a change visible.
func (s *state) apply(made change, at time.Time) {
	if made.Turn != nil {
		s.applyTurn(*made.Turn, at)
	}

	if made.Issue != nil {
		s.last = max(s.last, made.Issue.ID)
		s.issues.Put(made.Issue.ID, at, made.Issue)
	}
}

// SetUpdated gives the issues from number first to last one time of their last
// change, as an edit of many issues at once does.
func (s *state) SetUpdated(first, last int, at time.Time) error {
	return s.each(first, last, func(i *issue) { i.UpdatedAt = at.UTC().Truncate(time.Second) })
}

// SetSticky makes issues sticky, without a change of their time.
func (s *state) SetSticky(first, last int) error {
	return s.each(first, last, func(i *issue) { i.Sticky = true })
}

// AddNotes gives an issue notes of a person.
func (s *state) AddNotes(id int, notes ...int) error {
	return s.each(id, id, func(i *issue) {
		i.Notes = slices.Clone(i.Notes)
		for _, number := range notes {
			i.Notes = append(i.Notes, note{ID: number, Reporter: "person", Text: "I had a look.", CreatedAt: i.CreatedAt})
		}
	})
}

// each edits the issues from number first to last.
func (s *state) each(first, last int, edit func(*issue)) error {
	return s.Alone(func() error {
		for id := first; id <= last; id++ {
			found := s.get(id)
			if found == nil {
				return fmt.Errorf("MantisBT fake server: there is no issue %d", id)
			}

			changed := *found
			edit(&changed)
			if err := s.Commit(change{Issue: &changed}); err != nil {
				return err
			}
		}

		return nil
	})
}

// get returns an issue or nil.
func (s *state) get(id int) *issue { return s.issues.Get(id) }

// next returns the number of the next issue. The caller is inside Alone.
func (s *state) next() int { return s.last + 1 }

// nextOf is one more than the highest number that issues have of something.
func (s *state) nextOf(highest func(*issue) int) int {
	most := 0
	for _, one := range s.snapshot() {
		most = max(most, highest(one))
	}

	return most + 1
}

// snapshot returns the issues that are there, oldest first.
func (s *state) snapshot() []*issue { return s.issues.All() }

// listed returns the issues that a list is made of.
func (s *state) listed(ctx context.Context) []*issue { return s.issues.Listed(ctx, s.config.Now()) }

// now has MantisBT's resolution: a second.
func (s *state) now() time.Time { return s.config.Now().UTC().Truncate(time.Second) }
