package recording

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A kind is the part that a value plays for a person.
type kind int

const (
	other kind = iota
	login
	display
	email
	id
	avatar
	secret
	detail
)

// people gives each person of a recording a number, and each value that names
// that person a replacement.
type people struct {
	rules  *Rules
	places map[string]string // replacements that were declared, by the name in lower case
	number map[string]int    // of the person that a value names
	shown  map[string]string // the replacement of a value, by the folded value
	count  int
	free   *regexp.Regexp // finds the values in a text
}

// A fact is a value that names a person.
type fact struct {
	kind  kind
	value string
}

// key is the value in lower case: logins and e-mail addresses match in any case.
func (f fact) key() string { return strings.ToLower(f.value) }

// digits reports whether a text consists of digits.
func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// kindOf is the kind of a member of that name, in any object.
func (r *Rules) kindOf(name string) kind {
	name = strings.ToLower(name)
	for _, one := range []struct {
		list []string
		kind kind
	}{{r.Secret, secret}, {r.Logins, login}, {r.Displays, display}, {r.Emails, email}, {r.IDs, id}, {r.Avatars, avatar}} {
		if listed(one.list, name) {
			return one.kind
		}
	}

	return other
}

// personal is the kind of a member in the object of a person.
func (r *Rules) personal(name string) kind {
	if k := r.kindOf(name); k != other {
		return k
	}

	switch name = strings.ToLower(name); {
	case name == "name", name == "full_name":
		return display
	case name == "id", name == "key", name == "node_id":
		return id
	case name == "title", listed(r.Details, name):
		return detail
	}

	return other
}

func listed(list []string, name string) bool {
	return slices.ContainsFunc(list, func(one string) bool {
		if start, any := strings.CutSuffix(one, "*"); any && start != "" {
			return strings.HasPrefix(name, start)
		}

		if end, any := strings.CutPrefix(one, "*"); any && end != "" {
			return strings.HasSuffix(name, end)
		}

		return one == name
	})
}

// isPerson reports whether an object is a person: it is where people are, or it
// has a login, a name that only people have, or an e-mail address.
func (r *Rules) isPerson(o object, expected bool) bool {
	named := o.says(r.Emails) || o.says(r.Displays) || o.says(r.Logins)
	if expected && named {
		return true
	}

	for _, m := range o {
		if listed(r.NotPeople, strings.ToLower(m.name)) {
			return false
		}
	}

	if expected {
		return true
	}

	_, numbered := o.get("id")

	return o.says(r.Emails) || o.says(r.Displays) || numbered && named
}

// says reports whether one of the members is a non-empty text.
func (o object) says(names []string) bool {
	return slices.ContainsFunc(o, func(m member) bool {
		text, ok := m.value.(string)

		return ok && text != "" && listed(names, strings.ToLower(m.name))
	})
}

// learn notes the people in a JSON value. Expected says that the value stands
// where people are.
func (p *people) learn(value any, expected bool) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			p.learn(one, expected)
		}
	case object:
		p.learnObject(value, expected)
	case string:
		if expected {
			p.note([]fact{{login, value}})
		}
		p.within(value)

	case json.Number:
		if expected {
			p.note([]fact{{id, value.String()}})
		}
	}
}

// within notes the people in the objects of a text.
func (p *people) within(text string) {
	for _, one := range pieces(text) {
		p.learn(one.value, false)
	}
}

func (p *people) learnObject(o object, expected bool) {
	person := p.rules.isPerson(o, expected)

	var facts []fact
	for _, m := range o {
		k := p.rules.kindOf(m.name)
		if person {
			k = p.rules.personal(m.name)
		}

		own := factsOf(k, m.value)
		if person {
			facts = append(facts, own...)
		} else {
			for _, one := range own {
				p.note([]fact{one})
			}
		}

		p.learn(m.value, listed(p.rules.People, strings.ToLower(m.name)))
	}

	p.note(facts)
	p.note(mentioned(o))
}

// mentioned are the facts in a mention of Atlassian's documents, such as
// {"type": "mention", "attrs": {"id": "5b10…", "text": "@Jane Doe"}}.
func mentioned(o object) []fact {
	kind, _ := o.get("type")
	inner, _ := o.get("attrs")
	attrs, ok := inner.(object)
	if kind != "mention" || !ok {
		return nil
	}

	var facts []fact
	if account, _ := attrs.get("id"); scalar(account) != "" {
		facts = append(facts, fact{id, scalar(account)})
	}

	if name, _ := attrs.get("text"); scalar(name) != "" {
		facts = append(facts, fact{display, strings.TrimPrefix(scalar(name), "@")})
	}

	return facts
}

// factsOf are the facts in a member's value, which may be an array.
func factsOf(k kind, value any) []fact {
	if k != login && k != display && k != email && k != id {
		return nil
	}

	switch value := value.(type) {
	case string:
		return []fact{{k, value}}
	case json.Number:
		if k == id {
			return []fact{{id, value.String()}}
		}
	case []any:
		var all []fact
		for _, one := range value {
			if _, nested := one.([]any); !nested {
				all = append(all, factsOf(k, one)...)
			}
		}

		return all
	}

	return nil
}

// note notes what is known about one person. A person who has one of the facts
// already is the same one; a name alone decides only if there is nothing else.
func (p *people) note(facts []fact) {
	facts = slices.DeleteFunc(facts, func(f fact) bool {
		return strings.TrimSpace(f.value) == "" || p.kept(f.value) && f.kind != id
	})
	if len(facts) == 0 {
		return
	}

	who := p.find(facts)
	if who == 0 {
		p.count++
		who = p.count
	}

	for _, f := range facts {
		if p.number[f.key()] == 0 {
			p.number[f.key()] = who
		}

		if _, known := p.shown[f.key()]; !known {
			p.shown[f.key()] = p.replacement(f, who)
		}
	}

	p.free = nil
}

func (p *people) find(facts []fact) int {
	for _, f := range facts {
		if f.kind != display && p.number[f.key()] > 0 {
			return p.number[f.key()]
		}
	}

	strong := slices.ContainsFunc(facts, func(f fact) bool { return f.kind != display })
	if strong {
		return 0
	}

	return p.number[facts[0].key()]
}

func (p *people) kept(value string) bool {
	return slices.Contains(p.rules.Keep, strings.ToLower(strings.TrimSpace(value)))
}

// replacement is what stands for a value. An id of digits stays one, of 18 digits
// if it is a long one.
func (p *people) replacement(f fact, who int) string {
	switch {
	case digits(f.value) && len(f.value) >= 15:
		return strconv.Itoa(900_000_000_000_000_000 + who)
	case digits(f.value):
		return strconv.Itoa(900_000 + who)
	case f.kind == display:
		return "Person " + strconv.Itoa(who)
	case f.kind == email:
		return fmt.Sprintf("person-%d@%s", who, Host)
	case f.kind == id:
		return "account-" + strconv.Itoa(who)
	default:
		return "person-" + strconv.Itoa(who)
	}
}

// value is the replacement of a value that names a person.
func (p *people) value(k kind, value string) string {
	f := fact{k, value}
	if shown, known := p.shown[f.key()]; known {
		return unlessSame(shown, value)
	}

	if strings.TrimSpace(value) == "" || p.kept(value) {
		return value
	}

	p.note([]fact{f})

	return p.shown[f.key()]
}

// compile makes the expression that finds names in texts. Values of less than
// three characters and ids that are short numbers are too usual for it.
func (p *people) compile() {
	var names []string
	for name := range p.shown {
		short := utf8.RuneCountInString(name) < 3 || digits(name) && len(name) < 9
		if _, declared := p.places[name]; declared || !short {
			names = append(names, name)
		}
	}

	// The longest first, and in one order always.
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}

		return strings.Compare(a, b)
	})

	for i, name := range names {
		names[i] = regexp.QuoteMeta(name)
	}

	p.free = regexp.MustCompile(`$.^`)
	if len(names) > 0 {
		p.free = regexp.MustCompile(`(?i)(?:` + strings.Join(names, "|") + `)`)
	}
}

// text replaces the names in a text where they are whole words.
func (p *people) text(text string) string {
	if p.free == nil {
		p.compile()
	}

	var clean strings.Builder
	from := 0
	for from < len(text) {
		found := p.free.FindStringIndex(text[from:])
		if found == nil {
			break
		}

		start := from + found[0]
		end := from + found[1]
		if !wholeWord(text, start, end) {
			_, size := utf8.DecodeRuneInString(text[start:])
			clean.WriteString(text[from : start+size])
			from = start + size

			continue
		}

		clean.WriteString(text[from:start])
		clean.WriteString(p.named(text[start:end]))
		from = end
	}

	clean.WriteString(text[from:])

	return clean.String()
}

// named is the replacement of a value that was found in a text.
func (p *people) named(found string) string {
	if shown, ok := p.shown[strings.ToLower(found)]; ok {
		return unlessSame(shown, found)
	}

	for key, shown := range p.shown {
		if strings.EqualFold(key, found) {
			return shown
		}
	}

	return Redacted
}

// unlessSame is a replacement, or the name itself where it differs in its case
// alone: a name that is to stay, stays as it is written.
func unlessSame(shown, name string) string {
	if strings.EqualFold(shown, name) {
		return name
	}

	return shown
}

// wholeWord reports whether no letter and no digit touches a part of a text.
func wholeWord(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])

	return (start == 0 || !inWord(before)) && (end == len(text) || !inWord(after))
}

func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
