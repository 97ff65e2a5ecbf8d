package gitlab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// firstID makes ids as large as GitLab.com's are today.
const firstID = 170_000_000

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID           int64      `json:"id"`
	IID          int        `json:"iid"`
	Title        string     `json:"title"`
	Description  *string    `json:"description"`
	State        string     `json:"state"` // opened or closed
	Labels       []string   `json:"labels,omitempty"`
	Author       string     `json:"author"`
	ClosedBy     string     `json:"closed_by,omitempty"`
	Confidential bool       `json:"confidential,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	ClosedAt     *time.Time `json:"closed_at,omitempty"`
	MovedTo      *int64     `json:"moved_to,omitempty"`
	Deleted      bool       `json:"deleted,omitempty"`
	// Commands are the quick actions that were carried out of its texts.
	Commands []string `json:"commands,omitempty"`
}

// Gone reports whether the issue is deleted.
func (i *issue) Gone() bool { return i.Deleted }

// A project with its issues.
type project struct {
	Project

	id      int64
	created time.Time
	issues  *tracker.Issues[int, *issue]
	last    int // the highest number that an issue had
}

// FullName is the path of the project.
func (p *project) FullName() string { return p.Path }

// Ident is the id of the project.
func (p *project) Ident() int64 { return p.id }

// A change is what a write does: to an issue of a project, to the issue that a move
// made elsewhere, or to a project.
type change struct {
	Project string   `json:"project,omitempty"`
	Issue   *issue   `json:"issue,omitempty"`
	Copied  *placed  `json:"copied,omitempty"`
	Placing *placing `json:"placing,omitempty"`
}

// placed is an issue in another project.
type placed struct {
	Project string `json:"project"`
	Issue   *issue `json:"issue"`
}

// state is what the fake server has: its projects with their issues.
type state struct {
	tracker.Ledger[change]

	config   Config
	projects tracker.Places[*project]
	lastID   int64
}

func newProject(config Project) *project {
	return &project{Project: config, id: identify(config.Path), created: firstMade, issues: &tracker.Issues[int, *issue]{}}
}

// identify gives a name an id that is the same after every start.
func identify(name string) int64 { return tracker.Identify(name, 28) }

// apply makes a change visible.
func (s *state) apply(made change, at time.Time) {
	if made.Placing != nil {
		s.place(made.Project, *made.Placing)
		return
	}

	s.put(made.Project, made.Issue, at)
	if made.Copied != nil {
		s.put(made.Copied.Project, made.Copied.Issue, at)
	}
}

// put stores an issue. A project that is no longer configured keeps its issues in the
// journal.
func (s *state) put(path string, put *issue, at time.Time) {
	into := s.find(path)
	if put == nil || into == nil {
		return
	}

	s.lastID = max(s.lastID, put.ID)
	into.last = max(into.last, put.IID)
	into.issues.Put(put.IID, at, put)
}

// get returns an issue or nil.
func (s *state) get(p *project, iid int) *issue { return p.issues.Get(iid) }

// next returns the number and the id of the next issue. The caller is inside Alone.
func (s *state) next(p *project) (iid int, id int64) { return p.last + 1, s.lastID + 1 }

// snapshot returns the issues there are, oldest first.
func (s *state) snapshot(p *project) []*issue { return p.issues.All() }

// find returns a project by its path or an old path.
func (s *state) find(path string) *project { return s.projects.Find(path) }

// listed returns the issues that a list is made of.
func (s *state) listed(ctx context.Context, p *project) []*issue {
	return p.issues.Listed(ctx, s.config.Now())
}

// now has the resolution of GitLab's database.
func (s *state) now() time.Time { return s.config.Now().UTC().Truncate(time.Microsecond) }

// SetUpdated gives the issues from number first to last one time of their last
// change, as an edit of many issues at once does.
func (s *state) SetUpdated(path string, first, last int, at time.Time) error {
	return s.Alone(func() error {
		found := s.find(path)
		if found == nil {
			return fmt.Errorf("GitLab fake server: there is no %s", path)
		}

		var all []*issue
		for iid := first; iid <= last; iid++ {
			one := s.get(found, iid)
			if one == nil {
				return fmt.Errorf("GitLab fake server: there is no %s#%d", path, iid)
			}

			all = append(all, one)
		}

		return s.touch(found, all, at.UTC())
	})
}

// touch gives issues one time of their last change.
func (s *state) touch(in *project, all []*issue, at time.Time) error {
	for _, one := range all {
		changed := *one
		changed.UpdatedAt = at
		if err := s.Commit(change{Project: in.Path, Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// movesTo returns the next project that an issue can move to, or nil.
func (s *state) movesTo(from *project) *project {
	all := s.projects.All()
	at := slices.IndexFunc(all, func(p *project) bool { return p != from && !p.NoIssues && !p.Archived })
	if at < 0 {
		return nil
	}

	return all[at]
}
