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
func (a *api) scopes(made *call) string {
	if scopes, ok := a.config.Scopes[given(made)]; ok {
		return scopes
	}

	return "repo"
}

// beyond is the refusal of a request that the token itself may not make, or that
// an archived repository does not accept, nil for all others. Without the scope the
// answer is 404
// (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api),
// without the permission it is 403.
func (a *api) beyond(made *call) *answer {
	reads := made.Method == http.MethodGet
	r := made.route.repository
	if r == nil {
		return nil
	}

	issues := strings.Contains(made.URL.Path, "/issues")
	permission, limited := a.config.Permissions[given(made)]
	switch {
	case limited && issues && (permission != "read" || !reads) && !(reads && !r.Private):
		return refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	case !reads && made.pass == nil && classic(made.Header.Get("Authorization")) && !writesIssues(a.scopes(made), r):
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

// mayReopen reports whether a login may reopen an issue: with the right to triage
// every issue, otherwise only an issue that it closed itself.
func (r *repository) mayReopen(one *issue, login string) bool {
	return r.mayTriage(login) || strings.EqualFold(one.ClosedBy, login)
}

func (r *repository) visible(login string) bool {
	return r != nil && (!r.Private || r.mayTriage(login) || holds(r.Read, login))
}

func (r *repository) mayTriage(login string) bool {
	return r.mayPush(login) || holds(r.Triage, login)
}

func (r *repository) mayPush(login string) bool {
	return r.Push == nil || holds(r.Push, login) || r.mayAdmin(login)
}

func (r *repository) mayAdmin(login string) bool { return holds(r.Admin, login) }
