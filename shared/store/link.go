package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// A linkRepository has the links of items to their objects at the provider, which
// are also the ledger; the objects that a pull has seen; and the digests. Only the
// worker writes them, in its batches.
type linkRepository struct {
	table   *table
	pending pendingRepository
}

// An Intent is a create that may have been sent and has no recorded answer.
type Intent struct {
	Attempt  int              `json:"attempt"`
	At       time.Time        `json:"at"`
	Hash     string           `json:"hash"` // of the content that was sent
	Labels   []string         `json:"labels"`
	State    domain.ItemState `json:"state"`
	Previous *PreviousMessage `json:"previous,omitempty"`
	// ClockLag is how far the provider's clock was behind ours, as last measured.
	ClockLag int64 `json:"clock_lag,omitempty"` // milliseconds
	// Signed says that the marker of the create carries a signature.
	Signed bool `json:"signed,omitempty"`
}

// PreviousMessage is what the last message about an item said, beside its labels and
// its state.
type PreviousMessage struct {
	Title   string `json:"title"`
	Text    string `json:"text"` // connector.TextHash of the body
	Deleted bool   `json:"deleted"`
	// Facts are the facts that the message showed.
	Facts domain.Facts `json:"facts,omitzero"`
}

// A Thread describes the replies below an item's message.
type Thread struct {
	// Said is the progress that the last reply reported, or the message itself.
	Said domain.Progress `json:"said"`
	// Last is the last reply, zero for none, and At when it was posted.
	Last domain.Remote `json:"last,omitzero"`
	At   int64         `json:"at,omitempty"` // Unix milliseconds
	// Intent is a reply that may have been posted and has no recorded answer.
	Intent *ReplyIntent `json:"intent,omitempty"`
}

// A ReplyIntent is a reply that may have been posted and has no recorded answer.
type ReplyIntent struct {
	ID        domain.Snowflake `json:"id"`
	Attempt   int              `json:"attempt"`
	At        time.Time        `json:"at"`
	To        domain.Progress  `json:"to"`
	ChangedBy string           `json:"changed_by,omitempty"`
}

// DigestEntry is an item's part of a digest. The digest's record says whether it was
// sent, and with which result.
type DigestEntry struct {
	Digest  domain.Snowflake `json:"digest"`
	Version int64            `json:"version"` // the item's
	Content Intent           `json:"content"` // what the digest says of the item
}

// MaxCandidates is how many objects with the marker of one unanswered create are
// stored.
const MaxCandidates = 10

// MaxAttempted is how many attempts of one create are searched for, the last ones.
// Each earlier attempt was searched for as often, without success.
const MaxAttempted = 10

// A Candidate is an object that carries the marker of an unanswered create.
type Candidate struct {
	Remote    domain.Remote `json:"remote"`
	Title     string        `json:"title"`
	UpdatedAt time.Time     `json:"updated_at"`
	// SeenText and SeenState are its content, as in connector.Seen.
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
}

// A Link connects an item with its object at the provider. It is also the item's row
// in the ledger.
type Link struct {
	ItemID          domain.Snowflake `json:"item_id"`
	FormattedNumber string           `json:"formatted_number"`
	// Target is the key of the target that the object is in. It is part of the key:
	// only the links of the configured target are read.
	Target     string           `json:"target"`
	Remote     *domain.Remote   `json:"remote"`
	SentHash   string           `json:"sent_hash"`
	SentLabels []string         `json:"sent_labels"`
	SentState  domain.ItemState `json:"sent_state"`
	// InDoubt says that an update may have been sent after the recorded content. The
	// object then has the recorded content, or that of the update, with
	// InDoubtLabels.
	InDoubt       bool     `json:"in_doubt"`
	InDoubtLabels []string `json:"in_doubt_labels"`
	// InDoubtTexts and InDoubtStates are the object's content, as in connector.Seen,
	// if an update in doubt was carried out. They are set where the provider stores
	// texts unchanged.
	InDoubtTexts  []string           `json:"in_doubt_texts,omitempty"`
	InDoubtStates []domain.ItemState `json:"in_doubt_states,omitempty"`
	// Verbatim says that the provider stored the last text unchanged.
	Verbatim bool `json:"verbatim,omitempty"`
	// SeenText and SeenState are the object's content when it was last written or
	// read, as in connector.Seen.
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
	// SeenAt is the provider's time of that content. An answer with an earlier time is
	// outdated.
	SeenAt  int64   `json:"seen_at"` // Unix milliseconds
	Intent  *Intent `json:"intent"`
	Attempt int     `json:"attempt"` // creates attempted so far
	// Attempted are the times of the last attempts by the provider's clock, the
	// latest last. The object of an attempt was not created before its time. There
	// is one more than MaxAttempted, since the last attempt may be undone.
	Attempted []int64 `json:"attempted,omitempty"` // Unix seconds
	// Previous is what the last message said, nil for none; only chats have it.
	Previous *PreviousMessage `json:"previous,omitempty"`
	// Thread is nil for an item without a message, and where the chat does not
	// reply.
	Thread *Thread `json:"thread,omitempty"`
	// Channel is the provider's id of the channel or thread that the last message
	// is in; only chats have it. It stays when the message's own id is discarded, so
	// that the next message goes into the same thread.
	Channel string `json:"channel,omitempty"`
	// InDigest is nil for an item that is in no digest.
	InDigest *DigestEntry `json:"in_digest,omitempty"`
	// NotEditable is the id of a message that cannot be edited any more, or that a
	// person deleted, while its replacement is being created. A search ignores it.
	NotEditable string `json:"not_editable,omitempty"`
	// FoundAt is when the object was created, if a search found it by its marker. An
	// older object with the marker is more likely the original and replaces it.
	FoundAt int64 `json:"found_at,omitempty"` // Unix milliseconds
	// FoundEarly says that the object existed before the attempt of its marker.
	FoundEarly bool `json:"found_early,omitempty"`
	// Candidates are objects that carry the marker of the unanswered create.
	// When one of them is recorded as the item's object, the others are copies made
	// by people.
	Candidates []Candidate `json:"candidates,omitempty"`

	Outcome   domain.Outcome   `json:"outcome"`
	Reason    string           `json:"reason"`
	Version   int64            `json:"version"`  // the item version of the outcome
	Attempts  int              `json:"attempts"` // failures in a row at that version
	RetryAt   time.Time        `json:"retry_at"`
	GivenUp   bool             `json:"given_up"`
	LastRunID domain.Snowflake `json:"last_run_id"`
	// CountedIn is the run that last counted the item, CountedAs the outcome under
	// which it did. An item counts once in a run.
	CountedIn domain.Snowflake `json:"counted_in"`
	CountedAs domain.Outcome   `json:"counted_as"`
	UpdatedAt time.Time        `json:"updated_at"`
}

// StartAttempt counts one more attempt to create the object. notBefore is the
// earliest time by the provider's clock at which the object can be created.
func (l *Link) StartAttempt(notBefore time.Time) {
	l.Attempt++
	l.Attempted = append(slices.Clone(l.Attempted), notBefore.Unix())
	l.Attempted = l.Attempted[max(0, len(l.Attempted)-MaxAttempted-1):]
}

// UndoAttempt takes back the last attempt.
func (l *Link) UndoAttempt() {
	l.Attempt--
	l.Attempted = l.Attempted[:max(0, len(l.Attempted)-1)]
}

// SetCreatedAt records when the object was created by the provider's clock, zero if
// the provider did not say. After several attempts it is not known which of them
// created the object.
func (l *Link) SetCreatedAt(at time.Time) {
	switch {
	case len(l.Attempted) == 1:
	case !at.IsZero():
		l.Attempted = []int64{at.Unix()}
	case len(l.Attempted) > 0:
		l.Attempted = []int64{slices.Min(l.Attempted)}
	}
}

// AttemptedAt is the time of an attempt, zero where it is not known: a version of
// the software without signed markers did not store it.
func (l *Link) AttemptedAt(attempt int) time.Time {
	n := len(l.Attempted) - 1 - (l.Attempt - attempt)
	if n < 0 || n >= len(l.Attempted) || l.Attempted[n] <= 0 {
		return time.Time{}
	}

	return time.Unix(l.Attempted[n], 0).UTC()
}

// indexed are the outcomes that operators filter the ledger by. Only links with
// them are in the sparse index "outcome".
var indexed = map[domain.Outcome]bool{
	domain.Skipped: true, domain.Deferred: true, domain.FailedOut: true, domain.Unknown: true, domain.Accepted: true,
}

func outcomePartition(integration domain.Snowflake, out domain.Outcome) string {
	return integrationPartition(integration) + "#" + string(out)
}

// putLink stores a link, with the key of the index if its outcome is indexed.
func putLink(integration domain.Snowflake, l Link) action {
	r := mustEncode(l)
	if indexed[l.Outcome] {
		r[outcomeKey] = text(outcomePartition(integration, l.Outcome))
	}

	return put(linkKey(integration, l.Target, l.ItemID), r)
}

// Links reads the links of at most 100 items to objects at a target.
func (r linkRepository) Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]Link, error) {
	_, links, err := r.ItemsAndLinks(ctx, IntegrationRef{ID: integration}, target, items, false)
	return links, err
}

// ItemsAndLinks reads items and their links at a target together, strongly consistent: at
// most 50 items, or 100 links alone.
func (r linkRepository) ItemsAndLinks(ctx context.Context, ref IntegrationRef, target string, ids []domain.Snowflake, withItems bool) (map[domain.Snowflake]domain.Item, map[domain.Snowflake]Link, error) {
	var keys []key
	for _, id := range ids {
		keys = append(keys, linkKey(ref.ID, target, id))
		if withItems {
			keys = append(keys, itemKey(ref.OrganisationID, ref.ItemType, id))
		}
	}

	found, err := r.table.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, wrap(err, "read items and links of integration", ref.ID)
	}

	items := map[domain.Snowflake]domain.Item{}
	links := map[domain.Snowflake]Link{}
	for _, id := range ids {
		if link := found[linkKey(ref.ID, target, id)]; link != nil {
			var l Link
			if err := decode(link, &l); err != nil {
				return nil, nil, wrap(err, "read link of item", id)
			}
			links[id] = l
		}

		if record := found[itemKey(ref.OrganisationID, ref.ItemType, id)]; withItems && record != nil {
			item, err := decodeItem(record)
			if err != nil {
				return nil, nil, wrap(err, "read item", id)
			}
			items[id] = item
		}
	}

	return items, links, nil
}

// LinkedTarget is the key of a target to which an integration has links, "" if it
// has none. With links to several targets it is any of them.
func (r linkRepository) LinkedTarget(ctx context.Context, integration domain.Snowflake) (string, error) {
	keys, err := r.table.keys(ctx, pageOf{pk: integrationPartition(integration), prefix: linkPrefix, limit: 1})
	if err != nil || len(keys) == 0 {
		return "", wrap(err, "look for links of integration", integration)
	}

	target, _, _ := strings.Cut(strings.TrimPrefix(keys[0].sk, linkPrefix), "#")

	return target, nil
}
