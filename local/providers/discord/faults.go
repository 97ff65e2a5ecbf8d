package discord

import (
	"cmp"
	"net/http"
	"strings"

	"example.com/integrations/local/providers/chat"
	"example.com/integrations/local/providers/faults"
)

// kit makes the fake server fail on purpose.
func (s *Server) kit(h faults.Hooks) *faults.Kit {
	h.Lags = true
	h.Call = func(r *http.Request) faults.Call { return s.callOf(routed(r)) }
	h.Check = func(r *http.Request, a faults.Answer) {
		c := routed(r)
		if c.route.do == nil {
			return
		}

		if err := s.contract.CheckResponse(s.described(c), a.Status, a.Header, a.Body); err != nil {
			s.Violation("answer %d to %s: %v", a.Status, c.route.path, err)
		}
	}
	h.Delete = func(r *http.Request) error {
		c := routed(r)
		if c.route.do == nil || c.parts[len(c.parts)-2] != "messages" {
			return faults.ErrNothing
		}

		return s.Vanish(s.channelOf(c), c.parts[len(c.parts)-1])
	}
	h.Rename = func(r *http.Request) error {
		c := routed(r)
		if c.route.do == nil {
			return faults.ErrNothing
		}

		in := s.channel(s.channelOf(c))
		if in == nil {
			return faults.ErrNothing
		}

		s.Rename(in.ID, faults.Renamed(in.Name))

		return nil
	}

	return faults.New(faults.Discord(), h)
}

// channelOf is the id of the channel of a request: the one in its path, or the thread
// that it names, or the one of its webhook.
func (s *Server) channelOf(c *call) string {
	if hook := s.webhook(c.parts[1]); c.parts[0] == "webhooks" && hook != nil {
		return cmp.Or(c.URL.Query().Get("thread_id"), hook.Channel)
	}

	return c.parts[1]
}

// routed is a request with its route.
func routed(r *http.Request) *call {
	c := &call{Call: &chat.Call{Request: r}}
	if groups := version.FindStringSubmatch(r.URL.Path); groups != nil {
		c.older = older(groups[1])
		c.parts = strings.Split(groups[2], "/")[1:]
		c.route = find(r.Method, c.parts)
	}

	return c
}

// callOf is what a request is about, and its caller.
func (s *Server) callOf(c *call) faults.Call {
	out := faults.Call{Kind: faults.Other}
	if c.route.do == nil {
		return out
	}

	if _, refused := s.admit(c); !refused {
		out.User = c.User
	}

	_, token, found := strings.Cut(c.Header.Get("Authorization"), " ")
	if !found {
		token = c.Header.Get("Authorization")
	}

	out.Person = c.parts[0] != "webhooks" && token != "" && token == s.config.PersonToken
	one := strings.HasSuffix(c.route.path, "/messages/*")
	switch {
	case c.route.kind == chat.Create:
		out.Kind = faults.Create
	case c.route.kind == chat.Write:
		out.Kind = faults.Update
	case one:
		out.Kind = faults.Read
	case strings.HasSuffix(c.route.path, "/messages"):
		out.Kind = faults.List
	}

	if one {
		out.Object = c.parts[len(c.parts)-1]
	}

	return out
}
