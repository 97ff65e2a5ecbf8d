// Command ingest is the Lambda function that takes events from the ingest
// queue.
package main

import (
	"fmt"
	"strconv"
	"time"

	"example.com/integrations/functions/ingest/handler"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/syncqueue"
)

func main() { lambdaapp.Function(function) }

func function(b lambdaapp.App) any {
	started := &runs.Runs{
		Table: b.Store, Queue: syncqueue.New(syncqueue.NewClient(b.Clients), b.Env.Text("SYNC_QUEUE_URL")),
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	h := &handler.Handler{
		Items: b.Store, Organisations: b.Store, Grants: b.Store, Marks: b.Store, Runs: started,
		Log: b.Log, Now: time.Now,
		PurgeAfter: lambdaapp.Parsed(b.Env, "PURGE_AFTER_DAYS", days),
	}
	return h.Handle
}

// days reads after how many days a deleted organisation is erased: 30 unless the
// deployment says otherwise.
func days(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if text == "" {
		return 30 * day, nil
	}

	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 3650 {
		return 0, fmt.Errorf("is %q: want whole days from 1 to 3650", text)
	}

	return time.Duration(n) * day, nil
}
