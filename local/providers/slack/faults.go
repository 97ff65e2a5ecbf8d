package slack

import (
	"net/http"
	"strings"

	"example.com/integrations/local/providers/chat"
	"example.com/integrations/local/providers/faults"
)

// kit makes the fake server fail on purpose.
func (s *Server) kit(h faults.Hooks) *faults.Kit {
	h.Call = s.callOf
	h.Lags = true
	h.Delete = func(r *http.Request) error {
		c := s.arguments(r)

		return s.Vanish(c.text("channel"), c.text("ts"))
	}
	h.Rename = func(r *http.Request) error {
		id := s.arguments(r).text("channel")
		if path, ok := strings.CutPrefix(r.URL.Path, "/services/"); ok {
			id = s.incoming.at(path).Channel
		}

		if !s.channels.Change(id, func(c *Channel) { c.Name = faults.Renamed(c.Name) }) {
			return faults.ErrNothing
		}

		return nil
	}

	return faults.New(faults.Slack(), h)
}

// arguments are those of a call to a method, none if they are not readable.
func (s *Server) arguments(r *http.Request) *call {
	c := &call{Call: &chat.Call{Request: r, Body: faults.Body(r)}}
	if s.read(c) != "" {
		c.args = nil
	}

	return c
}

// callOf is what a request is about, and its caller.
func (s *Server) callOf(r *http.Request) faults.Call {
	if name, ok := strings.CutPrefix(r.URL.Path, "/services/"); ok {
		return faults.Call{Kind: faults.Create, User: s.incoming.at(name).App}
	}

	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c := faults.Call{Kind: faults.Other, User: s.config.Accounts[token].Name, Person: token != "" && token == s.config.PersonToken}
	switch name := strings.TrimPrefix(r.URL.Path, "/api/"); {
	case name == "conversations.history", name == "conversations.replies":
		c.Kind = faults.List
	case methods[name].kind == chat.Create:
		c.Kind = faults.Create
	case methods[name].kind == chat.Write:
		c.Kind = faults.Update
		c.Object = s.arguments(r).text("ts")
	}

	return c
}
