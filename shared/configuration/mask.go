package configuration

import (
	"strings"

	"example.com/integrations/shared/domain"
)

// unstored finds masks that keep nothing.
func unstored(masks []string, stored *Stored) []FieldError {
	var fields []FieldError
	for _, name := range masks {
		if stored == nil || stored.Secrets[name] == "" {
			fields = append(fields, FieldError{root + "." + name, "is the mask " + domain.Mask + ", and no secret is stored for it: give the secret itself"})
		}
	}

	return fields
}

// moved finds masks whose secret would go elsewhere than it was given for. A
// manager who can change the address must not be able to send a secret, which they
// cannot read, to a server of their choice.
func (s *schema) moved(doc *object, masks []string, stored *Stored, origin string) []FieldError {
	if len(masks) == 0 {
		return nil
	}

	changed := s.changes(doc, stored)
	var fields []FieldError
	for _, name := range masks {
		why := changed
		if why == "" && stored.Secrets[name] != origin {
			why = "the address it is sent to has changed"
		}

		if why != "" {
			fields = append(fields, FieldError{root + "." + name, "must be given anew: " + why})
		}
	}

	return fields
}

// changes says which members that decide where secrets go differ from what is
// stored, "" if none does. What cannot be compared has changed.
func (s *schema) changes(doc *object, stored *Stored) string {
	before, _, fields := parse(stored.Public)
	if len(fields) > 0 {
		return "the stored configuration cannot be read"
	}

	var names []string
	for _, name := range s.destination {
		if s.effective(doc, name) != s.effective(before, name) {
			names = append(names, name)
		}
	}

	if len(names) == 0 && s.authentication(doc) != s.authentication(before) {
		return "the form of authentication has changed"
	}
	if len(names) == 0 {
		return ""
	}

	verb := " has changed"
	if len(names) > 1 {
		verb = " have changed"
	}

	return strings.Join(names, ", ") + verb
}

// effective is a member's value, or the default that stands for it.
func (s *schema) effective(doc *object, name string) string {
	if _, given := doc.values[name]; given {
		return doc.text(name)
	}
	value, _ := s.properties()[name]["default"].(string)
	return value
}

// authentication names the form: which secrets it is made of.
func (s *schema) authentication(doc *object) string {
	var names []string
	for _, name := range s.secrets {
		if _, given := doc.values[name]; given {
			names = append(names, name)
		}
	}

	return strings.Join(names, " ")
}
