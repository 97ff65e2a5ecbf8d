package worker

import (
	"cmp"
	"fmt"
	"slices"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A decider says what has to be done about an item.
type decider struct {
	*session
	site   *site
	health *health
}

// newTask prepares the decision about an item.
func (dc *decider) newTask(id domain.Snowflake, item domain.Item, link store.Link, linked bool) *task {
	t := &task{id: id, item: item, link: link, linked: linked}
	t.link.ItemID = id
	t.link.Target = dc.site.target.Key
	t.before = inDoubtOf(link)
	t.countedAs = t.countedByPlan()
	return t
}

// decide compares an item with what was last sent. A panic, which one strange item
// may cause, concerns that item alone.
func (dc *decider) decide(t *task, known bool) {
	defer func() {
		if p := recover(); p != nil {
			dc.log.Error("panic", "item_id", t.id.String(), "panic", fmt.Sprint(p))
			t.step = item.Broken
		}
	}()
	if !known {
		t.step = item.Nothing
		return
	}

	t.link.FormattedNumber = t.item.FormattedNumber
	t.content = dc.site.conn.Render(t.item)
	if t.item.Deleted {
		t.content.State = domain.Closed
	}

	policy := dc.site.policy()
	policy.SkipRefused = dc.health.skipsRefused
	action := item.Decide(t.subject(), policy)
	t.step = action.Step
	t.reason = action.Reason
}

// decideAgain decides about an item anew, and has pushItem do what that says.
func (dc *decider) decideAgain(t *task) {
	dc.decide(t, true)
	t.again = true
}

// remoteMoved is the reason for leaving alone an object that was moved to another
// place, or has another one in its place.
const remoteMoved = "remote_moved"

// markInDoubt stores in the link that an update is about to be sent.
func (dc *decider) markInDoubt(t *task) {
	d := inDoubt{maybeSent: true, labels: union(t.before.labels, t.content.Labels)}
	if look := dc.site.look(t, t.content); look != "" {
		d.texts = keepLast(t.before.texts, look)
		d.states = union(t.before.states, []domain.ItemState{t.content.State})
	}

	d.note(&t.link)
}

// mostTexts is how many updates in doubt of one object are recognised as ours, and
// not as a person's edit.
const mostTexts = 10

// keepLast puts a text last, and keeps the last mostTexts.
func keepLast(texts []string, one string) []string {
	others := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == one })
	texts = append(others, one)

	return texts[max(0, len(texts)-mostTexts):]
}

func union[T cmp.Ordered](a, b []T) []T {
	all := slices.Concat(a, b)
	slices.Sort(all)

	return slices.Compact(all)
}
