package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestParse(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"rate(1 minute)": 5 * time.Second, "rate(15 minutes)": 75 * time.Second, "rate(1 hour)": 300 * time.Second, "rate(2 days)": 4 * time.Hour,
		"rate(1 minutes)": 0, "rate(2 minute)": 0, "rate(0 minutes)": 0, "rate(1 week)": 0, "cron(0 12 * * ? *)": 0, "": 0, "rate(99999999999999999999 minutes)": 0,
	} {
		if got, err := ParseRate(expression, 5*time.Second); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %v, %v", expression, got, err)
		}
	}
}

func TestARuleFiresAtItsRateAndNeverTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 62*time.Second)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		running := false
		Schedule{ARN: "arn:rule", Every: 5 * time.Second, Region: "eu-central-1", AccountID: "1", Log: slog.New(slog.DiscardHandler),
			Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
				if running {
					t.Error("called while it runs")
				}

				running = true
				at = append(at, time.Since(began))
				var event struct {
					Source    string
					Resources []string
				}
				if err := json.Unmarshal(payload, &event); err != nil || event.Source != "aws.events" || event.Resources[0] != "arn:rule" {
					t.Errorf("event %s", payload)
				}

				if len(at) == 2 {
					time.Sleep(12 * time.Second) // longer than its period
				}

				running = false

				return nil, errors.New("its failure stops nothing")
			}}.Run(ctx)
		if at[0] != 5*time.Second || at[1] != 10*time.Second || at[2] != 22*time.Second || len(at) != 11 {
			t.Errorf("fired at %v", at)
		}
	})
}
