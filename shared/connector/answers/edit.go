package answers

import (
	"encoding/json"

	"example.com/integrations/shared/outbound"
)

// An Edit says what proves that an update of an object has arrived. T is the object in
// the provider's own form.
type Edit[T any] struct {
	// Update and Read are the documented successes of the two calls.
	Update, Read Proof
	// Linked reports whether an object is the one that was updated, and Shows whether
	// it is as it was sent.
	Linked, Shows func(T) bool
}

// Proven returns the object as the update left it. An answer with another object
// proves nothing. An answer that is not the documented one counts if the object in it
// shows what was sent. Else read reads the object once: if it shows what was sent, that
// is the proof. It returns false where nothing proves it.
func (e Edit[T]) Proven(answer outbound.Response, read func() (outbound.Response, error)) (T, bool) {
	var object T
	err := json.Unmarshal(answer.Body, &object)
	if err == nil && e.Linked(object) && e.Update.Holds(answer) && (e.Update.Proven(answer) || e.Shows(object)) {
		return object, true
	}

	var none, back T
	again, err := read()
	if err != nil || !e.Read.Proven(again) {
		return none, false
	}
	err = json.Unmarshal(again.Body, &back)
	if err != nil || !e.Linked(back) || !e.Shows(back) {
		return none, false
	}

	return back, true
}
