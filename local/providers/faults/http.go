package faults

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"example.com/integrations/local/providers"
	"example.com/integrations/shared/domain"
)

// maxOrder is far above the longest order.
const maxOrder = 64 << 10

// State is what GET /_/faults answers. The form is a promise of the environment.
type State struct {
	Provider string `json:"provider"`
	// Faults are all faults, as this provider has them.
	Faults []Known `json:"faults"`
	// Active are the active orders, in the order in which they are tried.
	Active []Active `json:"active"`
}

// Known is a fault as this provider has it.
type Known struct {
	Fault string `json:"fault"`
	Does  string `json:"does"`
	// Kinds are the calls it is applied to by default; without any, all.
	Kinds []Kind `json:"kinds,omitempty"`
	// Takes names the members of an order that only some faults have.
	Takes []string `json:"takes,omitempty"`
	// Forms are what the member form may be, the default first.
	Forms []string `json:"forms,omitempty"`
	// Cannot says why this provider does not have it.
	Cannot string `json:"cannot,omitempty"`
	// Applied is how often it was applied since the fake server was opened.
	Applied int `json:"applied"`
}

// Active is an order that can still be applied.
type Active struct {
	ID string `json:"id"`
	Order
	// Left is how many of the times are left, Applied how often it was applied.
	Left    int `json:"left,omitempty"`
	Applied int `json:"applied"`
	// Revoked says that the token is revoked: every call of its owner is refused.
	Revoked bool `json:"revoked,omitempty"`
}

// State is the state of the kit.
func (k *Kit) State() State {
	k.lock.Lock()
	defer k.lock.Unlock()
	s := State{Provider: k.profile.Provider, Faults: []Known{}, Active: []Active{}}
	for _, d := range definitions {
		one := Known{Fault: d.name, Does: d.does, Kinds: k.profile.kindsOf(d), Takes: d.takes, Forms: k.profile.formsOf(d), Cannot: k.cannot(d.name), Applied: k.applied[d.name]}
		if one.Cannot != "" {
			one.Kinds = nil
			one.Takes = nil
			one.Forms = nil
		}

		s.Faults = append(s.Faults, one)
	}

	for _, a := range k.active {
		s.Active = append(s.Active, a.view())
	}

	return s
}

func (a *active) view() Active {
	return Active{ID: a.id, Order: a.Order, Left: a.left, Applied: a.applied, Revoked: a.revoked}
}

// Mount serves the kit below /_/faults of a fake server's plain address.
func (k *Kit) Mount(mux *http.ServeMux) {
	if k == nil {
		return
	}

	mux.HandleFunc("GET /_/faults", func(w http.ResponseWriter, _ *http.Request) { providers.SendJSON(w, k.State()) })
	mux.HandleFunc("POST /_/faults", k.post)
	mux.HandleFunc("DELETE /_/faults", k.remove)
	mux.HandleFunc("POST /_/faults/form", k.form)
}

func (k *Kit) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		refuseOrder(w, Refused{{Field: "body", Detail: "cannot be read: " + err.Error()}})
		return
	}

	o, err := ParseOrder(body)
	id := ""
	if err == nil {
		id, err = k.Add(o)
	}

	if err != nil {
		refuseOrder(w, err)
		return
	}

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/_/faults?id="+id)
	w.WriteHeader(http.StatusCreated)
	providers.SendJSON(w, map[string]string{"id": id, "fault": o.Fault})
}

func (k *Kit) remove(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	fault := r.URL.Query().Get("fault")
	for name := range r.URL.Query() {
		if name != "id" && name != "fault" {
			refuseOrder(w, Refused{{Field: name, Detail: "is not known: id or fault tells which are to end"}})
			return
		}
	}

	if _, known := define(fault); fault != "" && !known {
		refuseOrder(w, Refused{{Field: "fault", Detail: "is none"}})
		return
	}

	if k.Clear(id, fault) == 0 && id != "" {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"type":"about:blank","title":"No such fault is active","status":404}`)
		return
	}

	w.WriteHeader(http.StatusNoContent)
}

func refuseOrder(w http.ResponseWriter, err error) {
	var refused Refused
	if !errors.As(err, &refused) {
		refused = Refused{{Field: "body", Detail: err.Error()}}
	}

	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": "The fault is not valid", "status": http.StatusBadRequest,
		"detail": refused.Error(), "errors": []domain.FieldError(refused),
	})
}
