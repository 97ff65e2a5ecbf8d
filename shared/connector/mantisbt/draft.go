package mantisbt

import (
	"strings"

	"example.com/integrations/shared/connector"
)

// A ref names a project, a category, a status or a resolution.
type ref struct {
	ID   int64  `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A draft is the body of a request that creates or changes an issue. Members
// that are left out stay as they are.
type draft struct {
	Summary     string `json:"summary"`
	Description string `json:"description"`
	Additional  string `json:"additional_information,omitempty"`
	Project     *ref   `json:"project,omitempty"`
	Category    *ref   `json:"category,omitempty"`
	Status      *ref   `json:"status,omitempty"`
	Resolution  *ref   `json:"resolution,omitempty"`
	// Notes is an empty list or nothing: see notes.
	Notes *[]struct{} `json:"notes,omitempty"`
}

// newIssue is the draft of a create. The project is named by its number, if that
// is known.
func (w *writer) newIssue(p projectRef, content connector.Content, m connector.Marker) draft {
	project := &ref{ID: p.id}
	if p.id == 0 {
		project.Name = w.client.cfg.Project
	}

	return draft{
		Summary:     content.Title,
		Description: content.Body,
		Additional:  markerLine(m),
		Project:     project,
		Category:    &ref{Name: w.client.cfg.Category},
	}
}

// changedIssue is the draft of a change of an issue, without its status. What
// people wrote beside the marker stays.
func changedIssue(i current, content connector.Content, m connector.Marker) draft {
	return draft{
		Summary:     content.Title,
		Description: content.Body,
		Additional:  keepMarker(i.Additional, m),
		Notes:       notes(i.version),
	}
}

// notesProved are the versions on which `"notes": []` in a PATCH was seen to
// lose no note. There the PATCH needs no right to change notes. Without this
// member, MantisBT writes all notes of the issue again, and refuses the whole
// change to users who may not change notes (update_bugnote_threshold). On other
// versions the member could delete notes, so it is left out.
var notesProved = map[string]string{
	"2.28.4": fromRecordings + "patch-with-foreign-note-notes-emptied",
}

// notes is the list of notes in a PATCH to a server of a version, nil to leave it
// out.
func notes(version string) *[]struct{} {
	if notesProved[version] == "" {
		return nil
	}

	return &[]struct{}{}
}

// wide reports whether a text has characters of four bytes, which old MySQL
// tables cannot store.
func wide(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r > 0xffff })
}

// narrowed is a text with a replacement character for each such character.
func narrowed(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return '\ufffd'
		}

		return r
	}, text)
}
