package worker

import (
	"encoding/json"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/signing"
	"example.com/integrations/shared/store"
)

// A site is where an invocation works: the opened connector, what is configured, and
// the target with the key of its markers.
type site struct {
	*session
	conn          connector.Connector
	finder        bool // the provider can be asked for what an unanswered create made
	chat          chat
	configuration configured
	target        store.Target // the place that the run serves
	// keyOfMarkers makes markerKey, zero in a dry run.
	keyOfMarkers signing.Key
	// markerKey signs what this invocation writes at the target, and verifies the
	// markers there. It is set with the target.
	markerKey signing.Signer
}

// configured is what the worker itself reads of a configuration.
type configured struct {
	OnDelete string `json:"on_delete"` // close or leave
	Pull     string `json:"pull"`      // off, linked or all
}

// setTarget sets the place that the invocation works at, and signs markers for it. A
// marker that was copied from an object of another place is not valid there.
func (si *site) setTarget(t store.Target) {
	si.target = t
	si.markerKey = si.keyOfMarkers.At(t.ID, connector.Instant(t.Created))
}

// pulls reports whether the integration reads what changed at the provider.
func (si *site) pulls() bool {
	_, can := si.conn.(connector.Puller)
	return can && (si.configuration.Pull == pullLinked || si.configuration.Pull == pullAll)
}

// future reports whether a time is beyond the provider's present.
func (si *site) future(at int64) bool { return at > si.providerNow().Add(clockSkew).UnixMilli() }

// look is what the object looks like with this content where the provider stores
// texts as they are sent, "" for a chat.
func (si *site) look(t *task, c connector.Content) string {
	puller, can := si.conn.(connector.Puller)
	if !can {
		return ""
	}

	return puller.Look(c, si.marker(t))
}

// verbatim reports whether the provider stored the text as it was sent.
func (si *site) verbatim(t *task, w connector.Written, c connector.Content) bool {
	return w.Seen.Text != "" && w.Seen.Text == si.look(t, c)
}

// sends is what a create sends. At a tracker new objects are open, and closed
// by an update once they are recorded.
func (si *site) sends(t *task) connector.Content { return si.policy().Created(t.content) }

// policy is how items are brought to the target now.
func (si *site) policy() item.Policy {
	return item.Policy{
		Now:          si.clock.Now(),
		CanSearch:    si.finder,
		LeaveDeleted: si.configuration.OnDelete == "leave",
		Chat:         si.chat.is,
		PostsEach:    si.chat.posts(),
		Announce:     si.run.Announce,
	}
}

func readConfigured(configuration string) configured {
	var c configured
	if err := json.Unmarshal([]byte(configuration), &c); err != nil {
		return configured{}
	}
	return c
}

// intend stores in the link that a create is about to be sent.
func (si *site) intend(t *task) {
	if si.messageGone(t) {
		t.forgetMessage()
	}

	t.link.StartAttempt(si.notBefore())
	t.link.Remote = nil
	t.link.Thread = nil // of an earlier message, if there was one
	t.link.Intent = si.intent(t)
	t.intentStored = true
}

func (si *site) intent(t *task) *store.Intent {
	c := si.sends(t)
	return &store.Intent{Attempt: t.link.Attempt, At: si.clock.Now().UTC(), Hash: c.Hash(), Labels: c.Labels, State: c.State, Previous: si.chat.previousMessage(c), ClockLag: si.maxClockLag().Milliseconds(), Signed: true}
}
