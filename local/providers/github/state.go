package github

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// firstID makes ids as large as GitHub's are today: over 32 bits.
const firstID = 4_300_000_000

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID          int64      `json:"id"`
	Number      int        `json:"number"`
	Title       string     `json:"title"`
	Body        *string    `json:"body"`
	State       string     `json:"state"`
	StateReason string     `json:"state_reason,omitempty"`
	Labels      []string   `json:"labels,omitempty"`
	Assignees   []string   `json:"assignees,omitempty"`
	Creator     string     `json:"creator"`
	ClosedBy    string     `json:"closed_by,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	ClosedAt    *time.Time `json:"closed_at,omitempty"`
	PullRequest bool       `json:"pull_request,omitempty"`
	Deleted     bool       `json:"deleted,omitempty"`
	// MovedTo is the address in the API of where it was transferred to.
	MovedTo string `json:"moved_to,omitempty"`
}

// Gone reports whether the issue is deleted or was transferred.
func (i *issue) Gone() bool { return i.Deleted || i.MovedTo != "" }

// A repository with its issues.
type repository struct {
	Repository

	id        int64
	created   time.Time
	installed string // the name under which apps are installed on it, "" for none
	issues    *tracker.Issues[int, *issue]
	last      int // the highest number of an issue
}

// FullName is owner and name. GitHub's names ignore case.
func (r *repository) FullName() string { return r.Owner + "/" + r.Name }

// Ident is the id of the repository.
func (r *repository) Ident() int64 { return r.id }

// A change is what a write does to an issue of a repository, or a new name for a
// repository. The first pull requests are changes too.
type change struct {
	Repository string   `json:"repository,omitempty"`
	Issue      *issue   `json:"issue,omitempty"`
	Placing    *placing `json:"placing,omitempty"`
}

// state is what the fake server has: its repositories with their issues.
type state struct {
	tracker.Ledger[change]

	config       Config
	repositories tracker.Places[*repository]
	lastID       int64
}

func newRepository(config Repository) *repository {
	r := &repository{
		Repository: config, id: config.ID, created: config.Created, installed: config.Name, issues: &tracker.Issues[int, *issue]{},
	}
	if r.id == 0 {
		r.id = identify(r.FullName())
	}

	if r.created.IsZero() {
		r.created = firstMade
	}

	return r
}

// identify gives a name an id that is the same after every start.
func identify(name string) int64 { return tracker.Identify(name, 31) }

// apply makes a change visible. A repository that is no longer configured keeps its
// issues in the journal.
func (s *state) apply(made change, at time.Time) {
	if made.Placing != nil {
		s.place(made.Repository, *made.Placing)
		return
	}

	if made.Issue == nil {
		return
	}

	s.lastID = max(s.lastID, made.Issue.ID)
	if r := s.repositories.Current(made.Repository); r != nil {
		r.last = max(r.last, made.Issue.Number)
		r.issues.Put(made.Issue.Number, at, made.Issue)
	}
}

// SetUpdated gives the issues from number first to last one time of their last
// change, as an edit of many issues at once does.
func (s *state) SetUpdated(owner, name string, first, last int, at time.Time) error {
	return s.Alone(func() error {
		found := s.find(owner, name)
		if found == nil {
			return fmt.Errorf("GitHub fake server: there is no %s/%s", owner, name)
		}

		var all []*issue
		for number := first; number <= last; number++ {
			one := s.get(found, number)
			if one == nil {
				return fmt.Errorf("GitHub fake server: there is no %s/%s#%d", owner, name, number)
			}

			all = append(all, one)
		}

		return s.touch(found, all, at.UTC().Truncate(time.Second))
	})
}

// touch gives issues one time of their last change.
func (s *state) touch(in *repository, all []*issue, at time.Time) error {
	for _, one := range all {
		changed := *one
		changed.UpdatedAt = at
		if err := s.Commit(change{Repository: in.FullName(), Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// get returns an issue or nil.
func (s *state) get(r *repository, number int) *issue { return r.issues.Get(number) }

// next returns the number and the id of the next issue. The caller is inside Alone.
func (s *state) next(r *repository) (number int, id int64) { return r.last + 1, s.lastID + 1 }

// snapshot returns the issues, oldest first. If creator is not empty, only those of
// one creator.
func (s *state) snapshot(r *repository, creator string) []*issue {
	return by(creator, r.issues.All())
}

// by leaves the issues of one creator, or all if creator is empty.
func by(creator string, all []*issue) []*issue {
	return slices.DeleteFunc(all, func(one *issue) bool { return creator != "" && !strings.EqualFold(one.Creator, creator) })
}

// listed returns the issues that a list is made of.
func (s *state) listed(ctx context.Context, r *repository, creator string) []*issue {
	return by(creator, r.issues.Listed(ctx, s.config.Now()))
}

// realIssues lists a repository's issues without its pull requests.
func (s *state) realIssues(r *repository) []*issue {
	return slices.DeleteFunc(r.issues.All(), func(one *issue) bool { return one.PullRequest })
}

// find returns the repository that has a name.
func (s *state) find(owner, name string) *repository {
	return s.repositories.Current(owner + "/" + name)
}

// findFormer returns the repository that had a name and was renamed.
func (s *state) findFormer(owner, name string) *repository {
	found := s.repositories.Find(owner + "/" + name)
	if found == nil || strings.EqualFold(found.FullName(), owner+"/"+name) {
		return nil
	}

	return found
}

// seed puts the pull requests into repositories that are new.
func (s *state) seed() error {
	for _, one := range s.repositories.All() {
		if one.last > 0 {
			continue
		}

		for range one.PullRequests {
			number, id := s.next(one)
			body := "A change that is no issue."
			at := s.now()
			made := &issue{
				ID: id, Number: number, Title: fmt.Sprintf("Pull request %d", number), Body: &body, State: "open",
				Creator: "contributor", CreatedAt: at, UpdatedAt: at, PullRequest: true,
			}
			if err := s.Commit(change{Repository: one.FullName(), Issue: made}); err != nil {
				return fmt.Errorf("GitHub fake server: %w", err)
			}
		}
	}

	return nil
}

// now has GitHub's resolution: a second.
func (s *state) now() time.Time { return s.config.Now().UTC().Truncate(time.Second) }
