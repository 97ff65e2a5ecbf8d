package jira

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// A turn is what an administrator did to a project, as the journal keeps it.
type turn struct {
	Key string `json:"key"`          // of the project before
	To  string `json:"to,omitempty"` // its new key
	ID  string `json:"id,omitempty"` // the id of the project that replaces it
}

// Rename gives a project another key. As at a real Jira, the id stays, issues
// get keys with the new one, and the old key and the old issue keys go on
// working (https://support.atlassian.com/jira-cloud-administration/docs/edit-a-projects-details/).
func (s *state) Rename(from, to string) error {
	return s.Alone(func() error { return s.turn(turn{Key: from, To: to}) })
}

// Recreate deletes a project with all its issues and makes an empty one with
// the same key. The new one has another id, and its issues count from 1.
func (s *state) Recreate(key string) error {
	return s.Alone(func() error {
		highest := int64(firstID - 1)
		for _, p := range s.projects.All() {
			highest = max(highest, p.Ident())
		}

		return s.turn(turn{Key: key, ID: strconv.FormatInt(highest+1, 10)})
	})
}

func (s *state) turn(t turn) error {
	if s.find(t.Key) == nil {
		return errNoIssue(t.Key)
	}

	return s.Commit(change{Turn: &t})
}

// applyTurn does what an administrator did.
func (s *state) applyTurn(t turn, at time.Time) {
	before := s.projects.Current(t.Key)
	if before == nil {
		return
	}

	after := *before
	if t.ID != "" {
		after.id = t.ID
		after.last = 0
		s.projects.Replace(before, &after)
		s.issues.Forget(func(i *issue) bool { return i.Project == before.Key })
		return
	}

	after.Key = t.To
	s.projects.Replace(before, &after)
	s.rekeyIssues(before.Key, t.To, at)
}

// rekeyIssues gives the issues of a project their new keys. Their times stay.
func (s *state) rekeyIssues(from, to string, at time.Time) {
	for _, i := range s.issues.All() {
		if i.Project == from {
			renamed := *i
			renamed.Project = to
			s.put(&renamed, at)
		}
	}
}

// find returns a project by its key, by a key it had before, or by its id.
func (s *state) find(name string) *project {
	if p := s.projects.Find(name); p != nil {
		return p
	}

	return s.projects.Numbered(number64(name))
}

// projectID is the id of a project by any of its names, or the name itself where
// there is none.
func (s *state) projectID(name string) string {
	if p := s.find(name); p != nil {
		return p.id
	}
	return name
}

// cloudIDOf makes a cloud id for a site that was given none. It has the form of a
// real one and is the same after every start.
func cloudIDOf(site string) string {
	sum := sha256.Sum256([]byte(site))
	text := hex.EncodeToString(sum[:16])

	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}
