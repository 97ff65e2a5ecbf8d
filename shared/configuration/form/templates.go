package form

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// Templates replace the provider's usual title and body. An empty one leaves
// the usual text.
type Templates struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

// MaxTemplate is the most bytes a template may have.
const MaxTemplate = 4096

// Fields lists the item fields a template may name, in the order documents
// name them.
var Fields = []string{
	"formatted_number", "title", "description", "url", "state", "status", "priority", "labels", "item_type", "updated_at",
	"type", "project", "milestone", "owner", "due_at", "updated_by",
}

// Field gives an item's field as text, as the item has it: the caller that puts it
// into a provider's markup disarms it first. What the item does not have is "".
func Field(item domain.Item, name string) string {
	switch name {
	case "formatted_number":
		return item.FormattedNumber
	case "title":
		return item.Title
	case "description":
		return item.Description
	case "url":
		return item.URL
	case "state":
		return string(item.State)
	case "status":
		return item.Status
	case "priority":
		return item.Priority
	case "labels":
		return strings.Join(item.Labels, ", ")
	case "item_type":
		return string(item.ItemType)
	case "updated_at":
		return item.UpdatedAt.UTC().Format(time.RFC3339)
	case "type":
		return nameOf(item.Type)
	case "project":
		return nameOf(item.Project)
	case "milestone":
		return nameOf(item.Milestone)
	case "owner":
		return nameOf(item.Owner)
	case "due_at":
		return item.DueDate()
	case "updated_by":
		return nameOf(item.UpdatedBy)
	}

	return ""
}

func nameOf(n *domain.Named) string {
	if n == nil {
		return ""
	}
	return n.Name
}

// Expand replaces each {{name}} of a template by the item's field. There is no
// logic, and a field's text is not looked at again. The result is to be
// disarmed like item text.
func Expand(template string, item domain.Item) (string, error) {
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(template, "{{")
		out.WriteString(text)
		if !found {
			return out.String(), nil
		}

		name, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return "", errors.New("has {{ without }}")
		}

		name = strings.Trim(name, " ")
		if !known(name) {
			return "", &UnknownFieldError{Name: name}
		}

		out.WriteString(Field(item, name))
		template = after
	}
}

// Fill is Expand of a stored template. Where there is none, or it cannot be
// expanded, which validation does not store, the usual one takes its place.
func Fill(template, usual string, item domain.Item) string {
	if template != "" {
		if text, err := Expand(template, item); err == nil {
			return text
		}
	}

	text, _ := Expand(usual, item)
	return text
}

// An UnknownFieldError names what a template asks for and no item has.
type UnknownFieldError struct{ Name string }

func (e *UnknownFieldError) Error() string {
	return fmt.Sprintf("names the unknown field %q", e.Name)
}

func known(name string) bool {
	for _, field := range Fields {
		if field == name {
			return true
		}
	}
	return false
}
