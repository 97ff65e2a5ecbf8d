package testkit

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A ContractCase is one documented way to answer.
type ContractCase struct {
	Operation string
	Status    int
	Media     string // "" without a body
	Code      string // of a problem
}

// String is how a person finds it in the document.
func (c ContractCase) String() string {
	return strings.Join(strings.Fields(fmt.Sprint(c.Operation, " ", c.Status, " ", c.Media, " ", c.Code)), " ")
}

// Gateway reports whether the gateway answers so, and not a function.
func (c ContractCase) Gateway() bool { return c.Status >= 400 && c.Media != problemMedia }

// Cases are all answers in the document.
func (c *Contract) Cases() []ContractCase {
	var all []ContractCase
	for _, o := range c.Operations {
		for _, status := range o.node.to("responses").members() {
			n, _ := strconv.Atoi(status)
			content := o.node.to("responses").to(status).to("content")
			if content.value == nil {
				all = append(all, ContractCase{o.ID, n, "", ""})
			}

			for _, media := range content.members() {
				codes := []string{""}
				if media == problemMedia {
					codes = content.to(media).to("schema").codes()
				}

				for _, code := range codes {
					all = append(all, ContractCase{o.ID, n, media, code})
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
func (o *Operation) CaseOf(a Answer) ContractCase {
	media, _ := mediaOf(a.Header)
	one := ContractCase{Operation: o.ID, Status: a.Status, Media: media}
	if media == problemMedia {
		var problem struct{ Code string }
		_ = json.Unmarshal(a.Body, &problem)
		one.Code = problem.Code
	}

	return one
}

// SeenCases are the ways to answer that tests have met. Its zero value is empty.
type SeenCases struct {
	mu    sync.Mutex
	cases map[ContractCase]bool
}

// Add notes one.
func (s *SeenCases) Add(c ContractCase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cases == nil {
		s.cases = map[ContractCase]bool{}
	}

	s.cases[c] = true
}

// Missing are those of want that were never met.
func (s *SeenCases) Missing(want []ContractCase) []ContractCase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(want), func(c ContractCase) bool { return s.cases[c] })
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
