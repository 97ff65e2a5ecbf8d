package github

import (
	"net/http"
	"strings"
)

// given is the token that a request came with.
func given(made *call) string {
	_, token, _ := strings.Cut(made.Header.Get("Authorization"), " ")

	return strings.TrimSpace(token)
}

// scopes are those of a classic token.
func (s *Server) scopes(made *call) string {
	if scopes, ok := s.config.Scopes[given(made)]; ok {
		return scopes
	}

	return "repo"
}

// beyond is the refusal of a request that the token itself may not make, or that
// an archived repository does not take, nil for all others. Who lacks a scope is
// told that there is nothing
// (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api);
// who lacks a permission, that it is missing.
func (s *Server) beyond(made *call) *answer {
	reads := made.Method == http.MethodGet
	r := made.route.repository
	if r == nil {
		return nil
	}

	issues := strings.Contains(made.URL.Path, "/issues")
	permission, limited := s.config.Permissions[given(made)]
	switch {
	case limited && issues && (permission != "read" || !reads) && !(reads && !r.Private):
		return refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	case !reads && made.pass == nil && classic(made.Header.Get("Authorization")) && !writesIssues(s.scopes(made), r):
		return notFound()
	case !reads && r.Archived:
		return refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	}

	return nil
}

// writesIssues reports whether scopes are enough to write issues of a repository.
func writesIssues(scopes string, r *repository) bool {
	for scope := range strings.SplitSeq(scopes, ",") {
		scope = strings.TrimSpace(scope)
		if scope == "repo" || scope == "public_repo" && !r.Private {
			return true
		}
	}

	return false
}

// mayReopen: who may triage reopens every issue, others only what they closed
// themselves.
func (r *repository) mayReopen(one *issue, login string) bool {
	return r.mayTriage(login) || strings.EqualFold(one.ClosedBy, login)
}
