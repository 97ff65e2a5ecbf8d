// Package delivery brings events to their targets, as EventBridge and Lambda do: a bus
// with rules that send events to queues, schedules that call functions, and event source
// mappings that read a queue and call a function with batches.
package delivery

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	contentType = "application/x-amz-json-1.1"
	maxEntries  = 10
	// maxBytes is what the entries of one call may hold together.
	maxBytes = 256 << 10
)

// A Rule brings the events of one bus that match a pattern to queues.
type Rule struct {
	Name string
	// Bus is the bus' name.
	Bus     string
	Pattern json.RawMessage
	Targets []Target
}

// A Target is a queue.
type Target struct {
	QueueURL string
	// MessageGroupID is a fixed text, or a JSONPath into the event such as
	// $.detail.organisation_id.
	MessageGroupID string
	// DeadLetterURL takes what the queue refuses; it may be empty.
	DeadLetterURL string
}

// BusConfig says which buses there are and where their events go.
type BusConfig struct {
	Buses     []string
	Rules     []Rule
	Queue     Sender
	Region    string
	AccountID string
	Log       *slog.Logger
}

// A Bus takes events and delivers them.
type Bus struct {
	config BusConfig
	rules  []rule
	recent recent
	*deliveries
}

type rule struct {
	Rule
	pattern pattern
}

// NewBus checks the rules: an unknown operator is an error, because a rule
// that matches other events than on AWS is worse than none.
func NewBus(config BusConfig) (*Bus, error) {
	b := &Bus{config: config, deliveries: newDeliveries(config.Queue, config.Log)}
	for _, one := range config.Rules {
		p, err := parsePattern(one.Pattern)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", one.Name, err)
		}

		for _, target := range one.Targets {
			if err := checkPath(target.MessageGroupID); err != nil {
				return nil, fmt.Errorf("rule %s: %w", one.Name, err)
			}
		}

		b.rules = append(b.rules, rule{Rule: one, pattern: p})
	}

	return b, nil
}

// An entry is an event as a caller of PutEvents gives it.
type entry struct {
	Source, DetailType, Detail, EventBusName string
	Resources                                []string
	Time                                     *float64
	TraceHeader                              string
}

func (e entry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	for _, r := range e.Resources {
		n += len(r)
	}

	if e.Time != nil {
		n += 14
	}

	return n
}

// A result is the answer to one entry.
type result struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// An envelope is an event as a target gets it.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// ServeHTTP answers PutEvents in AWS JSON 1.1.
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := b.answer(r)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", uuid())
	var refused *fault
	switch {
	case errors.As(err, &refused):
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(refused)
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(w).Encode(fault{"InternalException", err.Error()})
	default:
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// A fault refuses a whole call.
type fault struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (f *fault) Error() string { return f.Type + ": " + f.Message }

type answer struct {
	FailedEntryCount int
	Entries          []result
}

func (b *Bus) answer(r *http.Request) (*answer, error) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		return nil, &fault{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	if r.Method != http.MethodPost || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		return nil, &fault{"UnknownOperationException", "the local bus supports only PutEvents"}
	}

	var input struct{ Entries []entry }
	if err := json.NewDecoder(io.LimitReader(r.Body, 4*maxBytes)).Decode(&input); err != nil {
		return nil, &fault{"SerializationException", err.Error()}
	}

	if n := len(input.Entries); n < 1 || n > maxEntries {
		return nil, &fault{"ValidationException", fmt.Sprintf("1 to %d entries are allowed, not %d", maxEntries, n)}
	}

	size := 0
	for _, e := range input.Entries {
		size += e.size()
	}

	if size > maxBytes {
		return nil, &fault{"ValidationException", "Total size of the entries in the request is over the limit."}
	}

	out := &answer{}
	for _, e := range input.Entries {
		one := b.put(r.Context(), e)
		if one.ErrorCode != "" {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, one)
	}

	return out, nil
}

func (b *Bus) put(ctx context.Context, e entry) result {
	if refused := b.check(e); refused.ErrorCode != "" {
		return refused
	}

	event := envelope{
		Version: "0", ID: uuid(), DetailType: e.DetailType, Source: e.Source, Account: b.config.AccountID,
		Time: at(e.Time).UTC().Format("2006-01-02T15:04:05Z"), Region: b.config.Region,
		Resources: append([]string{}, e.Resources...), Detail: json.RawMessage(e.Detail),
	}

	body, value, err := encode(event)
	if err != nil {
		return result{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}

	b.recent.add(body)
	for _, rule := range b.rules {
		if rule.Bus != e.bus() || !rule.pattern.matches(value) {
			continue
		}

		for _, target := range rule.Targets {
			b.deliver(ctx, delivery{target: target, body: body, group: groupOf(target.MessageGroupID, value)})
		}
	}

	return result{EventID: event.ID}
}

func (b *Bus) check(e entry) result {
	argument := func(name string) result {
		return result{ErrorCode: "InvalidArgument",
			ErrorMessage: fmt.Sprintf("Parameter %s is not valid. Reason: %s is a required argument.", name, name)}
	}
	var detail map[string]json.RawMessage
	switch {
	case e.Source == "":
		return argument("Source")
	case e.DetailType == "":
		return argument("DetailType")
	case e.Detail == "":
		return argument("Detail")
	case strings.HasPrefix(e.Source, "aws."):
		return result{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case json.Unmarshal([]byte(e.Detail), &detail) != nil || detail == nil:
		return result{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	case !b.has(e.bus()):
		return result{ErrorCode: "ResourceNotFoundException", ErrorMessage: "Event bus " + e.bus() + " does not exist."}
	}

	return result{}
}

// bus is the name in a bus' name or ARN.
func (e entry) bus() string {
	if e.EventBusName == "" {
		return "default"
	}

	if _, name, ok := strings.Cut(e.EventBusName, ":event-bus/"); ok {
		return name
	}

	return e.EventBusName
}

func (b *Bus) has(name string) bool {
	if name == "default" {
		return true
	}

	for _, known := range b.config.Buses {
		if known == name {
			return true
		}
	}

	return false
}

func at(seconds *float64) time.Time {
	if seconds == nil {
		return time.Now()
	}
	return time.UnixMilli(int64(*seconds * 1000))
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
