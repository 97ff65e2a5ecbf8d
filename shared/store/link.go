package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/integrations/shared/domain"
)

// An Intent stands for a create that may have left and has no recorded answer.
type Intent struct {
	Attempt  int              `json:"attempt"`
	At       time.Time        `json:"at"`
	Hash     string           `json:"hash"` // of the content that was sent
	Labels   []string         `json:"labels"`
	State    domain.ItemState `json:"state"`
	Previous *PreviousMessage `json:"previous,omitempty"`
	// ClockLag is how far the provider's clock was known to be behind ours.
	ClockLag int64 `json:"clock_lag,omitempty"` // milliseconds
	// Signed says that the marker of the create carries a signature.
	Signed bool `json:"signed,omitempty"`
}

// PreviousMessage is what a chat was told of an item, beside its labels and its state.
type PreviousMessage struct {
	Title   string `json:"title"`
	Text    string `json:"text"` // connector.TextHash of the body
	Deleted bool   `json:"deleted"`
	// Facts are those that the message showed.
	Facts domain.Facts `json:"facts,omitzero"`
}

// A Thread is what is known of the replies below an item's message.
type Thread struct {
	// Said is the progress that the last reply told, or the message itself.
	Said domain.Progress `json:"said"`
	// Last is the last reply, zero for none, and At when it was posted.
	Last domain.Remote `json:"last,omitzero"`
	At   int64         `json:"at,omitempty"` // Unix milliseconds
	// Intent is a reply that may have been posted and has no recorded answer.
	Intent *ReplyIntent `json:"intent,omitempty"`
}

// A ReplyIntent stands for a reply that may have been posted.
type ReplyIntent struct {
	ID        domain.Snowflake `json:"id"`
	Attempt   int              `json:"attempt"`
	At        time.Time        `json:"at"`
	To        domain.Progress  `json:"to"`
	ChangedBy string           `json:"changed_by,omitempty"`
}

// DigestEntry says that an item is told of by a digest. Whether that has left, and
// what became of it, stands in the digest's record.
type DigestEntry struct {
	Digest  domain.Snowflake `json:"digest"`
	Version int64            `json:"version"` // the item's
	Content Intent           `json:"content"` // what the digest told
}

// MaxCandidates is how many objects with the marker of one unanswered create
// are remembered.
const MaxCandidates = 10

// MaxAttempted is how many attempts of one create are looked for, the last ones.
// An earlier attempt has been looked for as often, without success.
const MaxAttempted = 10

// A Candidate is an object that carries the marker of an unanswered create.
type Candidate struct {
	Remote    domain.Remote `json:"remote"`
	Title     string        `json:"title"`
	UpdatedAt time.Time     `json:"updated_at"`
	// SeenText and SeenState are what it looks like, in connector.Seen's terms.
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
}

// A Link ties an item to its object at the provider; it is the ledger's row.
type Link struct {
	ItemID          domain.Snowflake `json:"item_id"`
	FormattedNumber string           `json:"formatted_number"`
	// Target is the place the remote object is in. It is part of the key: only
	// the links of the configured target are read.
	Target     string           `json:"target"`
	Remote     *domain.Remote   `json:"remote"`
	SentHash   string           `json:"sent_hash"`
	SentLabels []string         `json:"sent_labels"`
	SentState  domain.ItemState `json:"sent_state"`
	// InDoubt says that an update may have left since what was sent is known:
	// the object is then as that says, or as the update made it, with these
	// labels.
	InDoubt       bool     `json:"in_doubt"`
	InDoubtLabels []string `json:"in_doubt_labels"`
	// InDoubtTexts and UnsureStates are what the object looks like, in
	// connector.Seen's terms, where an update in doubt was carried out and the
	// provider stores texts as they are sent.
	InDoubtTexts  []string           `json:"in_doubt_texts,omitempty"`
	InDoubtStates []domain.ItemState `json:"in_doubt_states,omitempty"`
	// Verbatim says that the provider stored the last text as it was sent.
	Verbatim bool `json:"verbatim,omitempty"`
	// SeenText and SeenState are what the object looked like when it was last
	// written or read, in connector.Seen's terms.
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
	// SeenAt is the provider's time of that: what it shows of an earlier time is
	// an old picture.
	SeenAt  int64   `json:"seen_at"` // Unix milliseconds
	Intent  *Intent `json:"intent"`
	Attempt int     `json:"attempt"` // creates attempted so far
	// Attempted are the times of the last attempts, the latest last: by the
	// provider's clock, what an attempt made was not made before its time. It is
	// one more than MaxAttempted, since the last one may be taken back.
	Attempted []int64 `json:"attempted,omitempty"` // Unix seconds
	// Previous is what the last message told, nil for none; only chats have it.
	Previous *PreviousMessage `json:"previous,omitempty"`
	// Thread is nil for an item without a message, and where the chat does not
	// reply.
	Thread *Thread `json:"thread,omitempty"`
	// Channel is the provider's id of the channel or thread that the last message
	// is in; only chats have it. It stays when the message's own id is given up,
	// so that the next message goes into the same thread.
	Channel string `json:"channel,omitempty"`
	// InDigest is nil for an item that no digest is to tell of.
	InDigest *DigestEntry `json:"in_digest,omitempty"`
	// NotEditable is the id of the message that cannot be edited any more, or that a
	// person deleted, while another is to take its place: it is not the one that is
	// looked for.
	NotEditable string `json:"not_editable,omitempty"`
	// FoundAt is when the object was created, where a search of the place found
	// it by its marker: one that is rather the original takes its place.
	FoundAt int64 `json:"found_at,omitempty"` // Unix milliseconds
	// FoundEarly says that the object was there before the attempt of its marker.
	FoundEarly bool `json:"found_early,omitempty"`
	// Candidates are objects that carry the marker of the unanswered create.
	// Once one of them is recorded as the item's, the others are known to be
	// copies that people made.
	Candidates []Candidate `json:"candidates,omitempty"`

	Outcome   domain.Outcome   `json:"outcome"`
	Reason    string           `json:"reason"`
	Version   int64            `json:"version"`  // the item's, that the outcome is about
	Attempts  int              `json:"attempts"` // failures in a row at that version
	RetryAt   time.Time        `json:"retry_at"`
	GivenUp   bool             `json:"given_up"`
	LastRunID domain.Snowflake `json:"last_run_id"`
	// CountedIn is the run that last counted the item, CountedAs what it
	// counted it as: an item counts once in a run.
	CountedIn domain.Snowflake `json:"counted_in"`
	CountedAs domain.Outcome   `json:"counted_as"`
	UpdatedAt time.Time        `json:"updated_at"`
}

// StartAttempt counts one more attempt to create the object, not before a time by
// the provider's clock.
func (l *Link) StartAttempt(notBefore time.Time) {
	l.Attempt++
	l.Attempted = append(slices.Clone(l.Attempted), notBefore.Unix())
	l.Attempted = l.Attempted[max(0, len(l.Attempted)-MaxAttempted-1):]
}

// UndoAttempt uncounts the last attempt.
func (l *Link) UndoAttempt() {
	l.Attempt--
	l.Attempted = l.Attempted[:max(0, len(l.Attempted)-1)]
}

// SetCreatedAt notes when the object was made by the provider's clock, zero where it did
// not tell. Of several attempts it is not known which one made it.
func (l *Link) SetCreatedAt(at time.Time) {
	switch {
	case len(l.Attempted) == 1:
	case !at.IsZero():
		l.Attempted = []int64{at.Unix()}
	case len(l.Attempted) > 0:
		l.Attempted = []int64{slices.Min(l.Attempted)}
	}
}

// AttemptedAt is the time of an attempt, zero where it is not known: a version
// that did not sign markers kept none.
func (l *Link) AttemptedAt(attempt int) time.Time {
	n := len(l.Attempted) - 1 - (l.Attempt - attempt)
	if n < 0 || n >= len(l.Attempted) || l.Attempted[n] <= 0 {
		return time.Time{}
	}

	return time.Unix(l.Attempted[n], 0).UTC()
}

// noteworthy outcomes are those an operator filters the ledger by; only they
// stand in the sparse index.
var noteworthy = map[domain.Outcome]bool{
	domain.Skipped: true, domain.Deferred: true, domain.FailedOut: true, domain.Unknown: true, domain.Accepted: true,
}

func outcomePartition(integration domain.Snowflake, out domain.Outcome) string {
	return integrationPartition(integration) + "#" + string(out)
}

func linkRecord(integration domain.Snowflake, l Link) record {
	r := mustEncode(l)
	if noteworthy[l.Outcome] {
		r["outcome_pk"] = text(outcomePartition(integration, l.Outcome))
	}
	return r
}

// Links reads the links of at most 100 items to objects at a target.
func (s *Store) Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]Link, error) {
	_, links, err := s.ItemsAndLinks(ctx, IntegrationRef{ID: integration}, target, items, false)
	return links, err
}

// ItemsAndLinks reads items and their links at a target together, strongly consistent: at
// most 50 items, or 100 links alone.
func (s *Store) ItemsAndLinks(ctx context.Context, p IntegrationRef, target string, ids []domain.Snowflake, withItems bool) (map[domain.Snowflake]domain.Item, map[domain.Snowflake]Link, error) {
	var keys []key
	for _, id := range ids {
		keys = append(keys, linkKey(p.ID, target, id))
		if withItems {
			keys = append(keys, itemKey(p.OrganisationID, p.ItemType, id))
		}
	}

	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, wrap(err, "read items and links of integration", p.ID)
	}

	items := map[domain.Snowflake]domain.Item{}
	links := map[domain.Snowflake]Link{}
	for _, id := range ids {
		if r := found[linkKey(p.ID, target, id)]; r != nil {
			var l Link
			if err := decode(r, &l); err != nil {
				return nil, nil, wrap(err, "read link of item", id)
			}
			links[id] = l
		}

		if r := found[itemKey(p.OrganisationID, p.ItemType, id)]; withItems && r != nil {
			item, err := decodeItem(r)
			if err != nil {
				return nil, nil, wrap(err, "read item", id)
			}
			items[id] = item
		}
	}

	return items, links, nil
}

// Objects reads whose the objects of at most 100 remote ids at a target are.
func (s *Store) Objects(ctx context.Context, integration domain.Snowflake, target string, remoteIDs []string) (map[string]Object, error) {
	var keys []key
	for _, id := range remoteIDs {
		keys = append(keys, remoteKey(integration, target, id))
	}

	found, err := s.batchGet(ctx, keys)
	objects := map[string]Object{}
	for _, r := range found {
		var o Object
		err = errors.Join(err, decode(r, &o))
		objects[o.RemoteID] = o
	}

	return objects, wrap(err, "read objects of integration", integration)
}
