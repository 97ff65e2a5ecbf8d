package mantisbt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A note of an issue.
type note struct {
	ID        int       `json:"id"`
	Reporter  string    `json:"reporter"`
	Text      string    `json:"text"`
	Private   bool      `json:"private,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// A relation leads from an issue to another one.
type relation struct {
	ID   int `json:"id"`
	Type int `json:"type"`
	// Issue is the number of the other one.
	Issue int `json:"issue"`
}

// parentOf is the type of a relation to an issue that must be done first.
const parentOf = 2

// relations are the types of relations. Their label has blanks for dashes.
var relations = enum{{0, "duplicate-of"}, {1, "related-to"}, {parentOf, "parent-of"}, {3, "child-of"}, {4, "has-duplicate"}}

// addNote adds a note. An issue that is read-only takes none (recorded:
// note-add-closed).
func (s *issues) addNote(made *call) (*answer, *issue) {
	found, refused := s.rights.existing(made)
	if refused != nil {
		return refused, nil
	}

	given, refused := parseObject(made.body)
	if refused != nil {
		return refused, nil
	}

	var text string
	var view reference
	_ = json.Unmarshal(given["text"], &text)
	_ = json.Unmarshal(given["view_state"], &view)

	project := s.project(found.Project, "")
	switch {
	case strings.TrimSpace(text) == "":
		return emptyField("Note", "Issue note not specified."), nil
	case s.rights.readonly(project, found, made.user):
		message := fmt.Sprintf("Issue '%d' is read-only.", found.ID)
		localized := fmt.Sprintf("The action cannot be performed because issue \"%d\" is read-only.", found.ID)
		return refuseAs(http.StatusForbidden, codeReadOnly, message, localized), nil
	case !s.rights.may(project, made.user, "add_bugnote_threshold"):
		return noAccess(made.user + " can't add note."), nil
	}

	added := note{ID: s.nextOf(func(i *issue) int { return highestNote(i.Notes) }), Reporter: made.user, Text: text, Private: accesses.number(view) == 50, CreatedAt: s.now()}
	changed := *found
	changed.Notes = append(slices.Clone(found.Notes), added)
	changed.UpdatedAt = s.now()
	value := map[string]any{"note": s.views.noteView(added, made.user), "issue": s.views.view(&changed, made.user)}

	return &answer{status: http.StatusCreated, value: value}, &changed
}

func highestNote(notes []note) int {
	highest := 0
	for _, n := range notes {
		highest = max(highest, n.ID)
	}

	return highest
}

// noteViews are the notes that a user sees of an issue. Private ones are seen by
// their author and by developers (recorded: get-full-reporter,
// get-full-updater, get-full-developer).
func (s *views) noteViews(one *issue, viewer string) []any {
	var list []any
	for _, n := range one.Notes {
		if !n.Private || n.Reporter == viewer || s.rights.may(s.project(one.Project, ""), viewer, "private_bugnote_threshold") {
			list = append(list, s.noteView(n, viewer))
		}
	}

	return list
}

func (s *views) noteView(n note, viewer string) map[string]any {
	access := 10
	if n.Private {
		access = 50
	}

	return map[string]any{
		"id": n.ID, "reporter": s.userRef(n.Reporter, viewer), "text": n.Text, "view_state": accesses.view(access, s.translated(viewer)),
		"attachments": []any{}, "type": "note", "created_at": s.written(n.CreatedAt), "updated_at": s.written(n.CreatedAt),
	}
}

// addRelation adds a relation to another issue. It is kept at the issue that it
// was added to, and shown there alone.
func (s *issues) addRelation(made *call) (*answer, *issue) {
	found, refused := s.rights.existing(made)
	if refused != nil {
		return refused, nil
	}

	given, refused := parseObject(made.body)
	if refused != nil {
		return refused, nil
	}

	var other, kind reference
	_ = json.Unmarshal(given["issue"], &other)
	_ = json.Unmarshal(given["type"], &kind)

	project := s.project(found.Project, "")
	switch {
	case s.get(other.ID) == nil:
		return noIssue(other.ID), nil
	case !s.rights.may(project, made.user, "update_bug_threshold"):
		return noAccess("Access denied to add relationship"), nil
	}

	added := relation{ID: s.nextOf(highestRelation), Type: relations.number(kind), Issue: other.ID}
	changed := *found
	changed.Relations = append(slices.Clone(found.Relations), added)
	changed.UpdatedAt = s.now()
	value := map[string]any{"issue": s.views.view(&changed, made.user)}

	return &answer{status: http.StatusCreated, value: value}, &changed
}

func highestRelation(one *issue) int {
	highest := 0
	for _, r := range one.Relations {
		highest = max(highest, r.ID)
	}

	return highest
}

// relationViews are the relations of an issue as the API shows them.
func (s *views) relationViews(one *issue, t translation) []any {
	var list []any
	for _, r := range one.Relations {
		other := s.get(r.Issue)
		if other == nil {
			continue
		}

		kind := relations.view(r.Type, t)
		kind["label"] = strings.ReplaceAll(fmt.Sprint(kind["name"]), "-", " ")
		list = append(list, map[string]any{"id": r.ID, "type": kind, "issue": map[string]any{
			"id": other.ID, "status": statuses.view(other.Status, t), "resolution": resolutions.view(other.Resolution, t), "summary": other.Summary,
		}})
	}

	return list
}
