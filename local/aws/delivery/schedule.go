package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"
)

var rate = regexp.MustCompile(`^rate\((\d+) (minute|hour|day)(s?)\)$`)

// ParseRate reads a schedule expression of which only rates are known. A minute
// lasts as long as the caller says.
func ParseRate(expression string, minute time.Duration) (time.Duration, error) {
	m := rate.FindStringSubmatch(expression)
	if m == nil {
		return 0, fmt.Errorf("the schedule %s is unknown to the local environment, which supports only rate(…)", expression)
	}

	n, err := strconv.Atoi(m[1])
	if err != nil || n < 1 || (n == 1) != (m[3] == "") {
		return 0, fmt.Errorf("the schedule %s is not valid: one minute, more minutes", expression)
	}

	unit := map[string]int{"minute": 1, "hour": 60, "day": 24 * 60}[m[2]]

	return time.Duration(n*unit) * minute, nil
}

// A Schedule calls a function at a rate.
type Schedule struct {
	ARN    string
	Every  time.Duration
	Region string
	// AccountID is the account the event says it comes from.
	AccountID string
	Invoke    func(ctx context.Context, payload []byte) ([]byte, error)
	Log       *slog.Logger
}

// Run fires until ctx ends. A call that outlasts its period delays the next: a
// local minute may be shorter than a function's timeout, a real one is not.
func (r Schedule) Run(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if _, err := r.Invoke(ctx, r.event(now)); err != nil && ctx.Err() == nil {
				r.Log.Warn("scheduled call failed", "rule", r.ARN, "error", err)
			}
		}
	}
}

// event is what EventBridge gives a scheduled function.
func (r Schedule) event(now time.Time) []byte {
	payload, _ := json.Marshal(map[string]any{
		"version": "0", "id": uuid(),
		"detail-type": "Scheduled Event", "source": "aws.events", "account": r.AccountID,
		"time": now.UTC().Format("2006-01-02T15:04:05Z"), "region": r.Region,
		"resources": []string{r.ARN}, "detail": map[string]any{},
	})

	return payload
}
