package jira

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// firstID makes ids as Jira has them: a number of their own.
const firstID = 10_000

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID          string                     `json:"id"`
	Project     string                     `json:"project"`
	Number      int                        `json:"number"`
	Type        string                     `json:"type"`
	Summary     string                     `json:"summary"`
	Description json.RawMessage            `json:"description,omitempty"`
	Labels      []string                   `json:"labels,omitempty"`
	Status      string                     `json:"status"`
	Creator     string                     `json:"creator"`
	Created     time.Time                  `json:"created"`
	Updated     time.Time                  `json:"updated"`
	Properties  map[string]json.RawMessage `json:"properties,omitempty"`
	Deleted     bool                       `json:"deleted,omitempty"`
}

func (i *issue) key() string { return i.Project + "-" + strconv.Itoa(i.Number) }

// Gone reports whether the issue is deleted.
func (i *issue) Gone() bool { return i.Deleted }

// A project with the highest number given in it.
type project struct {
	Project

	id   string
	last int
}

// FullName is the key of the project.
func (p *project) FullName() string { return p.Key }

// Ident is the id of the project.
func (p *project) Ident() int64 { return number64(p.id) }

func newProject(config Project, index int) *project {
	if len(config.Types) == 0 {
		config.Types = []string{"Task", "Bug"}
	}

	if config.Name == "" {
		config.Name = config.Key
	}

	return &project{Project: config, id: strconv.Itoa(firstID + index)}
}

// A status of the workflow all projects have. The names are in the language of
// the site, as they often are.
type status struct{ id, name, category string }

var statuses = []status{
	{"10000", "Zu erledigen", "new"}, {"3", "In Arbeit", "indeterminate"}, {"10001", "Fertig", "done"}, {"10002", "Verworfen", "done"},
}

func findStatus(id string) status {
	at := slices.IndexFunc(statuses, func(s status) bool { return s.id == id })
	return statuses[max(at, 0)]
}

// The statuses that a test or a person asks for.
const (
	statusNew  = "10000"
	statusDone = "10001"
)

// A change is what a write does to an issue, a number of a project that a refused
// create has used up, or what an administrator did to a project.
type change struct {
	Issue   *issue `json:"issue,omitempty"`
	Project string `json:"project,omitempty"`
	Used    int    `json:"used,omitempty"`
	Turn    *turn  `json:"turn,omitempty"`
}

// state is what the fake server has: its projects and issues.
type state struct {
	tracker.Ledger[change]

	config   Config
	context  string // the path before /rest
	projects tracker.Places[*project]
	issues   tracker.Issues[string, *issue] // by id
	lastID   int64

	lock sync.RWMutex
	keys map[string]string // every key an issue ever had to its id
}

// apply makes a change visible.
func (s *state) apply(made change, at time.Time) {
	if p := s.projects.Current(made.Project); p != nil {
		p.last = max(p.last, made.Used)
	}

	if made.Issue != nil {
		s.put(made.Issue, at)
	}

	if made.Turn != nil {
		s.applyTurn(*made.Turn, at)
	}
}

func (s *state) put(put *issue, at time.Time) {
	s.lastID = max(s.lastID, number64(put.ID))
	if p := s.projects.Current(put.Project); p != nil {
		p.last = max(p.last, put.Number)
	}

	s.issues.Put(put.ID, at, put)

	s.lock.Lock()
	defer s.lock.Unlock()
	s.keys[put.key()] = put.ID
}

// get returns an issue by its id or any key it ever had, or nil.
func (s *state) get(name string) *issue { return s.issues.Get(s.idOf(name)) }

// idOf is the id of the issue that has or had a key, also under an earlier key of its
// project. A name that is no key is an id.
func (s *state) idOf(name string) string {
	current := s.currentKey(name)

	s.lock.RLock()
	defer s.lock.RUnlock()
	if id, ok := s.keys[name]; ok {
		return id
	}

	if id, ok := s.keys[current]; ok {
		return id
	}

	return name
}

// currentKey is the key an issue has now for one that it had under an earlier key of
// its project.
func (s *state) currentKey(name string) string {
	at := strings.LastIndexByte(name, '-')
	if at < 0 {
		return name
	}

	p := s.find(name[:at])
	if p == nil {
		return name
	}

	return p.Key + name[at:]
}

// snapshot returns all issues as they were at a time, oldest first.
func (s *state) snapshot(at time.Time) []*issue { return s.issues.At(at) }

func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}

	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}

	return 0
}

// number64 reads an id, 0 where it is no number.
func number64(id string) int64 {
	read, _ := strconv.ParseInt(id, 10, 64)

	return read
}

// next returns the id and the number of the next issue of a project. The caller is
// inside Alone.
func (s *state) next(p *project) (id string, number int) {
	return strconv.FormatInt(s.lastID+1, 10), p.last + 1
}

// Change edits an issue as an administrator does behind the API: moves it,
// deletes it, gives it another time.
func (s *state) Change(name string, edit func(*Edit)) error {
	return s.Alone(func() error {
		found := s.get(name)
		if found == nil {
			return errNoIssue(name)
		}

		changed := *found
		e := &Edit{Project: found.Project, Updated: s.now(), Labels: found.Labels}
		edit(e)
		if e.Project != found.Project {
			to := s.find(e.Project)
			if to == nil {
				return errNoIssue(e.Project)
			}

			_, changed.Number = s.next(to)
			changed.Project = to.Key
		}

		changed.Updated = e.Updated.UTC().Truncate(time.Millisecond)
		changed.Deleted = e.Deleted
		changed.Labels = e.Labels

		return s.Commit(change{Issue: &changed})
	})
}

// An Edit is what Change may change.
type Edit struct {
	Project string
	Deleted bool
	Labels  []string
	Updated time.Time
}

type errNoIssue string

func (e errNoIssue) Error() string { return "fake server of Jira: there is no " + string(e) }

// now has Jira's resolution: a millisecond.
func (s *state) now() time.Time { return s.config.Now().UTC().Truncate(time.Millisecond) }
