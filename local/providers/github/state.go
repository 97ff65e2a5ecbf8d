package github

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
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

// A repository with its issues: number n stands at n-1.
type repository struct {
	Repository
	id        int64
	created   time.Time
	installed string // the name under which apps are installed on it, "" for none
	issues    []*issue
	byCreator map[string][]int // lower-case login to indexes
	past      providers.Past[int, *issue]
}

// An entry of the journal: a write, applied (then with the issue as it is
// since) or refused, or an issue that was there from the start.
type entry struct {
	Number     int64            `json:"n,omitempty"`
	Write      *providers.Write `json:"write,omitempty"`
	Repository string           `json:"repository,omitempty"`
	Issue      *issue           `json:"issue,omitempty"`
	Placing    *placing         `json:"placing,omitempty"`

	at time.Time // since when it is so, zero for what a journal tells
}

func newRepository(config Repository) *repository {
	r := &repository{Repository: config, id: config.ID, created: config.Created, installed: config.Name, byCreator: map[string][]int{}}
	if r.id == 0 {
		r.id = identify(key(config.Owner, config.Name))
	}

	if r.created.IsZero() {
		r.created = firstMade
	}

	return r
}

// key is how a repository is found: GitHub's names ignore case.
func key(owner, name string) string { return strings.ToLower(owner + "/" + name) }

func (r *repository) fullName() string { return r.Owner + "/" + r.Name }

// identify gives a name an id that is the same after every start.
func identify(name string) int64 {
	sum := fnv.New32a()
	sum.Write([]byte(strings.ToLower(name)))
	return int64(sum.Sum32()>>1) + 1
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

	if made.Issue == nil && made.Placing == nil {
		return
	}

	s.lock.Lock()
	defer s.lock.Unlock()
	if made.Placing != nil {
		s.place(made.Repository, *made.Placing)
		return
	}

	s.lastID = max(s.lastID, made.Issue.ID)
	// A repository that is no longer configured keeps its place in the journal.
	if repository := s.repositories[made.Repository]; repository != nil {
		repository.put(made.Issue)
		repository.past.Put(made.Issue.Number, made.at, made.Issue)
	}
}

func (r *repository) put(put *issue) {
	if put.Number <= len(r.issues) {
		r.issues[put.Number-1] = put
		return
	}

	creator := strings.ToLower(put.Creator)
	r.byCreator[creator] = append(r.byCreator[creator], len(r.issues))
	r.issues = append(r.issues, put)
}

// SetUpdated gives the issues from number first to last one time of their last
// change, as whoever edits many at once leaves them.
func (s *Server) SetUpdated(owner, name string, first, last int, at time.Time) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	repository := s.find(owner, name)
	if repository == nil {
		return fmt.Errorf("GitHub fake server: there is no %s/%s", owner, name)
	}

	for number := first; number <= last; number++ {
		found := s.get(repository, number)
		if found == nil {
			return fmt.Errorf("GitHub fake server: there is no %s/%s#%d", owner, name, number)
		}

		changed := *found
		changed.UpdatedAt = at.UTC().Truncate(time.Second)
		if err := s.commit(entry{Repository: key(owner, name), Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// get returns an issue or nil.
func (s *Server) get(r *repository, number int) *issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if number < 1 || number > len(r.issues) || r.issues[number-1].gone() {
		return nil
	}
	return r.issues[number-1]
}

// next returns the number and the id of the next issue. The caller decides alone.
func (s *Server) next(r *repository) (number int, id int64) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return len(r.issues) + 1, s.lastID + 1
}

// snapshot returns the issues, oldest first; those of one creator if it is not empty.
func (s *Server) snapshot(r *repository, creator string) []*issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if creator == "" {
		return there(append([]*issue(nil), r.issues...))
	}

	indexes := r.byCreator[strings.ToLower(creator)]
	all := make([]*issue, len(indexes))
	for i, index := range indexes {
		all[i] = r.issues[index]
	}

	return there(all)
}

// find returns the repository that has a name.
func (s *Server) find(owner, name string) *repository {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.repositories[key(owner, name)]
}

func (s *Server) findID(id int64) *repository {
	for _, one := range s.all() {
		if one.id == id {
			return one
		}
	}
	return nil
}

// seed puts the pull requests into repositories that are new.
func (s *Server) seed() error {
	for _, one := range s.all() {
		if len(one.issues) > 0 {
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
			if err := s.commit(entry{Repository: key(one.Owner, one.Name), Issue: made}); err != nil {
				return fmt.Errorf("GitHub fake server: %w", err)
			}
		}
	}

	return nil
}

// now has GitHub's resolution: a second.
func (s *Server) now() time.Time { return s.config.Now().UTC().Truncate(time.Second) }
