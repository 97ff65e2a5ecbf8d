package contract

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Case is one documented way to answer.
type Case struct {
	Operation string
	Status    int
	Media     string // "" without a body
	Code      string // of a problem
}

// String is how a person finds it in the document.
func (c Case) String() string {
	return strings.Join(strings.Fields(fmt.Sprint(c.Operation, " ", c.Status, " ", c.Media, " ", c.Code)), " ")
}

// Gateway reports whether the gateway answers so, and not a function.
func (c Case) Gateway() bool { return c.Status >= 400 && c.Media != problemMedia }

// Cases are all answers in the document.
func (c *Contract) Cases() []Case {
	var all []Case
	for _, o := range c.Operations {
		for _, status := range o.node.to("responses").members() {
			n, _ := strconv.Atoi(status)
			content := o.node.to("responses").to(status).to("content")
			if content.value == nil {
				all = append(all, Case{o.ID, n, "", ""})
			}

			for _, media := range content.members() {
				codes := []string{""}
				if media == problemMedia {
					codes = content.to(media).to("schema").codes()
				}

				for _, code := range codes {
					all = append(all, Case{o.ID, n, media, code})
				}
			}
		}
	}

	return all
}

// codes are those to which a problem's schema narrows its code.
func (n node) codes() []string {
	for _, part := range n.to("allOf").each() {
		if codes := texts(part.to("properties").to("code").to("enum").value); codes != nil && part.to("required").value == nil {
			return codes
		}
	}
	return nil
}

// CaseOf is the way an answer is.
func (o *Operation) CaseOf(a Answer) Case {
	media, _ := mediaOf(a.Header)
	one := Case{Operation: o.ID, Status: a.Status, Media: media}
	if media == problemMedia {
		var problem struct{ Code string }
		_ = json.Unmarshal(a.Body, &problem)
		one.Code = problem.Code
	}

	return one
}

// Seen are the ways to answer that tests have met. Its zero value is empty.
type Seen struct {
	mu    sync.Mutex
	cases map[Case]bool
}

// Add notes one.
func (s *Seen) Add(c Case) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cases == nil {
		s.cases = map[Case]bool{}
	}

	s.cases[c] = true
}

// Missing are those of want that were never met.
func (s *Seen) Missing(want []Case) []Case {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(want), func(c Case) bool { return s.cases[c] })
}

// WholeRun reports whether all tests of a package were run: only then does it
// say something that none has met a case.
func WholeRun() bool {
	for name, usual := range map[string]string{"run": "", "skip": "", "list": "", "fuzz": "", "short": "false"} {
		if f := flag.Lookup("test." + name); f != nil && f.Value.String() != usual {
			return false
		}
	}
	return true
}
