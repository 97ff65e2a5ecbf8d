package gateway

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// route is a Route with its path taken apart.
type route struct {
	Route
	segments []segment
	mu       sync.Mutex
	tokens   float64 // of the bucket that throttles
	filled   time.Time
}

// admits takes a token from the route's bucket, if there is one: API Gateway
// throttles so (its guide, "Throttle requests to your HTTP APIs").
func (r *route) admits(now time.Time) bool {
	if r.Rate == 0 {
		return true
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.filled.IsZero() {
		r.tokens = r.Burst
	}

	r.tokens = min(r.Burst, r.tokens+max(0, now.Sub(r.filled).Seconds())*r.Rate)
	r.filled = now
	if r.tokens < 1 {
		return false
	}

	r.tokens--

	return true
}

// A segment is a piece of a path: a fixed text or a parameter.
type segment struct {
	text      string
	parameter bool
}

func (r *route) key() string { return r.Method + " " + r.Path }

// compile orders routes so that the first that matches is the most specific:
// a fixed text comes before a parameter, the leftmost difference decides.
func compile(routes []Route) []*route {
	var compiled []*route
	for _, one := range routes {
		next := &route{Route: one}
		for _, part := range strings.Split(strings.TrimPrefix(one.Path, "/"), "/") {
			name, ok := strings.CutPrefix(part, "{")
			next.segments = append(next.segments, segment{text: strings.TrimSuffix(name, "}"), parameter: ok})
		}

		compiled = append(compiled, next)
	}

	slices.SortStableFunc(compiled, func(a, b *route) int {
		return slices.CompareFunc(a.segments, b.segments, func(a, b segment) int {
			switch {
			case a.parameter == b.parameter:
				return 0
			case a.parameter:
				return 1
			}

			return -1
		})
	})

	return compiled
}

// match finds the route for an escaped path and the values of its parameters,
// decoded. It splits before it decodes, so that an escaped slash stays inside
// its parameter.
func match(routes []*route, method, path string) (*route, map[string]string) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, nil
	}

	parts := make([]string, 0, 4)
	for part := range strings.SplitSeq(rest, "/") {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return nil, nil
		}
		parts = append(parts, decoded)
	}

	for _, candidate := range routes {
		if candidate.Method != method && candidate.Method != "ANY" {
			continue
		}

		if parameters, ok := candidate.take(parts); ok {
			return candidate, parameters
		}
	}

	return nil, nil
}

func (r *route) take(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.segments) {
		return nil, false
	}

	var parameters map[string]string
	for i, segment := range r.segments {
		switch {
		case !segment.parameter && segment.text != parts[i], segment.parameter && parts[i] == "":
			return nil, false
		case segment.parameter:
			if parameters == nil {
				parameters = map[string]string{}
			}
			parameters[segment.text] = parts[i]
		}
	}

	return parameters, true
}
