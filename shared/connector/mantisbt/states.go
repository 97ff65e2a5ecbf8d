package mantisbt

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A states reads which statuses of the server are open and which are closed, and
// chooses the status to write.
type states struct {
	client     *client
	classifier *classifier
	place      *place

	mu    sync.Mutex
	known *workflow // nil before MantisBT was asked
}

// prepare finds the project and reads the server's workflow once.
func (st *states) prepare(ctx context.Context) (projectRef, workflow, error) {
	p, err := st.place.find(ctx)
	if err != nil {
		return projectRef{}, workflow{}, err
	}

	st.mu.Lock()
	known := st.known
	st.mu.Unlock()
	if known != nil {
		return p, *known, nil
	}

	query := url.Values{"option[]": options, "project_id": {strconv.FormatInt(p.id, 10)}}
	answer, err := st.client.get(ctx, p.root+"/config?"+query.Encode(), 0)
	if err != nil {
		return projectRef{}, workflow{}, err
	}
	if answer.Status != http.StatusOK {
		return projectRef{}, workflow{}, st.classifier.refused(http.MethodGet, answer)
	}

	w, err := parseWorkflow(answer.Body)
	if err != nil {
		return projectRef{}, workflow{}, st.classifier.unreadable("MantisBT did not say which statuses it has", answer)
	}

	st.mu.Lock()
	defer st.mu.Unlock()
	st.known = &w

	return p, w, nil
}

// move is the status and the resolution to write for a state.
func (st *states) move(w workflow, to domain.ItemState) (status, resolution *ref, err error) {
	wanted := w.reopen
	result := w.reopened
	if to == domain.Closed {
		wanted = w.closed
		result = w.fixed
	}

	if wanted == 0 {
		return nil, nil, st.classifier.fail(failure.Final, failure.IntegrationScope, "status_missing",
			"the server has no status for "+string(to)+" issues", outbound.Response{})
	}

	if result > 0 {
		resolution = &ref{ID: result}
	}

	return &ref{ID: wanted}, resolution, nil
}

// forget drops the statuses of another project.
func (st *states) forget() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.known = nil
}
