package worker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// The sum of a digest stands in the run's record, which DynamoDB bounds at 400 KiB.
// A digest names no labels, so the sum holds none, however many the items have.
func TestTheSumOfADigestIsSmall(t *testing.T) {
	w, r := replyingChat(t)
	r.manner.DigestOver = 5
	var labels []string
	for n := range 100 {
		labels = append(labels, fmt.Sprint(strings.Repeat("<", 47), n))
	}

	for id := domain.Snowflake(1); id <= 12; id++ {
		w.told(id, 1, func(i *domain.Item) { i.Labels = labels })
	}

	mustBe(t, "counts", w.sync(domain.Incremental).Counts, domain.Counts{Created: 12})
	w.noMarks()

	mustBe(t, "messages", len(r.messages), 1)
	d := r.messages[0].digest
	mustBe(t, "items named", len(d.First), connector.DigestShows)
	sum, err := json.Marshal(d)
	w.must(err)
	if len(sum) > 20<<10 {
		t.Errorf("the sum has %d bytes", len(sum))
	}
}
