package slack

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
	"example.com/integrations/local/providers/faults"
)

func (s *Server) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf,
		Log: func(r *http.Request, w providers.Write) { s.Refused(r, w) },
		Delete: func(r *http.Request) error {
			body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
			c := &call{Call: &chat.Call{Request: r, Body: body}}
			if err != nil || s.read(c) != "" {
				return faults.ErrNothing
			}

			return s.Vanish(c.text("channel"), c.text("ts"))
		},
		Rename: func(r *http.Request) error {
			name := s.arguments(r).text("channel")
			if path, ok := strings.CutPrefix(r.URL.Path, "/services/"); ok {
				name = s.hookAt(path).Channel
			}

			in := s.channel(name)
			if in == nil {
				return faults.ErrNothing
			}

			s.Rename(in.ID, faults.Renamed(in.Name))

			return nil
		},
	}
}

// arguments are those of a call to a method; there are none where they cannot be
// read.
func (s *Server) arguments(r *http.Request) *call {
	c := &call{Call: &chat.Call{Request: r, Body: faults.Body(r)}}
	if s.read(c) != "" {
		c.args = nil
	}

	return c
}

// hookAt is the webhook that has a path, empty where there is none.
func (s *Server) hookAt(path string) Hook {
	i := slices.IndexFunc(s.config.Hooks, func(h Hook) bool { return h.Path == path })
	if i < 0 {
		return Hook{}
	}

	return s.config.Hooks[i]
}

// callOf says what a request is about and who makes it.
func (s *Server) callOf(r *http.Request) faults.Call {
	if name, ok := strings.CutPrefix(r.URL.Path, "/services/"); ok {
		return faults.Call{Kind: faults.Create, User: s.hookAt(name).App}
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
